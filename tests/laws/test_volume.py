"""The volume's indices and offsets name exactly one world point; bins mean what their type says."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from laws.strategies import HEIGHT, WIDTH, arrays, assert_same, cameras, numbers, pixels, to_torch
from para.geometry import Camera, DepthBins, FootBins, HeightBins, Pose, VolumeGrid

HEIGHTS = VolumeGrid(HeightBins(0.85, 1.15, 8), rows=6, columns=10)  # cells of 9.6 x 10.67 px: not square
DEPTHS = VolumeGrid(DepthBins(0.2, 2.4, 7), rows=6, columns=10)
FEET = VolumeGrid(FootBins(0.85, 1.15, 8, ground=0.82), rows=6, columns=10)
GRIDS = pytest.mark.parametrize("grid", [HEIGHTS, DEPTHS, FEET], ids=["heights", "depths", "feet"])


def points_in(grid, camera, pixel, fraction):
    """World points at `pixel`, `fraction` of the way through the bins, and whether the ray gets there."""
    return grid.bins.unproject(camera, pixel, grid.bins.value(fraction * grid.bins.count))


@GRIDS
@given(camera=cameras(), pixel=pixels(), fraction=arrays((2, 5), 0.01, 0.99))
def test_project_undoes_unproject(grid, camera, pixel, fraction):
    points, valid = points_in(grid, camera, pixel, fraction)
    np.testing.assert_allclose(camera.project(grid.bins.anchor(points))[0][valid], pixel[valid], atol=1e-6)
    value = grid.bins.value(fraction * grid.bins.count)
    np.testing.assert_allclose(grid.bins.measure(points, camera)[valid], value[valid], atol=1e-9)
    assert valid.shape == (2, 5)


@GRIDS
@given(camera=cameras(), pixel=pixels(), fraction=arrays((2, 5), 0.01, 0.99))
def test_unproject_undoes_locate(grid, camera, pixel, fraction):
    points, valid = points_in(grid, camera, pixel, fraction)
    cell = grid.locate(points, camera)
    np.testing.assert_array_equal(cell.valid, valid)
    back, _ = grid.unproject(cell.row, cell.column, cell.bin, cell.offset, camera)
    np.testing.assert_allclose(back[valid], points[valid], atol=1e-7)


@GRIDS
@given(camera=cameras(), seed=st.integers(0, 1000), offset=arrays((2, 5, 3), -0.49, 0.49))
def test_locate_undoes_unproject(grid, camera, seed, offset):
    rng = np.random.default_rng(seed)
    row, column, bin = (rng.integers(0, n, (2, 5)) for n in (grid.rows, grid.columns, grid.bins.count))
    points, valid = grid.unproject(row, column, bin, offset, camera)
    cell = grid.locate(points, camera)
    for found, wanted in ((cell.row, row), (cell.column, column), (cell.bin, bin)):
        np.testing.assert_array_equal(found[valid], wanted[valid])
    np.testing.assert_allclose(cell.offset[valid], offset[valid], atol=1e-6)


@GRIDS
@given(camera=cameras(), seed=st.integers(0, 1000))
def test_centres_are_the_cells_without_offset(grid, camera, seed):
    centres, valid = grid.centres(camera)
    assert centres.shape == (2, grid.bins.count, grid.rows, grid.columns, 3)
    assert valid.shape == (2, grid.bins.count, grid.rows, grid.columns)
    rng = np.random.default_rng(seed)
    row, column, bin = (int(rng.integers(0, n)) for n in (grid.rows, grid.columns, grid.bins.count))
    index = [np.array([[i], [i]]) for i in (row, column, bin)]
    points, one_valid = grid.unproject(*index, np.zeros((2, 1, 3)), camera)
    np.testing.assert_allclose(centres[:, bin, row, column], points[:, 0], atol=1e-9)
    np.testing.assert_array_equal(valid[:, bin, row, column], one_valid[:, 0])


@given(cameras(), pixels(), arrays((2, 5), 0.2, 0.8), arrays((3,), -0.2, 0.2))
def test_turning_the_camera_changes_depths_but_not_heights(camera, pixel, fraction, vector):
    points, _ = points_in(HEIGHTS, camera, pixel, fraction)
    turned = camera.rotate(np.array([0.25, 0.15, 0]) + vector * 0.5)
    heights, depths = HEIGHTS.bins, DEPTHS.bins
    np.testing.assert_array_equal(heights.measure(points, turned), heights.measure(points, camera))
    assert np.abs(depths.measure(points, turned) - depths.measure(points, camera)).max() > 1e-4
    rolled = camera.rotate(np.array([0, 0, float(vector[0])]))  # a roll keeps the forward axis, so depth too
    np.testing.assert_allclose(depths.measure(points, rolled), depths.measure(points, camera), atol=1e-9)


@GRIDS
@given(camera=cameras(), pixel=pixels(), fraction=arrays((2, 5), 0.01, 0.99), factor=numbers(0.6, 1.6))
def test_the_same_point_keeps_its_bin_when_the_image_is_cropped_or_zoomed(grid, camera, pixel, fraction, factor):
    points, valid = points_in(grid, camera, pixel, fraction)
    before = grid.locate(points, camera)
    for new in (camera.zoom(factor), camera.crop(5, -4, 80, 70), camera.resize(50, 90)):
        after = grid.locate(points, new)
        both = before.valid & after.valid & valid
        np.testing.assert_array_equal(after.bin[both], before.bin[both])


@GRIDS
@given(camera=cameras(), pixel=pixels(), fraction=arrays((2, 5), 0.01, 0.99))
def test_outside_is_masked_not_clamped(grid, camera, pixel, fraction):
    """Points outside the image or the bins are invalid, and their indices can still be used to index."""
    span = grid.bins.high - grid.bins.low
    value = grid.bins.value(fraction * grid.bins.count)
    size = np.array([WIDTH, HEIGHT])
    for outside_pixel, outside_value in (
        (pixel + size * [1, 0], value),
        (pixel - size * [0, 1], value),
        (pixel, value + span),
        (pixel, np.maximum(value - span, 0.01) - 0.01 * (grid is DEPTHS)),
    ):
        points, _ = grid.bins.unproject(camera, outside_pixel, outside_value)
        cell = grid.locate(points, camera)
        assert not cell.valid.any()
        assert ((cell.row >= 0) & (cell.row < grid.rows) & (cell.column >= 0) & (cell.column < grid.columns)).all()
        assert ((cell.bin >= 0) & (cell.bin < grid.bins.count)).all()


@given(cameras(), pixels(), arrays((2, 5), 0.3, 2))
def test_behind_the_camera_is_invalid(camera, pixel, depth):
    points, _ = camera.unproject_depth(pixel, depth)
    mirrored = 2 * camera.T_world_camera.translation[:, None] - points  # projects to the same pixel, from behind
    everything = VolumeGrid(HeightBins(-100, 100, 4), 6, 10)
    assert everything.locate(points, camera).valid.all()
    assert not everything.locate(mirrored, camera).valid.any()


def test_bin_edges():
    """Bin i covers [i, i + 1): the lower edge belongs to it, the upper one to the next."""
    bins = HeightBins(0.5, 1.5, 4)
    assert bins.width == 0.25
    np.testing.assert_allclose(bins.coordinate(np.array([0.5, 0.75, 1.49, 1.5])), [0, 1, 3.96, 4])
    np.testing.assert_allclose(bins.value(np.array([0.5, 3.5])), [0.625, 1.375])


@GRIDS
@given(camera=cameras(), pixel=pixels(), fraction=arrays((2, 5), 0.01, 0.99))
def test_numpy_equals_torch(grid, camera, pixel, fraction):
    twin = to_torch(camera)
    points, _ = points_in(grid, camera, pixel, fraction)
    cell, t_cell = grid.locate(points, camera), grid.locate(to_torch(points), twin)
    for ours, theirs in zip(cell, t_cell):
        assert_same(np.asarray(ours, dtype=float), theirs.double(), tolerance=1e-6)
    assert t_cell.row.dtype == torch.int64 and t_cell.valid.dtype == torch.bool
    back = grid.unproject(cell.row, cell.column, cell.bin, cell.offset, camera)[0]
    assert_same(back, grid.unproject(t_cell.row, t_cell.column, t_cell.bin, t_cell.offset, twin)[0], tolerance=1e-6)
    centres, t_centres = grid.centres(camera)[0], grid.centres(twin)[0]
    finite = np.abs(centres) < 100  # rays along the plane go anywhere
    assert centres.shape == tuple(t_centres.shape)
    np.testing.assert_allclose(centres[finite], t_centres.numpy()[finite], atol=1e-6)


def test_single_precision_is_good_to_a_tenth_of_a_millimetre():
    """What training sees: float32 on the camera at home, through the whole round trip."""
    down = np.array([[0.0, -0.6, 0.8], [1, 0, 0], [0, 0.8, 0.6]]) @ np.diag([1.0, -1, -1])
    camera = Camera(np.array([540.8, 540.8, 224, 224]), Pose(down, np.array([0.66, 0, 1.61])), 448, 448)
    twin = to_torch(camera, torch.float32)
    grid = VolumeGrid(HeightBins(0.85, 1.25, 32), 56, 56)
    points, valid = camera.unproject_height(np.random.default_rng(0).uniform(0, 448, (500, 2)), np.full(500, 0.95))
    assert valid.all()
    cell = grid.locate(to_torch(points, torch.float32), twin)
    back, _ = grid.unproject(cell.row, cell.column, cell.bin, cell.offset, twin)
    inside = cell.valid.numpy()
    assert inside.all()
    assert np.abs(back.numpy() - points)[inside].max() < 1e-4


@given(camera=cameras(), pixel=pixels(), fraction=arrays((2, 5), 0.01, 0.99), change=numbers(-0.1, 0.1))
def test_a_wrong_height_above_a_foot_moves_nothing_sideways(camera, pixel, fraction, change):
    points, valid = points_in(FEET, camera, pixel, fraction)
    lifted, _ = FEET.bins.unproject(camera, pixel, FEET.bins.value(fraction * 8) + change)
    np.testing.assert_allclose((lifted - points)[valid][..., :2], 0, atol=1e-12)
    np.testing.assert_allclose((lifted - points)[valid][..., 2], change, atol=1e-9)


@GRIDS
@given(camera=cameras())
def test_points_that_are_no_numbers_have_an_index_that_can_be_gathered_with(grid, camera):
    found = grid.locate(np.full((2, 5, 3), np.nan), camera)
    assert not found.valid.any()
    for index, size in ((found.row, 6), (found.column, 10), (found.bin, grid.bins.count)):
        assert ((index >= 0) & (index < size)).all()
