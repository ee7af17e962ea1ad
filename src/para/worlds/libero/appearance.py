"""Dresses a compiled scene in another table, room and light, and back again; the physics never notices."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

from para.worlds.libero import assets
from para.worlds.libero.layout import Appearance
from para.worlds.libero.rendering import choose_backend

choose_backend()

import mujoco  # noqa: E402

SURFACES = {"table": "table_visual", "wall": "wall_rear_visual", "floor": "floor"}
"""Parts of an `Appearance` and a geom that wears each one's texture."""


class Wardrobe:
    """What one model can wear. It keeps the model's own look, and writes everything anew each time, so that an episode's
    look depends on its layout alone."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._texture = {part: _texture_of(model, geom) for part, geom in SURFACES.items()}
        self._own = {part: self._pixels(texture).copy() for part, texture in self._texture.items()}
        self._worn: dict[str, str | None] = dict.fromkeys(SURFACES)
        self._lamps = [a.copy() for a in (model.light_diffuse, model.light_specular, model.light_pos)]
        head = model.vis.headlight
        self._head = [a.copy() for a in (head.ambient, head.diffuse, head.specular)]

    def wear(self, appearance: Appearance | None) -> set[int]:
        """Put `appearance` on, or the model's own look for None; returns the textures that a renderer must take anew.

        ValueError for a texture that LIBERO does not have.
        """
        self._light(appearance)
        changed = set()
        for part, texture in self._texture.items():
            name = None if appearance is None else getattr(appearance, part)
            if name != self._worn[part]:
                pixels = self._pixels(texture)
                height, width = pixels.shape[:2]
                pixels[...] = self._own[part] if name is None else load_texture(name, width, height)
                self._worn[part] = name
                changed.add(texture)
        return changed

    def _light(self, appearance: Appearance | None) -> None:
        model, head = self._model, self._model.vis.headlight
        colour, shift = np.ones(3), np.zeros(3)
        if appearance is not None:
            colour = appearance.brightness * np.array([1 + appearance.warmth, 1.0, 1 - appearance.warmth])
            shift[:2] = appearance.lamp_shift
        diffuse, specular, position = self._lamps
        model.light_diffuse[:], model.light_specular[:] = diffuse * colour, specular * colour
        model.light_pos[:] = position + shift
        head.ambient[:], head.diffuse[:], head.specular[:] = (own * colour for own in self._head)

    def _pixels(self, texture: int) -> np.ndarray:
        """(H, W, C) uint8, the model's own memory."""
        model = self._model
        shape = int(model.tex_height[texture]), int(model.tex_width[texture]), int(model.tex_nchannel[texture])
        start = int(model.tex_adr[texture])
        return model.tex_data[start : start + np.prod(shape)].reshape(shape)


def _texture_of(model: mujoco.MjModel, geom: str) -> int:
    """The colour texture that a geom wears. ValueError where it has none."""
    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, geom)
    material = int(model.geom_matid[index]) if index >= 0 else -1
    texture = int(model.mat_texid[material, mujoco.mjtTextureRole.mjTEXROLE_RGB]) if material >= 0 else -1
    if texture < 0:
        raise ValueError(f"this scene has no textured geom {geom!r}, so that its appearance cannot be changed")
    return texture


@lru_cache(maxsize=32)
def load_texture(name: str, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8: one of LIBERO's textures. ValueError lists those there are."""
    folder = assets.libero_path("assets") / "textures"
    path = folder / f"{name}.png"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.png")))
        raise ValueError(f"LIBERO has no texture {name!r}; it has {known}")
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
