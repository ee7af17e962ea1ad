"""What names and terms on the page mean."""

from __future__ import annotations

POLICIES: dict[str, str] = {
    "para": "our default: points at a pixel and a height for each of the next steps",
    "para_paper": "the published head, conditioning and decoding as far as known, on the named backbone and picture size",
    "para_dino": "our default on a DINOv3 backbone",
    "para_yaw": "our default, also pointing at the direction of the fingers in the picture; trained on rolled pictures",
    "para_yaw_top_view": "our default, its turn read from straight above where the gripper will next act",
    "para_yaw_next_grip": "para_yaw with one rotation for all steps, read where the gripper will next act",
    "para_yaw_mirrored": "para_yaw trained on mirrored pictures, too",
    "para_yaw_level": "para_yaw trained without rolled pictures",
    "para_yaw_ray": "para_yaw with its rotation told relative to the pixel's ray instead",
    "para_yaw_heading": "our default, told the hand's rotation: what para_yaw adds to is this",
    "para_yaw_heading_rolled": "the same, trained on rolled pictures",
    "para_task_id": "our default, told which of the trained tasks it is instead of a sentence to read",
    "para_corrected": "our default, correcting the camera while it runs",
    "cls_regression": "one pooled token of the image, turned into absolute coordinates; the published project calls this ACT",
    "cls_regression_camera": "the same, given the camera and trained with moved pictures",
    "act": "Action Chunking Transformer: a variational transformer with overlapping chunks averaged over time",
    "act_camera": "ACT that is told where the camera stands",
    "act_plucker": "ACT that is given the ray of every pixel",
    "act_camera_frame": "ACT whose actions are in the camera's frame",
    "diffusion": "Diffusion Policy: actions drawn by repeated denoising",
    "diffusion_camera": "Diffusion Policy that is told where the camera stands",
    "video": "a small video model, trained from scratch, as the backbone",
    "expert": "the scripted demonstrator: what the task allows",
    "oracle": "the demonstrator's own future, rounded to the policy's grid and executed alike: what the grid allows",
}
"""By name; a longer name that begins so is a variant."""

TERMS: tuple[tuple[str, str], ...] = (
    (
        "PLACE",
        "the robot put the bowl (in yaw, the box) onto the plate, opened the gripper and left, and there it stayed for half a "
        "second. GRASP: it lifted the bowl and no more. MISS: not even that.",
    ),
    (
        "bare predicate",
        "LIBERO's own success test, true at any moment. It asks for less than PLACE and is what published figures count.",
    ),
    (
        "in distribution",
        "fresh positions inside the training region, seen by the training camera: did the policy learn its lesson at all? "
        "A rival that stays below 80 % there is marked, and beating it proves nothing.",
    ),
    (
        "interval",
        "95 % Wilson score interval of a rate: where the true rate plausibly lies, given the number of episodes.",
    ),
    (
        "paired difference",
        "both policies ran the same conditions, so they are compared condition by condition; the interval comes from drawing "
        "the conditions (and training seeds) anew, the p-value from the exact sign test or, where there are several trainings "
        "or places are asked again, from that drawing and Student's distribution, the larger; adjusted by Holm's method over "
        "the table (every axis together in the table of differences), which keeps many comparisons from producing a lucky one.",
    ),
    ("not behind", "the lower end of the paired interval is above −5 points."),
    (
        "servo, real time",
        "servo drives to each predicted target before the next is taken up; real time sends commands at 20 Hz and lets them "
        "arrive as late as the policy is slow.",
    ),
    (
        "ledger",
        "a public list with a line for each look at the test conditions; the more looks, the more a figure may be chosen. A "
        "row is charged with those under its name and with those of its weights under any other name.",
    ),
    (
        "area under the curve",
        "mean success over the range of a graded axis; 100 % is success everywhere.",
    ),
)


def policy_words(policy: str) -> str:
    """What a policy is, in one sentence without its full stop; empty where nothing is known of it."""
    if policy in POLICIES:
        return POLICIES[policy]
    known = [name for name in POLICIES if policy.startswith(f"{name}_")]
    return POLICIES[max(known, key=len)] if known else ""
