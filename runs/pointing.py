"""The pictures of the method in results/pictures: one prediction of a policy on a layout that nobody demonstrated or tests.

python runs/pointing.py outputs/lr/train/para/policy
"""

import sys
from pathlib import Path

from para.policy import Policy
from para.report.pointing import FILE, point, save_pointing
from para.report.volume_pictures import draw_volume, save_picture
from para.worlds.libero.layout import rigid_layout
from para.worlds.libero.libero_world import LiberoWorld

PICTURES = Path("results/pictures")
BOWL = (-0.10, 0.17)  # on the half that `lr` does not demonstrate [m]


def main() -> None:
    """See above."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    policy = Policy.from_pretrained(sys.argv[1])
    world = LiberoWorld((448, 448))
    world.reset(rigid_layout(BOWL, 0))
    observation = world.observe()
    world.close()
    save_pointing(point(policy, observation), PICTURES / FILE)
    save_picture(draw_volume(policy, observation), PICTURES / "pointing.jpg")
    print(f"-> {PICTURES / FILE}, {PICTURES / 'pointing.jpg'}")


if __name__ == "__main__":
    main()
