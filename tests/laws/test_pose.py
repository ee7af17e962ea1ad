"""Poses are the group of rigid motions, and the names of their frames cancel: T_a_b @ T_b_c = T_a_c."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given

from laws.strategies import arrays, assert_same, poses, to_torch
from para.geometry import Pose, relative_angle, rotation_from_6d, rotation_from_vector, rotation_to_6d


def assert_equal_poses(a: Pose, b: Pose) -> None:
    np.testing.assert_allclose(a.matrix(), b.matrix(), atol=1e-12)


@given(poses(batch=(2,)), poses(batch=(2,)), poses(batch=(2,)))
def test_group_axioms(a, b, c):
    assert_equal_poses((a @ b) @ c, a @ (b @ c))
    assert_equal_poses(a @ Pose.identity(), a)
    assert_equal_poses(Pose.identity() @ a, a)
    np.testing.assert_allclose(
        (a @ a.inverse()).matrix(), np.broadcast_to(Pose.identity().matrix(), (2, 3, 4)), atol=1e-12
    )
    assert_equal_poses((a @ b).inverse(), b.inverse() @ a.inverse())
    np.testing.assert_allclose(np.linalg.det((a @ b).rotation), 1, atol=1e-12)


@given(poses(), poses(), arrays((4, 3), -2, 2))
def test_names_cancel(T_a_b, T_b_c, p_c):
    """T_a_b takes coordinates in b and gives coordinates in a; its translation is b's origin seen in a."""
    np.testing.assert_allclose((T_a_b @ T_b_c) @ p_c, T_a_b @ (T_b_c @ p_c), atol=1e-12)
    np.testing.assert_allclose(T_a_b @ np.zeros(3), T_a_b.translation)
    np.testing.assert_allclose(T_a_b.inverse() @ (T_a_b @ p_c), p_c, atol=1e-12)
    np.testing.assert_allclose(T_a_b @ np.array([1.0, 0, 0]) - T_a_b.translation, T_a_b.rotation[:, 0], atol=1e-12)


@given(poses(batch=(2,)), arrays((2, 4, 3), -2, 2))
def test_a_batch_is_its_members(T_a_b, points):
    """Pose i of a batch maps the points of row i, and nothing else."""
    mapped = T_a_b @ points
    for i in range(2):
        np.testing.assert_allclose(mapped[i], T_a_b[i] @ points[i], atol=1e-12)
        np.testing.assert_allclose(mapped[i, 1], T_a_b.rotation[i] @ points[i, 1] + T_a_b.translation[i], atol=1e-12)


@given(arrays((2, 4), -1, 1))
def test_quaternion_round_trip(q):
    """Unit quaternions wxyz with w >= 0 come back, and q and -q are the same rotation."""
    norm = np.linalg.norm(q, axis=-1, keepdims=True)
    assume(norm.min() > 1e-3)
    pose = Pose.from_quaternion(q, np.zeros((2, 3)))
    np.testing.assert_allclose(np.linalg.det(pose.rotation), 1, atol=1e-9)
    back = pose.quaternion()
    assert (back[..., 0] >= 0).all()
    overlap = np.abs(np.sum(back * q / norm, axis=-1))  # 1 when they are equal up to sign
    np.testing.assert_allclose(overlap, 1, atol=1e-9)
    np.testing.assert_allclose(Pose.from_quaternion(-q, np.zeros((2, 3))).rotation, pose.rotation, atol=1e-12)


