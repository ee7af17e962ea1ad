"""OpenGL set-up and the offscreen renderer.

`choose_backend` runs before MuJoCo is imported anywhere in the package, because MuJoCo reads MUJOCO_GL once at import.
"""

from __future__ import annotations

import atexit
import ctypes
import ctypes.util
import os
import sys

INSTALL_HINT = (
    "MuJoCo needs OpenGL without a screen. On Debian or Ubuntu:\n"
    "    apt-get install -y --no-install-recommends libegl1 libegl-mesa0 libgl1-mesa-dri     # MUJOCO_GL=egl\n"
    "or  apt-get install -y --no-install-recommends libosmesa6                               # MUJOCO_GL=osmesa\n"
    "If they are installed: MuJoCo reads MUJOCO_GL when it is first imported. Import para.worlds.libero before mujoco, or\n"
    "set MUJOCO_GL=egl before starting Python."
)


class RenderingUnavailable(RuntimeError):
    """There is no OpenGL library to render with; the message says what to install."""


def choose_backend() -> str:
    """Set MUJOCO_GL to ``egl``, else ``osmesa``, unless the user has set it; returns its value.

    With neither library present it is set to ``disable``: physics still works, and `Renderer` explains what is missing.
    """
    if os.environ.get("MUJOCO_GL"):
        return os.environ["MUJOCO_GL"]
    if sys.platform != "linux":
        return ""  # MuJoCo's own default is right on macOS and Windows
    backend = next((name for name, library in (("egl", "EGL"), ("osmesa", "OSMesa")) if _loads(library)), "disable")
    os.environ["MUJOCO_GL"] = backend
    if backend in ("egl", "osmesa"):
        os.environ.setdefault("PYOPENGL_PLATFORM", backend)
    return backend


def _loads(library: str) -> bool:
    name = ctypes.util.find_library(library)
    if name is None:
        return False
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


choose_backend()

import mujoco  # noqa: E402
import numpy as np  # noqa: E402


class Renderer:
    """Renders one model's camera into upright, un-mirrored RGB pictures without antialiasing.

    Antialiasing is off (it costs as much as the picture itself on a CPU); one setting serves training and test.
    """

    def __init__(self, model: mujoco.MjModel, camera: str, width: int, height: int) -> None:
        model.vis.quality.offsamples = 0  # read when the GL context is made; later changes do nothing
        model.vis.global_.offwidth = max(width, model.vis.global_.offwidth)
        model.vis.global_.offheight = max(height, model.vis.global_.offheight)
        self._camera, self._model = camera, model
        self._renderer = None
        try:
            self._renderer = mujoco.Renderer(model, height, width, max_geom=2000)
        except Exception as error:  # PyOpenGL and MuJoCo raise many types here, all meaning the same to the user
            raise RenderingUnavailable(
                f"could not make an OpenGL context with MUJOCO_GL={os.environ.get('MUJOCO_GL')!r}: {error}\n"
                + INSTALL_HINT
            ) from error
        self._option = mujoco.MjvOption()
        self._option.geomgroup[0] = 0  # group 0 is collision geometry, group 1 is what is seen
        self._option.sitegroup[:] = 0
        atexit.register(self.close)  # at interpreter exit OpenGL is torn down before MuJoCo's own clean-up runs

    def render(self, data: mujoco.MjData) -> np.ndarray:
        """(H, W, 3) uint8 RGB, upright."""
        self._renderer.update_scene(data, self._camera, self._option)
        return self._renderer.render()

    def upload_texture(self, texture: int) -> None:
        """Take a texture of the model (its id) that has changed since this renderer was made."""
        if self._renderer._gl_context is not None:
            self._renderer._gl_context.make_current()
        mujoco.mjr_uploadTexture(self._model, self._renderer._mjr_context, texture)

    def close(self) -> None:
        """Free the GL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
            atexit.unregister(self.close)
