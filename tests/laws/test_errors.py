"""Wrong inputs are refused at once, with words that say what is wrong and what to do: the texts are part of the product."""

import numpy as np
import pytest

from para.geometry import Camera, DepthBins, HeightBins, Pose, VolumeGrid, homography, warp_image
from para.types import Observation, RobotState, View

CAMERA = Camera(np.array([100.0, 120, 50, 30]), Pose.identity(), 96, 64)
MOVED = CAMERA.move(Pose(np.eye(3), np.array([0.0, 0.02, 0.0])))
VIEW = View("agentview", np.zeros((64, 96, 3), np.uint8), CAMERA)

MISTAKES = {
    "pose_of_quaternion": (
        lambda: Pose(np.array([1.0, 0, 0, 0]), np.zeros(3)),
        "a pose needs a rotation (..., 3, 3) and a translation (..., 3), got (4,) and (3,)",
    ),
    "pose_without_translation": (
        lambda: Pose(np.eye(3), np.zeros(2)),
        "a pose needs a rotation (..., 3, 3) and a translation (..., 3), got (3, 3) and (2,)",
    ),
    "camera_of_matrix": (
        lambda: Camera(np.eye(3), Pose.identity(), 96, 64),
        "intrinsics are (..., 4): fx, fy, cx, cy; got shape (3, 3)",
    ),
    "camera_without_size": (lambda: CAMERA.resize(0, 64), "image size must be positive, got 0 x 64"),
    "crop_without_size": (lambda: CAMERA.crop(10, 10, 20, -1), "image size must be positive, got 20 x -1"),
    "skewed_matrix": (
        lambda: Camera.from_opencv(np.array([[100, 2, 50], [0, 100, 30], [0, 0, 1]]), Pose.identity(), 96, 64),
        "K must be a 3x3 matrix without skew (K[0, 1] = 0), got [[100, 2, 50], [0, 100, 30], [0, 0, 1]]",
    ),
    "no_bins": (
        lambda: HeightBins(0.9, 1.2, 0),
        "bins need high > low and count >= 1, got HeightBins(low=0.9, high=1.2, count=0)",
    ),
    "bins_upside_down": (
        lambda: DepthBins(2.0, 1.0, 8),
        "bins need high > low and count >= 1, got DepthBins(low=2.0, high=1.0, count=8)",
    ),
    "no_rows": (
        lambda: VolumeGrid(HeightBins(0.9, 1.2, 8), 0, 8),
        "a volume needs at least one row and one column, got 0 x 8",
    ),
    "warp_to_another_place": (
        lambda: homography(CAMERA, MOVED),
        "the two cameras stand 0.02 m apart; an image can only be warped exactly between cameras with one centre "
        "(crop, resize, zoom, flip, rotate)",
    ),
    "warp_of_another_size": (
        lambda: warp_image(np.zeros((96, 64, 3), np.uint8), CAMERA, CAMERA),
        "image shape (96, 64, 3) does not fit a camera of 96 x 64 (W x H)",
    ),
    "view_of_another_size": (
        lambda: View("agentview", np.zeros((32, 48, 3), np.uint8), CAMERA),
        "view 'agentview': image shape (32, 48, 3) does not match its camera's size 96 x 64 (W x H). Resize the camera "
        "together with the image (Camera.resize and warp_image).",
    ),
    "unknown_view": (
        lambda: Observation((VIEW,), RobotState(Pose.identity(), 1.0, 0.0)).view("wrist"),
        "no camera 'wrist' in this observation; it has ['agentview']",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_message(name):
    mistake, message = MISTAKES[name]
    with pytest.raises(ValueError) as error:
        mistake()
    assert str(error.value) == message
