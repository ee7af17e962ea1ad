"""Light copies of visual assets: decimated meshes and smaller textures.

The software renderer is bound by vertices (about 300,000 faces in LIBERO's scene), so a quarter of the faces is several
times faster while a 448 px picture differs only in silhouette edges. Meshes that take part in collisions, small
meshes, and textured meshes of moderate size are used unchanged.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

KEEP = 0.25
"""Share of the faces that is kept."""
SMALL = 1500
"""Meshes with at most so many faces are copied."""
SMALL_TEXTURED = 6000
"""The same for textured meshes, whose texture seams suffer (LIBERO's plate tears)."""
MAX_TEXTURE = 1024
"""Longer side of a texture [px]."""


def lighten(xml: str, folder: Path) -> str:
    """The MJCF `xml` with its visual meshes and textures replaced by light copies kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    root = ElementTree.fromstring(xml)
    textured_materials = {m.get("name") for m in root.iter("material") if m.get("texture")}
    colliding, textured = set(), set()
    for geom in root.iter("geom"):
        mesh = geom.get("mesh")
        if mesh and geom.get("group", "0") == "0":
            colliding.add(mesh)
        if mesh and geom.get("material") in textured_materials:
            textured.add(mesh)
    colliding_files = {m.get("file") for m in root.iter("mesh") if m.get("name") in colliding}
    for mesh in root.iter("mesh"):
        if mesh.get("file") and mesh.get("file") not in colliding_files:
            mesh.set("file", str(_light_copy(Path(mesh.get("file")), folder, mesh.get("name") in textured)))
    for texture in root.iter("texture"):
        if texture.get("file"):
            texture.set("file", str(_light_copy(Path(texture.get("file")), folder, False)))
    return ElementTree.tostring(root, encoding="unicode")


def _light_copy(source: Path, folder: Path, textured: bool) -> Path:
    """The light copy of one file, made when it is not there; its name is a digest of content and settings."""
    settings = f"{KEEP} {SMALL} {SMALL_TEXTURED} {MAX_TEXTURE} {textured}".encode()
    digest = hashlib.sha256(source.read_bytes() + settings).hexdigest()[:20]
    target = folder / f"{source.stem}-{digest}{source.suffix.lower()}"
    if not target.is_file():
        part = folder / f".{os.getpid()}-{target.name}"
        _write_light(source, part, textured)
        os.replace(part, target)
    return target


def _write_light(source: Path, target: Path, textured: bool) -> None:
    kind = source.suffix.lower()
    if kind in (".png", ".jpg", ".jpeg"):
        _shrink_texture(source, target)
    elif kind == ".msh":
        _decimate_msh(source, target)
    elif kind in (".obj", ".stl") and not textured:
        _decimate_plain(source, target)
    else:
        shutil.copyfile(source, target)


def _shrink_texture(source: Path, target: Path) -> None:
    from PIL import Image

    with Image.open(source) as image:
        if max(image.size) <= MAX_TEXTURE:
            shutil.copyfile(source, target)
            return
        size = tuple(max(1, round(side * MAX_TEXTURE / max(image.size))) for side in image.size)
        image.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(target)


def _decimate_plain(source: Path, target: Path) -> None:
    import fast_simplification
    import trimesh

    mesh = trimesh.load(source, force="mesh", process=False, skip_materials=True)
    if len(mesh.faces) <= SMALL:
        shutil.copyfile(source, target)
        return
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    vertices, faces = fast_simplification.simplify(
        np.asarray(mesh.vertices, np.float32),
        np.asarray(mesh.faces, np.int32),
        target_count=int(max(SMALL / 2, len(mesh.faces) * KEEP)),
    )
    light = trimesh.Trimesh(vertices, faces, process=False)
    if source.suffix.lower() == ".obj":
        target.write_text(
            trimesh.exchange.obj.export_obj(light, include_normals=False, include_texture=False, write_texture=False)
        )
    else:
        light.export(target, file_type="stl")


def _decimate_msh(source: Path, target: Path) -> None:
    """MuJoCo's binary mesh: counts, then vertices, normals, texture coordinates (float32) and faces (int32)."""
    raw = source.read_bytes()
    n_vertices, n_normals, n_uv, n_faces = struct.unpack("<4i", raw[:16])
    floats = np.frombuffer(raw, "<f4", 3 * n_vertices + 3 * n_normals + 2 * n_uv, 16)
    vertices = floats[: 3 * n_vertices].reshape(-1, 3)
    uv = floats[3 * n_vertices + 3 * n_normals :].reshape(-1, 2)
    faces = np.frombuffer(raw, "<i4", 3 * n_faces, 16 + 4 * floats.size).reshape(-1, 3)
    if n_faces <= SMALL_TEXTURED or n_uv == 0:
        shutil.copyfile(source, target)
        return
    light = _decimate_textured(vertices, uv, faces, int(max(SMALL, n_faces * KEEP)))
    with open(target, "wb") as file:
        file.write(struct.pack("<4i", len(light[0]), len(light[1]), len(light[2]), len(light[3])))
        for array, dtype in zip(light, ("<f4", "<f4", "<f4", "<i4")):
            file.write(np.ascontiguousarray(array, dtype).tobytes())


def _decimate_textured(
    vertices: np.ndarray, uv: np.ndarray, faces: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, normals, texture coordinates and faces of a mesh with about `count` faces.

    Geometry is simplified without regard to the texture; each new corner then takes the texture coordinate of a nearby
    old corner that belongs to the same patch of the texture as the nearest old face.
    """
    import fast_simplification
    import trimesh
    from scipy.spatial import cKDTree

    welded, inverse = np.unique(np.round(vertices, 6), axis=0, return_inverse=True)
    corners = inverse.ravel()[faces]
    proper = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 0] != corners[:, 2])
    new_vertices, new_faces = (
        np.asarray(a)
        for a in fast_simplification.simplify(
            welded.astype(np.float32), corners[proper].astype(np.int32), target_count=count
        )
    )
    old_face = cKDTree(vertices[faces].mean(1)).query(new_vertices[new_faces].mean(1))[1]
    patch = np.repeat(uv[faces][old_face].mean(1), 3, axis=0)
    points = new_vertices[new_faces].reshape(-1, 3)
    near = cKDTree(vertices).query(points, k=16)[1]
    size = np.ptp(vertices, axis=0).max()
    cost = np.linalg.norm(uv[near] - patch[:, None], axis=2)
    cost += 2 * np.linalg.norm(vertices[near] - points[:, None], axis=2) / size
    new_uv = uv[near][np.arange(len(near)), cost.argmin(1)]
    normals = trimesh.Trimesh(new_vertices, new_faces, process=False).vertex_normals[new_faces].reshape(-1, 3)
    packed = np.round(np.concatenate([points, normals, new_uv], 1).astype(np.float32), 6)
    unique, inverse = np.unique(packed, axis=0, return_inverse=True)
    return unique[:, :3], unique[:, 3:6], unique[:, 6:8], inverse.ravel().reshape(-1, 3)
