"""Columns hold the numbers that are read from them, or are refused with words that name file, shape and what is needed."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demos.synthetic import default_camera, edit_info
from para.demos import DemoDataset, DemoError

CAMERA = default_camera(96, 64)
POSE, STATE, ACTION = "observation.camera.front.T_world_camera", "observation.state", "action"
DATA = "data/chunk-000/file-000.parquet"
NEEDED_POSE = (
    "needed are 12 numbers a frame (r00, r01, r02, t0, r10, r11, r12, t1, r20, r21, r22, t2), row-major [R | t], or 16 with "
    "the last row 0 0 0 1. Convert the column, or record the set with para."
)
NEEDED_STATE = (
    "needed are 8 numbers a frame (ee.x, ee.y, ee.z, ee.qw, ee.qx, ee.qy, ee.qz, gripper). Convert the column, or record the "
    "set with para."
)


def rewrite(root, key, change, shape=None):
    """The column `key` of every data file is `change` of its numbers (F, C): an array, or a column of Arrow's."""
    for path in (root / "data").rglob("*.parquet"):
        table = pq.read_table(path)
        values = change(np.array(table[key].to_pylist(), np.float32))
        column = pa.array(values.tolist()) if isinstance(values, np.ndarray) else values
        pq.write_table(table.set_column(table.schema.get_field_index(key), key, column), path)
    if shape is not None:
        edit_info(root, lambda info: info["features"][key].update(shape=shape))


def homogeneous(values, last=(0.0, 0.0, 0.0, 1.0)):
    """(F, 12) -> (F, 16)."""
    return np.concatenate([values, np.tile(np.float32(last), (len(values), 1))], axis=1)


def column_major(values):
    """(F, 12) -> (F, 16), as some libraries write matrices."""
    return homogeneous(values).reshape(-1, 4, 4).swapaxes(1, 2).reshape(-1, 16)


def ragged(values):
    return pa.array([row[: 8 - i % 2].tolist() for i, row in enumerate(values)])


def with_gap(values):
    return pa.array([None if i == 3 else row.tolist() for i, row in enumerate(values)])


OTHER = {
    "a matrix by columns": (
        lambda root: rewrite(root, POSE, column_major, [16]),
        "{root}/"
        + DATA
        + ": "
        + POSE
        + " has the shape [16], with the last row "
        + str([*CAMERA.T_world_camera.translation.astype(np.float32).tolist(), 1.0])
        + " in table row 0; "
        + NEEDED_POSE,
    ),
    "a pose of 24 numbers": (
        lambda root: rewrite(root, POSE, lambda values: np.concatenate([values, values], 1)),
        "{root}/" + DATA + ": " + POSE + " has the shape [24]; " + NEEDED_POSE,
    ),
    "a pose described as a quaternion": (
        lambda root: edit_info(root, lambda info: info["features"][POSE].update(shape=[7])),
        "{root}: meta/info.json: " + POSE + " has the shape [7]; " + NEEDED_POSE,
    ),
    "an action without a gripper": (
        lambda root: rewrite(root, ACTION, lambda values: values[:, :7]),
        "{root}/" + DATA + ": action has the shape [7]; " + NEEDED_STATE,
    ),
    "an action of other names": (
        lambda root: edit_info(root, lambda info: info["features"][ACTION].update(names=["x", "y"])),
        "{root}: meta/info.json: action holds ['x', 'y']; " + NEEDED_STATE,
    ),
    "a state of another shape than its names": (
        lambda root: edit_info(root, lambda info: info["features"][STATE].update(shape=[7])),
        "{root}: meta/info.json: observation.state has the shape [7]; " + NEEDED_STATE,
    ),
    "a state of changing width": (
        lambda root: rewrite(root, STATE, ragged),
        "{root}/" + DATA + ": observation.state holds 7 numbers in one frame and 8 in another; " + NEEDED_STATE,
    ),
    "a state that is missing in a frame": (
        lambda root: rewrite(root, STATE, with_gap),
        "{root}/" + DATA + ": observation.state is empty in 1 frames; " + NEEDED_STATE,
    ),
    "a state of texts": (
        lambda root: rewrite(root, STATE, lambda values: values.astype(str)),
        "{root}/" + DATA + ": observation.state holds entries of type string; " + NEEDED_STATE,
    ),
}


@pytest.mark.parametrize("name", OTHER)
def test_columns_of_other_numbers_are_refused(name, pristine, tmp_path):
    damage, words = OTHER[name]
    root = shutil.copytree(pristine, tmp_path / "set")
    damage(root)
    with pytest.raises(DemoError) as error:
        DemoDataset.open(root)
    assert str(error.value) == words.format(root=root)


WHOLE_MATRICES = {
    "16 numbers": (homogeneous, [16]),
    "rows of a 3x4": (lambda values: values.reshape(-1, 3, 4), [3, 4]),
    "rows of a 4x4": (lambda values: homogeneous(values).reshape(-1, 4, 4), [4, 4]),
}


@pytest.mark.parametrize("name", WHOLE_MATRICES)
def test_a_pose_may_stand_as_another_matrix(name, pristine, tmp_path):
    """Row by row, which nothing else is mistaken for: it is read as the twelve numbers are."""
    root = shutil.copytree(pristine, tmp_path / "set")
    rewrite(root, POSE, *WHOLE_MATRICES[name])
    read, wanted = (DemoDataset.open(path).columns(1, "front").T_world_camera for path in (root, pristine))
    assert read.shape == (24, 3, 4)
    np.testing.assert_array_equal(read, wanted)
