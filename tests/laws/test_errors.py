"""Wrong inputs are refused at once, with words that say what is wrong and what to do: the texts are part of the product."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from para.backbones import Lite0Config
from para.geometry import Camera, DepthBins, HeightBins, Pose, VolumeGrid, homography, warp_image
from para.types import Box, Observation, RobotState, View

CAMERA = Camera(np.array([100.0, 120, 50, 30]), Pose.identity(), 96, 64)
MOVED = CAMERA.move(Pose(np.eye(3), np.array([0.0, 0.02, 0.0])))
VIEW = View("agentview", np.zeros((64, 96, 3), np.uint8), CAMERA)

MISTAKES = {
    "pose_of_quaternion": (
        lambda: Pose(np.array([1.0, 0, 0, 0]), np.zeros(3)),
        "a pose needs a rotation (..., 3, 3) and a translation (..., 3), as arrays, got (4,) and (3,). From a 3x4 or 4x4 "
        "matrix: Pose.from_matrix(T)",
    ),
    "pose_without_translation": (
        lambda: Pose(np.eye(3), np.zeros(2)),
        "a pose needs a rotation (..., 3, 3) and a translation (..., 3), as arrays, got (3, 3) and (2,). From a 3x4 or 4x4 "
        "matrix: Pose.from_matrix(T)",
    ),
    "camera_of_matrix": (
        lambda: Camera(np.eye(3), Pose.identity(), 96, 64),
        "intrinsics are an array (..., 4): fx, fy, cx, cy; got (3, 3). From K: Camera.from_opencv",
    ),
    "pose_of_lists": (
        lambda: Pose([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0]),
        "a pose needs a rotation (..., 3, 3) and a translation (..., 3), as arrays, got () and (). From a 3x4 or 4x4 "
        "matrix: Pose.from_matrix(T)",
    ),
    "pose_of_a_rotation_alone": (
        lambda: Pose.from_matrix(np.eye(3)),
        "a pose's matrix is (..., 3, 4) or (..., 4, 4), got (3, 3)",
    ),
    "camera_at_a_matrix": (
        lambda: Camera.from_opencv([[100, 0, 50], [0, 100, 30], [0, 0, 1]], np.eye(4), 96, 64),
        "T_world_camera is a Pose, got ndarray; from a 3x4 or 4x4 matrix: Pose.from_matrix(T)",
    ),
    "hand_at_a_matrix": (
        lambda: RobotState(np.eye(4), 1.0, 0.0),
        "T_world_ee is a Pose, got ndarray; from a 3x4 or 4x4 matrix: Pose.from_matrix(T)",
    ),
    "hand_in_degrees": (
        lambda: RobotState(Pose(90 * np.eye(3), np.zeros(3)), 1.0, 0.0),
        "T_world_ee: its 3x3 part is no rotation (columns of length 1, perpendicular to each other)",
    ),
    "hand_of_nan": (lambda: RobotState(Pose(np.eye(3), np.full(3, np.nan)), 1.0, 0.0), "T_world_ee: it is not finite"),
    "view_of_a_mirroring_camera": (
        lambda: View("agentview", VIEW.image, replace(CAMERA, T_world_camera=Pose(np.diag([1.0, 1, -1]), np.zeros(3)))),
        "view 'agentview': this camera cannot have taken a picture: T_world_camera: its 3x3 part mirrors (determinant -1)",
    ),
    "view_without_focal_length": (
        lambda: View("agentview", VIEW.image, replace(CAMERA, intrinsics=np.array([100.0, 0, 50, 30]))),
        "view 'agentview': this camera cannot have taken a picture: a focal length is not positive (fx < 0 alone is legal, "
        "of a mirrored picture)",
    ),
    "view_of_two_cameras": (
        lambda: View("agentview", VIEW.image, replace(CAMERA, intrinsics=np.stack([CAMERA.intrinsics] * 2))),
        "view 'agentview': one picture has one camera, got intrinsics (2, 4), rotation (3, 3), translation (3,)",
    ),
    "view_of_a_camera_of_tensors": (
        lambda: View("agentview", VIEW.image, replace(CAMERA, intrinsics=torch.tensor(CAMERA.intrinsics))),
        "view 'agentview': its camera is made of NumPy arrays, as the picture is; use .numpy()",
    ),
    "several_hands": (
        lambda: RobotState(Pose(np.eye(3)[None].repeat(2, 0), np.zeros(3)), 1.0, 0.0),
        "T_world_ee is one pose, (3, 3) and (3,), got (2, 3, 3) and (3,)",
    ),
    "backbone_stages_coarsest_first": (
        lambda: Lite0Config(stages=(4, 2, 1)),
        "Lite0Config.stages rise from 0 to at most 6, finest first; got (4, 2, 1)",
    ),
    "more_frozen_stages_than_there_are": (
        lambda: Lite0Config(stages=(0, 1)),
        "Lite0Config.frozen_stages is at most 2 with stages (0, 1), got 3",
    ),
    "camera_without_size": (lambda: CAMERA.resize(0, 64), "image size must be positive, got 0 x 64"),
    "crop_without_size": (lambda: CAMERA.crop(10, 10, 20, -1), "image size must be positive, got 20 x -1"),
    "skewed_matrix": (
        lambda: Camera.from_opencv(np.array([[100, 2, 50], [0, 100, 30], [0, 0, 1]]), Pose.identity(), 96, 64),
        "K must be a 3x3 matrix without skew (K[0, 1] = 0), got [[100.0, 2.0, 50.0], [0.0, 100.0, 30.0], [0.0, 0.0, 1.0]]",
    ),
    "transposed_matrix": (
        lambda: Camera.from_opencv([[100, 0, 0], [0, 100, 0], [50, 30, 1]], Pose.identity(), 96, 64),
        "K is [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], got [[100.0, 0.0, 0.0], [0.0, 100.0, 0.0], [50.0, 30.0, 1.0]] "
        "(transposed or scaled?)",
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
    "box_upside_down": (
        lambda: Box((0.0, 0.3, 0.0), (0.4, -0.3, 0.4)),
        "a box's low corner lies below its high one in x, y and z, got (0.0, 0.3, 0.0) and (0.4, -0.3, 0.4)",
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
