"""Names, shapes and conventions of a para demonstration set: a LeRobotDataset v3.0 with camera columns.

Per frame, besides LeRobot's own index columns:

    observation.images.<cam>                     video, RGB, upright, un-mirrored, without lens distortion
    observation.camera.<cam>.intrinsics          float32 (4,)   fx, fy, cx, cy [px]
    observation.camera.<cam>.T_world_camera      float32 (12,)  row-major 3x4, camera (OpenCV axes) to world
    observation.state                            float32 (8,)   measured end-effector pose in the world, opening
    action                                       float32 (8,)   commanded end-effector pose in the world, opening

Facts about the whole set (end-effector frame, robot base, workspace) stand in the `info` of these features, because
LeRobot keeps that through loading and editing and drops unknown keys anywhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from para.geometry import Pose
from para.types import CONTROL_HZ, Box

CODEBASE_VERSION = "v3.0"
"""LeRobotDataset version that is written and read."""
CONVENTIONS_VERSION = 1
"""Version of the camera, pose and gripper conventions below; raised when any of them changes its meaning."""
CHUNK_SIZE = 1000
"""Files per ``chunk-NNN`` folder."""

DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-000/file-000.parquet"

STATE = "observation.state"
ACTION = "action"
POSE_NAMES = ("ee.x", "ee.y", "ee.z", "ee.qw", "ee.qx", "ee.qy", "ee.qz", "gripper")
INTRINSICS_NAMES = ("fx", "fy", "cx", "cy")
MATRIX_NAMES = tuple(f"r{row}{column}" if column < 3 else f"t{row}" for row in range(3) for column in range(4))
INDEX_COLUMNS = ("frame_index", "episode_index", "index", "task_index")

QUATERNION_TOLERANCE = 1e-2
"""How far from 1 the length of a stored quaternion may be. Numbers rounded to two digits stay within, and whoever reads poses
normalises them; one that is farther off is no quaternion."""

PLAN_INDEX_COLUMN = "para/plan_index"
"""Column of meta/episodes: which entry of the recording plan the episode is."""
NOTES_COLUMN = "para/notes"
"""Column of meta/episodes: JSON text of `Episode.notes`."""


class DemoError(ValueError):
    """A demonstration set that cannot be read or written; the message says what is wrong, where, and what to do."""


def image_key(camera: str) -> str:
    """Feature of a camera's video."""
    return f"observation.images.{camera}"


def intrinsics_key(camera: str) -> str:
    """Feature of a camera's intrinsics."""
    return f"observation.camera.{camera}.intrinsics"


def pose_key(camera: str) -> str:
    """Feature of a camera's pose."""
    return f"observation.camera.{camera}.T_world_camera"


def value_names(key: str) -> tuple[str, ...]:
    """What the numbers of a frame mean in the column `key` (state, action, a camera's intrinsics or pose), in order."""
    return (
        POSE_NAMES if key in (STATE, ACTION) else MATRIX_NAMES if key.endswith("T_world_camera") else INTRINSICS_NAMES
    )


def shape_error(where: str, key: str, found: str) -> DemoError:
    """For a column `key` of `where` that `found` (a clause of what stands there) does not fit."""
    names = value_names(key)
    wanted = f"{len(names)} numbers a frame ({', '.join(names)})"
    if names == MATRIX_NAMES:
        wanted += ", row-major [R | t], or 16 with the last row 0 0 0 1"
    return DemoError(f"{where}: {key} {found}; needed are {wanted}. Convert the column, or record the set with para.")


@dataclass(frozen=True)
class CameraSize:
    """One camera's name and stored image size [px]."""

    name: str
    width: int
    height: int


