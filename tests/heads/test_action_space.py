"""Laws of the action spaces and Plücker planes: there and back, crops shift pixels and nothing else, cameras turn frames."""

import numpy as np
import torch
from hypothesis import given

from laws.strategies import HEIGHT, WIDTH, arrays, cameras, pixels, poses, to_torch
from para.geometry import rotation_from_vector
from para.heads import CameraFrame, EndEffectorOffset, PixelHeight, World
from para.heads.plucker import plucker_planes
from para.types import Box

SPACES = (World(), EndEffectorOffset(), CameraFrame(), PixelHeight())
TABLE = Box((-0.6, -0.5, 0.85), (0.4, 0.5, 1.2))


def seen_points(camera, pixel, height):
    """(2, 5, 3) world points at these heights under these pixels, and which of them the cameras see."""
    points, valid = camera.unproject_height(pixel, height)
    return points, valid & camera.sees(*camera.project(points))


@given(cameras(), pixels(), arrays((2, 5), 0.85, 1.2), poses((2,)))
def test_decode_undoes_encode(camera, pixel, height, ee):
    points, seen = seen_points(camera, pixel, height)
    points, seen = to_torch(points), torch.as_tensor(seen)
    camera, ee = to_torch(camera), to_torch(ee)
    for space in SPACES:
        back = space.decode(space.encode(points, camera, ee), camera, ee)
        torch.testing.assert_close(back[seen], points[seen], atol=1e-6, rtol=0)


@given(cameras(), pixels(), arrays((2, 5), 0.85, 1.2), poses((2,)), arrays((2,), -20, 20))
def test_a_crop_shifts_pixels_and_nothing_else(camera, pixel, height, ee, corner):
    points, _ = seen_points(camera, pixel, height)
    points, camera, ee = to_torch(points), to_torch(camera), to_torch(ee)
    left, top = (float(x) for x in corner)
    cropped = camera.crop(left, top, 60, 44)
    for space in SPACES:
        before, after = space.encode(points, camera, ee), space.encode(points, cropped, ee)
        if isinstance(space, PixelHeight):
            moved = before[..., :2] * torch.tensor([WIDTH, HEIGHT]) - torch.tensor([left, top])
            torch.testing.assert_close(after[..., :2] * torch.tensor([60, 44]), moved, atol=1e-6, rtol=0)
            torch.testing.assert_close(after[..., 2], before[..., 2])
        else:
            torch.testing.assert_close(after, before, atol=1e-12, rtol=0)


@given(cameras(), arrays((2, 5, 3), -0.4, 0.4), poses((2,)), arrays((2, 3), -0.5, 0.5))
def test_turning_the_camera_turns_its_frame_back(camera, points, ee, turn):
    turned = to_torch(camera.rotate(turn))
    R_camera_turned = to_torch(rotation_from_vector(turn))
    points, camera, ee = to_torch(points), to_torch(camera), to_torch(ee)
    space = CameraFrame()
    after = space.encode(points, turned, ee)
    torch.testing.assert_close(after @ R_camera_turned.transpose(-1, -2), space.encode(points, camera, ee))
    frame = space.rotation_frame(camera)[:, 0]
    torch.testing.assert_close(space.rotation_frame(turned)[:, 0], frame @ R_camera_turned)
    for other in (World(), EndEffectorOffset(), PixelHeight()):
        torch.testing.assert_close(other.rotation_frame(turned), other.rotation_frame(camera))


@given(cameras(), pixels(), arrays((2, 5), 0.85, 1.2), poses((2,)))
def test_a_step_across_the_picture_is_as_long_as_said(camera, pixel, height, ee):
    """Move targets 1 mm along the camera's x and y: the pixel coordinates change by 1 mm over `metres`."""
    points, seen = seen_points(camera, pixel, height)
    points, seen = to_torch(points), torch.as_tensor(seen)
    camera, ee, space = to_torch(camera), to_torch(ee), PixelHeight()
    at = space.encode(points, camera, ee)
    metres = space.metres(at, camera)
    for axis in (0, 1):
        moved = points + 1e-3 * camera.T_world_camera.rotation[:, None, :, axis]
        change = (space.encode(moved, camera, ee) - at)[..., axis].abs()
        torch.testing.assert_close((change * metres[..., axis])[seen], torch.full_like(change, 1e-3)[seen])


@given(cameras(), arrays((2, 1), 0.1, 2))
def test_what_is_behind_the_camera_has_no_weight(camera, distance):
    camera = to_torch(camera)
    behind = camera.T_world_camera.translation - to_torch(distance) * camera.T_world_camera.rotation[..., 2]
    space = PixelHeight()
    metres = space.metres(space.encode(behind[:, None], camera, camera.T_world_camera), camera)
    assert (metres == 0).all()


@given(cameras(), pixels(), arrays((2, 5), 0.3, 2))
def test_every_point_of_a_ray_fits_its_plucker_coordinates(camera, pixel, depth):
    rows, columns = HEIGHT, WIDTH  # one cell for each pixel, so that cell centres are pixel centres
    column, row = np.floor(pixel[..., 0]).astype(int), np.floor(pixel[..., 1]).astype(int)
    points, _ = camera.unproject_depth(np.stack([column + 0.5, row + 0.5], -1), depth)
    planes = plucker_planes(to_torch(camera), rows, columns, TABLE)
    middle = (torch.tensor(TABLE.low) + torch.tensor(TABLE.high)).double() / 2
    for b in range(2):
        here = planes[b][:, row[b], column[b]].T  # (5, 6)
        torch.testing.assert_close(here[:, :3].norm(dim=-1), torch.ones(5, dtype=torch.float64))
        moment = torch.linalg.cross(to_torch(points[b]) - middle, here[:, :3])
        torch.testing.assert_close(moment, here[:, 3:])
