"""What is rendered lies where the Camera says: a bright ball's centroid against its projection."""

from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("mujoco") is None:  # not importorskip: MUJOCO_GL must be chosen before mujoco is imported
    pytest.skip("MuJoCo is not installed", allow_module_level=True)

from para.worlds.libero.camera import AIM, CAMERA_NAME, mujoco_quaternion, pinhole, training_pose, view_pose
from para.worlds.libero.rendering import Renderer, mujoco

WIDTH, HEIGHT = 960, 720

MJCF = """
<mujoco>
  <visual><headlight ambient="0 0 0" diffuse="0 0 0" specular="0 0 0"/><quality numslices="64" numstacks="64"/></visual>
  <statistic extent="1" center="0 0 1"/>
  <asset><material name="glow" rgba="1 1 1 1" emission="1"/></asset>
  <worldbody>
    <camera name="{camera}" mode="fixed" pos="0 0 1" fovy="45"/>
    <body name="ball" mocap="true"><geom type="sphere" size="0.012" material="glow" group="1"/></body>
  </worldbody>
</mujoco>
"""

VIEWS = [(0.0, 0.0), (25.0, 0.0), (25.0, 90.0), (17.9, 225.0), (10.7, 270.0)]
POINTS = [(-0.13, 0.0, 0.92), (-0.33, -0.28, 0.90), (0.05, 0.22, 1.05)]


@pytest.fixture(scope="module")
def ball():
    model = mujoco.MjModel.from_xml_string(MJCF.format(camera=CAMERA_NAME))
    renderer = Renderer(model, CAMERA_NAME, WIDTH, HEIGHT)
    yield model, mujoco.MjData(model), renderer
    renderer.close()


@pytest.mark.parametrize("view", VIEWS)
def test_centroid_of_a_rendered_ball(ball, view):
    model, data, renderer = ball
    pose = view_pose(*view)
    camera = pinhole(pose, WIDTH, HEIGHT)
    model.cam_pos[0], model.cam_quat[0] = pose.translation, mujoco_quaternion(pose)
    for point in POINTS:
        data.mocap_pos[0] = point
        mujoco.mj_forward(model, data)
        bright = renderer.render(data).astype(float).sum(2)
        v, u = np.mgrid[:HEIGHT, :WIDTH] + 0.5
        centroid = np.array([(u * bright).sum(), (v * bright).sum()]) / bright.sum()
        pixel, depth = camera.project(np.array([point]))
        assert depth[0] > 0
        np.testing.assert_allclose(centroid, pixel[0], atol=0.1)


@pytest.mark.parametrize("polar", [3.6, 12.5, 25.0, 45.0])
@pytest.mark.parametrize("azimuth", [0.0, 45.0, 90.0, 180.0, 270.0, 337.5])
def test_a_view_is_one_rotation_about_the_aim(polar, azimuth):
    train, test = training_pose(), view_pose(polar, azimuth)
    turn = test.rotation @ train.rotation.T
    angle = np.degrees(np.arctan2(np.linalg.norm(turn - turn.T) / 8**0.5, (np.trace(turn) - 1) / 2))
    np.testing.assert_allclose(angle, polar, atol=1e-9)
    # the optical axis turns by the whole angle, and the aim stays where it was in the picture and in depth
    np.testing.assert_allclose(np.degrees(np.arccos(test.rotation[:, 2] @ train.rotation[:, 2])), polar, atol=1e-6)
    np.testing.assert_allclose(test.inverse() @ AIM, train.inverse() @ AIM, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(test.rotation), 1.0)
    # the centre moves towards the azimuth as seen in the training picture
    moved = train.rotation.T @ (test.translation - train.translation)
    direction = np.exp(1j * np.deg2rad(azimuth))
    np.testing.assert_allclose(np.angle((moved[0] - 1j * moved[1]) / direction), 0, atol=1e-9)


def test_azimuth_90_raises_the_camera_and_270_lowers_it():
    height = training_pose().translation[2]
    assert view_pose(25, 90).translation[2] > height > view_pose(25, 270).translation[2]


def test_training_camera_stands_upright_and_looks_at_the_aim():
    pose = training_pose()
    pixel, _ = pinhole(pose, 320, 240).project(AIM[None])
    np.testing.assert_allclose(pixel[0], [160, 120], atol=1e-9)
    np.testing.assert_allclose(pose.rotation[:, 0], [0, 1, 0], atol=1e-12)  # image right is world +y
    assert pose.rotation[2, 1] < 0  # image down is downwards