@dataclass(frozen=True)
class DemoMeta:
    """What holds for every episode of a demonstration set."""

    cameras: tuple[CameraSize, ...]
    ee_frame: str
    """Name of the end-effector frame that poses refer to, e.g. ``panda/grip_site``."""
    T_world_base: Pose
    """Robot base in the world."""
    workspace: Box
    """Where targets lie [m], world."""
    robot_type: str
    """LeRobot's name of the robot, e.g. ``panda`` or ``so101_follower``."""
    fps: int = CONTROL_HZ
    """Frames per second [Hz]."""

    def __post_init__(self) -> None:
        if isinstance(self.fps, bool) or not isinstance(self.fps, int) or self.fps <= 0:
            raise DemoError(
                f"fps is a whole number of frames a second, got {self.fps!r}; bring others to one: resampled(episode, fps)"
            )
        if not self.cameras:
            raise DemoError("a demonstration set needs at least one camera; DemoMeta.cameras is empty")
        if len(set(self.camera_names)) < len(self.cameras):
            raise DemoError(f"cameras need names of their own, got {list(self.camera_names)}")
        for camera in self.cameras:
            if not re.fullmatch(r"[A-Za-z0-9_-]+", camera.name):
                raise DemoError(f"camera name {camera.name!r} cannot be a column name; use letters, digits and _")
            if camera.width % 2 or camera.height % 2:
                raise DemoError(
                    f"camera {camera.name!r}: video needs even sizes, got {camera.width} x {camera.height} (W x H); "
                    "crop or resize by one pixel (Camera.crop and warp_image)"
                )

    @property
    def camera_names(self) -> tuple[str, ...]:
        """The `<cam>` of the column names."""
        return tuple(camera.name for camera in self.cameras)

    def features(self) -> dict[str, dict[str, Any]]:
        """The `features` of meta/info.json."""
        features: dict[str, dict[str, Any]] = {}
        for camera in self.cameras:
            features[image_key(camera.name)] = {
                "dtype": "video",
                "shape": [camera.height, camera.width, 3],
                "names": ["height", "width", "channels"],
                "info": {
                    "video.height": camera.height,
                    "video.width": camera.width,
                    "video.codec": "h264",
                    "video.pix_fmt": "yuv420p",
                    "video.is_depth_map": False,
                    "video.fps": self.fps,
                    "video.channels": 3,
                    "has_audio": False,
                    "para": _note("RGB, upright, un-mirrored, without lens distortion"),
                },
            }
        for camera in self.cameras:
            features[intrinsics_key(camera.name)] = _vector(
                list(INTRINSICS_NAMES),
                _note(
                    "pinhole intrinsics [px] at the stored size; a pixel is (column, row) and the centre of the "
                    "top-left pixel is (0.5, 0.5)"
                ),
            )
            features[pose_key(camera.name)] = _vector(
                list(MATRIX_NAMES),
                _note(
                    "row-major 3x4 [R | t] that maps camera coordinates (x right, y down, z forward) to the world "
                    "(metres, z up)"
                ),
            )
        state = _note("measured end-effector pose in the world, quaternion wxyz; measured opening, 0 closed, 1 open")
        features[STATE] = _vector(
            list(POSE_NAMES),
            state
            | {
                "ee_frame": self.ee_frame,
                "T_world_base": np.asarray(self.T_world_base.matrix(), float).reshape(-1).tolist(),
                "workspace": {"low": list(self.workspace.low), "high": list(self.workspace.high)},
            },
        )
        action = _note("commanded end-effector pose in the world, quaternion wxyz; commanded opening, 0 close, 1 open")
        features[ACTION] = _vector(list(POSE_NAMES), action)
        features["timestamp"] = {"dtype": "float32", "shape": [1], "names": None}
        for name in INDEX_COLUMNS:
            features[name] = {"dtype": "int64", "shape": [1], "names": None}
        return features

    @classmethod
    def from_info(cls, info: dict[str, Any], where: str) -> DemoMeta:
        """From the parsed meta/info.json of `where`; `DemoError` when it is not a para set or conventions differ."""
        try:
            return cls._from_info(info, where)
        except DemoError:
            raise
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise DemoError(
                f"{where}: meta/info.json cannot be read as a set's description ({what}). Copy or download the dataset again."
            ) from error

    @classmethod
    def _from_info(cls, info: dict[str, Any], where: str) -> DemoMeta:
        version = info.get("codebase_version")
        if version != CODEBASE_VERSION:
            raise DemoError(
                f"{where}: codebase_version is {version!r}, this reader needs {CODEBASE_VERSION!r}. "
                "Convert it with LeRobot's convert_dataset_v21_to_v30, or record it again."
            )
        features = info["features"]
        videos = [key for key, feature in features.items() if feature["dtype"] == "video"]
        cameras = []
        for key in videos:
            name = key.rpartition(".")[2]
            if intrinsics_key(name) in features and pose_key(name) in features:
                height, width = features[key]["shape"][:2]
                cameras.append(CameraSize(name, int(width), int(height)))
        if not cameras:
            raise DemoError(
                f"{where}: no camera columns. Each video observation.images.<cam> needs {intrinsics_key('<cam>')} and "
                f"{pose_key('<cam>')}; videos here: {videos}. "
                "Calibrate the camera and attach the columns, or record with para."
            )
        keys = [STATE, ACTION]
        for camera in cameras:
            keys += [image_key(camera.name), intrinsics_key(camera.name), pose_key(camera.name)]
        notes = {}
        for key in keys:
            if key not in features:
                raise DemoError(f"{where}: feature {key!r} is missing in meta/info.json. Record the set with para.")
            notes[key] = (features[key].get("info") or {}).get("para", {})
        versions = {key: note.get("conventions") for key, note in notes.items()}
        if set(versions.values()) != {CONVENTIONS_VERSION}:
            wrong = {k: v for k, v in versions.items() if v != CONVENTIONS_VERSION}
            raise DemoError(
                f"{where}: mixed or unknown conventions: this reader needs version {CONVENTIONS_VERSION} in every "
                f"feature's info['para'], but found {wrong}. Do not merge sets of different versions; convert or "
                "record the older one again."
            )
        if tuple(features[STATE]["names"] or ()) != POSE_NAMES:
            raise DemoError(f"{where}: {STATE} holds {features[STATE]['names']}, needed are {list(POSE_NAMES)}")
        for key in keys:
            if features[key]["dtype"] != "video":
                _check_described(f"{where}: meta/info.json", key, features[key])
        state = notes[STATE]
        try:
            return cls(
                cameras=tuple(cameras),
                ee_frame=state["ee_frame"],
                T_world_base=Pose.from_matrix(np.array(state["T_world_base"], float).reshape(3, 4)),
                workspace=Box(tuple(state["workspace"]["low"]), tuple(state["workspace"]["high"])),
                robot_type=info.get("robot_type") or "unknown",
                fps=int(info["fps"]),
            )
        except KeyError as missing:
            raise DemoError(f"{where}: {missing} is missing in the info of {STATE} in meta/info.json") from None


def _check_described(where: str, key: str, feature: dict[str, Any]) -> None:
    """DemoError where shape or names of a column are others than those of the numbers that are read from it."""
    wanted = value_names(key)
    shapes = [[12], [3, 4], [16], [4, 4]] if wanted == MATRIX_NAMES else [[len(wanted)]]
    shape, names = feature.get("shape"), feature.get("names")
    if shape is not None and list(shape) not in shapes:
        raise shape_error(where, key, f"has the shape {shape}")
    if key == ACTION and names is not None and tuple(names) != POSE_NAMES:
        raise shape_error(where, key, f"holds {names}")


def _vector(names: list[str], note: dict[str, Any]) -> dict[str, Any]:
    return {"dtype": "float32", "shape": [len(names)], "names": names, "info": {"para": note}}


def _note(meaning: str) -> dict[str, Any]:
    return {"conventions": CONVENTIONS_VERSION, "meaning": meaning}
