"""Poses, cameras, bins along a ray and the volume's grid.

Functions take NumPy arrays or torch tensors, batched, unless they say NumPy.
"""

from para.geometry.bins import Bins, DepthBins, FootBins, HeightBins
from para.geometry.camera import Camera
from para.geometry.framing import LevelFraming
from para.geometry.image_axis import axis_across, axis_in_image
from para.geometry.pose import (
    Pose,
    relative_angle,
    rotation_from_6d,
    rotation_from_vector,
    rotation_to_6d,
    turn_towards,
)
from para.geometry.ray_frame import heading_rotation, ray_rotation
from para.geometry.reflection import Reflection
from para.geometry.volume_grid import CellIndex, VolumeGrid
from para.geometry.warp import homography, plane_homography, warp_image, warp_plane

__all__ = [
    "Bins",
    "Camera",
    "CellIndex",
    "DepthBins",
    "FootBins",
    "HeightBins",
    "LevelFraming",
    "Pose",
    "Reflection",
    "VolumeGrid",
    "axis_across",
    "axis_in_image",
    "heading_rotation",
    "homography",
    "plane_homography",
    "ray_rotation",
    "relative_angle",
    "rotation_from_6d",
    "rotation_from_vector",
    "rotation_to_6d",
    "turn_towards",
    "warp_image",
    "warp_plane",
]
