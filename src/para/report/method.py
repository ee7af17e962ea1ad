"""The method in one figure, drawn from a real prediction: picture -> volume -> ray -> target."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from para.report.pointing import Pointing
from para.report.styles import LIGHT, STAGE_LIGHT
from para.worlds.libero.layout import TABLE_HEIGHT
from para.worlds.world import Stage

_INK, _SOFT = "#1d2023", "#5e6468"
_OURS, _WARM, _HOT = LIGHT["p0"], STAGE_LIGHT[Stage.GRASP], LIGHT["p1"]


def draw_method(pointing: Pointing) -> Figure:
    """Three panels, 11 x 4 inches."""
    figure = Figure(figsize=(11.0, 3.9))
    _picture(figure.add_axes((0.005, 0.06, 0.27, 0.8)), pointing)
    _volume(figure.add_axes((0.29, -0.02, 0.36, 0.94), projection="3d", computed_zorder=False), pointing)
    _world(figure.add_axes((0.645, -0.04, 0.36, 0.98), projection="3d", computed_zorder=False), pointing)
    for x, number, words in (
        (0.01, "1", "one picture, and its camera"),
        (0.32, "2", "a score for every cell and height"),
        (0.67, "3", "the best one's ray gives the target"),
    ):
        figure.text(x, 0.93, number, fontsize=13, fontweight="bold", color=_OURS)
        figure.text(x + 0.02, 0.93, words, fontsize=11, color=_INK)
    return figure


def _picture(axes, pointing: Pointing) -> None:
    height, width = pointing.image.shape[:2]
    axes.imshow(pointing.image, extent=(0, width, height, 0), interpolation="bicubic")
    pixels = pointing.camera.project(pointing.targets)[0]
    start = pointing.camera.project(pointing.ee[None])[0]
    path = np.concatenate([start, pixels])
    axes.plot(*path.T, color="white", linewidth=1.2)
    axes.scatter(*start.T, s=46, facecolors="none", edgecolors="white", linewidths=1.6)
    axes.scatter(
        *pixels.T, c=np.arange(len(pixels)), cmap="viridis", s=26, zorder=3, edgecolors="white", linewidths=0.5
    )
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    axes.set_xlabel("ring: gripper now; dots: targets of the next steps", fontsize=8, color=_SOFT)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _volume(axes, pointing: Pointing) -> None:
    """Cells (columns to the right, rows to the back) times heights, the likely ones drawn, over the picture."""
    bins, rows, columns = pointing.volume.shape
    height, width = pointing.image.shape[:2]
    small = pointing.image[:: max(1, height // rows), :: max(1, width // columns)][:rows, :columns] / 255.0
    u, v = np.meshgrid(np.arange(columns + 1), np.arange(rows + 1))
    axes.plot_surface(
        u, rows - v, np.zeros_like(u, float), facecolors=small, rstride=1, cstride=1, shade=False, linewidth=0,
        antialiased=False, rasterized=True, zorder=0,
    )  # fmt: skip
    d, r, c = np.nonzero(pointing.volume > 0.01 * pointing.volume.max())
    p = np.sqrt(pointing.volume[d, r, c] / pointing.volume.max())
    axes.scatter(
        c + 0.5, rows - r - 0.5, d + 0.5, color=_HOT, s=2 + 30 * p, alpha=np.clip(p, 0.08, 1.0), linewidths=0, zorder=3,
        depthshade=False, rasterized=True,
    )  # fmt: skip
    best_bin, best_row, best_column = pointing.cell
    x, y = best_column + 0.5, rows - best_row - 0.5
    axes.plot([x, x], [y, y], [0, bins], color=_OURS, linewidth=1.1, zorder=2)
    axes.scatter([x], [y], [best_bin + 0.5], s=70, facecolors="none", edgecolors=_OURS, linewidths=1.8, zorder=5)
    for z in (0, bins):
        axes.plot([0, columns, columns, 0, 0], [0, 0, rows, rows, 0], [z] * 5, color=_SOFT, linewidth=0.5, zorder=1)
    for x, y in ((0, 0), (columns, 0), (columns, rows), (0, rows)):
        axes.plot([x, x], [y, y], [0, bins], color=_SOFT, linewidth=0.5, zorder=1)
    axes.set_box_aspect((1, rows / columns, 0.75), zoom=1.12)
    axes.view_init(elev=24, azim=-64)
    axes.set_axis_off()
    share = pointing.volume[best_bin, best_row, best_column]
    words = f"{columns} × {rows} cells, {bins} bins of {pointing.axis.split()[0]}; the best holds {100 * share:.0f} %"
    axes.text2D(0.5, 0.03, words, transform=axes.transAxes, ha="center", fontsize=8, color=_SOFT)


def _world(axes, pointing: Pointing) -> None:
    """Camera, ray, the height's plane and the target, in the world."""
    low, high = np.array(pointing.workspace.low), np.array(pointing.workspace.high)
    _table(axes, pointing, 64)
    target, anchor, centre = (
        pointing.target,
        pointing.anchor,
        np.asarray(pointing.camera.T_world_camera.translation, float),
    )
    _plane(axes, (low[0], high[0]), (low[1], high[1]), anchor[2], _WARM, 0.22, 1)
    direction = anchor - centre
    axes.plot(*np.stack([centre, anchor]).T, color=_WARM, linewidth=1.8, zorder=3)
    beyond = centre + direction * min(1.25, (TABLE_HEIGHT - centre[2]) / direction[2] if direction[2] < 0 else 1.25)
    axes.plot(*np.stack([anchor, beyond]).T, color=_WARM, linewidth=1.0, linestyle=":", zorder=3)
    _frustum(axes, pointing, 0.22)
    axes.plot(*np.concatenate([pointing.ee[None], pointing.targets]).T, color=_SOFT, linewidth=0.9, zorder=3)
    axes.scatter(*pointing.ee, s=40, facecolors="none", edgecolors=_INK, linewidths=1.4, zorder=4)
    axes.scatter(
        *pointing.targets.T, c=np.arange(len(pointing.targets)), cmap="viridis", s=20, zorder=4, depthshade=False
    )
    axes.scatter(*target, s=80, facecolors="none", edgecolors=_OURS, linewidths=1.8, zorder=5)
    axes.plot(
        [target[0]] * 2,
        [target[1]] * 2,
        [TABLE_HEIGHT, target[2]],
        color=_OURS,
        linewidth=0.9,
        linestyle="--",
        zorder=2,
    )
    axes.text(*(centre + [0, 0, 0.08]), "camera", fontsize=8, color=_SOFT, ha="center")
    axes.text(low[0], high[1], anchor[2], f"  z = {anchor[2]:.2f} m", fontsize=8, color=_WARM)
    axes.set_aspect("equal")
    axes.set_box_aspect(axes.get_box_aspect() if hasattr(axes, "get_box_aspect") else None, zoom=1.35)
    axes.view_init(elev=18, azim=-52)
    axes.set_axis_off()
    words = (
        f"target at x {target[0]:.2f}, y {target[1]:.2f}, z {target[2]:.2f} m, {0.2 * (pointing.step + 1):.1f} s ahead"
    )
    axes.text2D(0.5, 0.05, words, transform=axes.transAxes, ha="center", fontsize=8, color=_SOFT)