def test_quaternion_order_is_wxyz():
    """A quarter turn about z is (cos 45, 0, 0, sin 45) and takes x to y."""
    half = np.sqrt(0.5)
    pose = Pose.from_quaternion(np.array([half, 0, 0, half]), np.zeros(3))
    np.testing.assert_allclose(pose @ np.array([1.0, 0, 0]), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(pose.quaternion(), [half, 0, 0, half])


def test_quaternion_of_half_turns():
    """Half turns have w = 0, where the usual formula divides by zero."""
    for axis in np.concatenate([np.eye(3), [[0.6, 0.8, 0], [0, -0.6, 0.8]]]):
        rotation = 2 * np.outer(axis, axis) - np.eye(3)
        pose = Pose.from_quaternion(Pose(rotation, np.zeros(3)).quaternion(), np.zeros(3))
        np.testing.assert_allclose(pose.rotation, rotation, atol=1e-12)


@given(arrays((3,), -2, 2))
def test_rotation_vector_is_axis_times_angle(vector):
    angle = np.linalg.norm(vector)
    assume(angle < np.pi)
    rotation = rotation_from_vector(vector)
    np.testing.assert_allclose(rotation @ vector, vector, atol=1e-12)  # the axis stays
    np.testing.assert_allclose(relative_angle(rotation, np.eye(3)), angle, atol=1e-9)
    np.testing.assert_allclose(rotation_from_vector(-vector), rotation.T, atol=1e-12)


def test_rotation_vector_is_smooth_at_zero():
    """The gradient at zero is that of the cross product, without NaN."""
    vector = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    rotation_from_vector(vector)[1, 0].backward()  # dR_yx / d(angle about z) = 1
    np.testing.assert_allclose(vector.grad, [0, 0, 1], atol=1e-12)


@given(poses(batch=(2,)), arrays((2,), 0.2, 5))
def test_six_numbers_round_trip(pose, scale):
    """The 6D form comes back, whatever its length."""
    six = rotation_to_6d(pose.rotation)
    np.testing.assert_allclose(rotation_from_6d(six * scale[:, None]), pose.rotation, atol=1e-9)


@given(poses(batch=(2,)), poses(batch=(2,)), arrays((2, 5, 3), -2, 2), arrays((2, 6), 0.1, 1))
def test_numpy_equals_torch(a, b, points, six):
    ta, tb = to_torch(a), to_torch(b)
    assert_same((a @ b).matrix(), (ta @ tb).matrix())
    assert_same(a.inverse().matrix(), ta.inverse().matrix())
    assert_same(a @ points, ta @ to_torch(points))
    assert_same(a.quaternion(), ta.quaternion())
    assert_same(relative_angle(a.rotation, b.rotation), relative_angle(ta.rotation, tb.rotation))
    assert_same(rotation_from_vector(points), rotation_from_vector(to_torch(points)))
    assert_same(rotation_from_6d(six + [0, 0, 0, -1, 1, 0]), rotation_from_6d(to_torch(six + [0, 0, 0, -1, 1, 0])))


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_whole_numbers_are_taken_for_floating_ones(library):
    """A pose of integers maps points and is inverted as the same pose of floats; floats keep their dtype."""
    as_array = np.asarray if library == "numpy" else torch.as_tensor
    quarter, place = as_array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), as_array([1, 0, 2])
    usual = as_array([0.0]).dtype
    single = {"numpy": np.float32, "torch": torch.float32}[library]
    double = {"numpy": np.float64, "torch": torch.float64}[library]
    for rotation, translation, dtype in (
        (quarter, place, usual),
        (quarter, cast(place, double), double),
        (cast(quarter, single), place, single),
        (cast(quarter, double), cast(place, double), double),
    ):
        pose = Pose(rotation, translation)
        assert pose.rotation.dtype == pose.translation.dtype == dtype
        mapped = pose.inverse() @ cast(as_array([[1.5, 0.25, 2.0]]), dtype)
        np.testing.assert_allclose(np.asarray(mapped), [[0.25, -0.5, 0.0]], atol=1e-7)
        assert mapped.dtype == pose.quaternion().dtype == dtype
    half = Pose.from_matrix(cast(as_array(np.eye(4)), single))
    assert half.rotation.dtype == half.translation.dtype == single


def cast(array, dtype):
    return array.astype(dtype) if isinstance(array, np.ndarray) else array.to(dtype)
