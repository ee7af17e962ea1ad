"""LIBERO-Plus's cameras by name, against its own steps written with SciPy's rotations, and LIBERO's own camera."""

import numpy as np
import pytest

pytest.importorskip("libero")
from scipy.spatial.transform import Rotation

from para.evaluation.plus_cameras import plus_tasks
from para.geometry import relative_angle
from para.worlds.libero.camera import HOME_POSITION, from_mujoco, training_pose
from para.worlds.libero.plus_views import HOME_QUATERNION, named_view


def step_by_step(turn, tilt, scale, yaw, pitch):
    """(position, rotation in MuJoCo's axes) as LIBERO-Plus describes it, rounded where it rounds."""
    x, y, z, w = HOME_QUATERNION[[1, 2, 3, 0]]
    position, rotation = np.array(HOME_POSITION), Rotation.from_quat([x, y, z, w])
    pivot = np.array([0, 0, 0.8])
    if tilt:
        raised = Rotation.from_rotvec(np.radians(-tilt) * np.array([0, 1, 0]))
        position, rotation = (raised.apply(position - pivot) + pivot).round(4), raised * rotation
    about = Rotation.from_euler("z", turn, degrees=True)
    position, rotation = about.apply(position).round(4), about * rotation
    position = (pivot + (position - pivot) * scale / 100).round(4)
    rotation = Rotation.from_euler("z", yaw, degrees=True) * rotation
    rotation = Rotation.from_rotvec(np.radians(-pitch) * np.array([0, 1, 0])) * rotation
    return position, rotation.as_matrix()


def test_every_camera_is_where_libero_plus_puts_it():
    for _, name in plus_tasks():
        position, rotation = step_by_step(*map(int, name.split("_")))
        expected, found = from_mujoco(position, rotation), named_view(name)
        np.testing.assert_allclose(found.translation, expected.translation, atol=2e-4)
        assert np.degrees(relative_angle(found.rotation, expected.rotation)) < 0.02


def test_the_plain_name_is_liberos_own_camera_where_the_training_camera_stands():
    own = named_view("0_0_100_0_0")
    np.testing.assert_allclose(own.translation, HOME_POSITION)
    assert 1 < np.degrees(relative_angle(own.rotation, training_pose().rotation)) < 6  # a tilt about its own centre


def test_directions():
    assert named_view("90_0_100_0_0").translation[1] == pytest.approx(HOME_POSITION[0])  # to the robot's left
    assert named_view("0_15_100_0_0").translation[2] > HOME_POSITION[2]
    away = named_view("0_0_200_0_0").translation - [0, 0, 0.8]
    np.testing.assert_allclose(away, 2 * (HOME_POSITION - [0, 0, 0.8]))
    np.testing.assert_allclose(named_view("0_0_100_4_352").translation, HOME_POSITION)


@pytest.mark.parametrize("name", ["", "1_2_3_4", "a_0_100_0_0", "-5_0_100_0_0"])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="a name is five whole numbers, <turn>_<tilt>_<scale>_<yaw>_<pitch>"):
        named_view(name)