def _table(axes, pointing: Pointing, cells: int) -> None:
    """The table, painted with what the camera sees of it: through the very projection that the policy uses."""
    low, high = pointing.workspace.low, pointing.workspace.high
    x, y = np.meshgrid(np.linspace(low[0], high[0], cells + 1), np.linspace(low[1], high[1], cells + 1))
    middle = [(g[:-1, :-1] + g[1:, 1:]) / 2 for g in (x, y)]
    points = np.stack([*middle, np.full((cells, cells), TABLE_HEIGHT)], -1).reshape(-1, 3)
    pixels, depth = pointing.camera.project(points)
    height, width = pointing.image.shape[:2]
    u, v = (np.clip(pixels[:, i].astype(int), 0, size - 1) for i, size in ((0, width), (1, height)))
    colours = pointing.image[v, u] / 255.0
    colours[~pointing.camera.sees(pixels, depth)] = (0.94, 0.92, 0.87)
    colours = np.pad(colours.reshape(cells, cells, 3), ((0, 1), (0, 1), (0, 0)), mode="edge")
    axes.plot_surface(
        x, y, np.full_like(x, TABLE_HEIGHT), facecolors=colours, rstride=1, cstride=1, shade=False, linewidth=0,
        antialiased=False, rasterized=True, zorder=0,
    )  # fmt: skip


def _plane(axes, x, y, z: float, colour: str, alpha: float, order: int) -> None:
    grid_x, grid_y = np.meshgrid(x, y)
    axes.plot_surface(
        grid_x, grid_y, np.full_like(grid_x, z, dtype=float), color=colour, alpha=alpha, shade=False, linewidth=0,
        zorder=order,
    )  # fmt: skip


def _frustum(axes, pointing: Pointing, depth: float) -> None:
    """The pyramid of what the camera sees, `depth` [m] long."""
    camera = pointing.camera
    corners = np.array([(0, 0), (camera.width, 0), (camera.width, camera.height), (0, camera.height)], float)
    ends = np.array([camera.unproject_depth(corner[None], np.array([depth]))[0][0] for corner in corners])
    centre = np.asarray(camera.T_world_camera.translation, float)
    for end in ends:
        axes.plot(*np.stack([centre, end]).T, color=_INK, linewidth=0.8, zorder=4)
    axes.plot(*np.concatenate([ends, ends[:1]]).T, color=_INK, linewidth=0.8, zorder=4)
