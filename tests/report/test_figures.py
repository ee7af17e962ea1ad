"""Figures: for print, of the method, the expert's map, and lines that other axes give."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from para.evaluation import Subject
from para.geometry import Pose
from para.presets.policies import POLICIES
from para.report import RunFolder, build_report
from para.report.build import read_contents
from para.report.comparisons import compare
from para.report.formats import interval
from para.report.names import CAMERA_FREE
from para.report.pointing import Pointing, load_pointing, point, save_pointing
from para.report.vector import write_figures
from para.report.vector_tables import draw_differences, draw_factorial
from para.types import Observation, RobotState, View
from para.worlds.libero.camera import training_camera
from para.worlds.libero.layout import WORKSPACE
from report.sample_run import (
    FEW,
    axis_records,
    make_run,
    write_records,
)


def test_figures_for_print_are_vectors(tmp_path):
    run = make_run(tmp_path / "run", axes=("view",), n=32)
    save_pointing(made_up_pointing(), run.pictures / "pointing.npz")
    written = write_figures(run.root, tmp_path / "figures")
    names = {path.stem for path in written}
    assert "How it points" in build_report(run.root).read_text()  # the page shows the method, too
    assert names == {
        "headline",
        "differences",
        "view-curve",
        "training",
        "ablations",
        "method",
        *(f"view-map-{p}" for p in FEW),
    }
    for path in written:
        head = path.read_bytes()[:200]
        assert head.startswith(b"%PDF") if path.suffix == ".pdf" else b"<?xml" in head
        assert path.stat().st_size > 2000


def test_the_factorial_is_a_figure_for_print_with_the_counts_of_its_records(tmp_path):
    run = RunFolder(tmp_path / "run")
    policies = ("para", "reg_pooled_world", "reg_dense_pixel")
    write_records(run.records("lr"), axis_records("lr", policies, 30, 10))
    write_figures(run.root, tmp_path / "figures")
    contents = read_contents(run.root)
    figure = draw_factorial(contents.factorials[0])
    words = [text.get_text() for text in figure.axes[0].texts]
    for policy in policies[1:]:
        place = contents.tables[0].row(policy).main.place
        assert sum(f"[{interval(place)}], n = 30" in text for text in words) >= 1
    assert (tmp_path / "figures" / "factorial-lr.pdf").exists() and sum(text == "–" for text in words) == 2 * 4 - 2
    differences = draw_differences(
        [("lr", c) for c in compare(contents.tables[0].rows[0], contents.tables[0].rows[1:])]
    )
    assert len(differences.axes[0].get_yticklabels()) == 2


def test_policies_that_are_not_told_the_camera_are_flat_where_it_is_wrong(tmp_path):
    run = RunFolder(tmp_path / "run")
    for axis, policies in (("calibration", ("para",)), ("dense", ("para", "act", "cls_regression", "act_camera"))):
        known = [p for p in policies if p != "act_camera"]
        lines = axis_records(axis, known, 40, 4)
        if "act_camera" in policies:  # told the camera, and so not shown
            lines += [replace(r, subject=Subject("act_camera", "x")) for r in lines if r.subject.policy == "act"]
        write_records(run.records(axis), lines)
    contents = read_contents(run.root)
    series = {s.name: s for s in contents.figures["calibration"].curve.series}
    assert set(series) == {"para", *(f"{p}, not told the camera: its rate on dense" for p in ("act", "cls_regression"))}
    dense = next(table for table in contents.tables if table.axis == "dense")
    for policy in ("act", "cls_regression"):
        flat = series[f"{policy}, not told the camera: its rate on dense"]
        assert {p.y for p in flat.points} == {dense.row(policy).main.place.value} and flat.dashed
        assert [p.x for p in flat.points] == [0.25, 2.0]
    assert "not told the camera: its rate on dense" in build_report(run.root).read_text()
    assert all("not told" not in s.name for s in contents.figures["dense"].curve.series)


@pytest.mark.parametrize("name", CAMERA_FREE)
def test_policies_that_are_not_told_the_camera_are_so_by_their_preset(name):
    policy = POLICIES[name]().policy
    assert policy.framing is None and not policy.head.camera_input


def test_pictures_of_a_collection_itself_are_shown(tmp_path):
    root = tmp_path / "results"
    write_records(RunFolder(root / "one").records("lr"), axis_records("lr", ("para",), 8, 2))
    own = RunFolder(root).pictures
    save_pointing(made_up_pointing(), own / "pointing.npz")
    Image.new("RGB", (30, 20)).save(own / "a_moment.jpg")
    (own / "a_moment.txt").write_text("A moment of the collection.")
    text = build_report(root).read_text()
    assert text.index("How it points") < text.index("A moment of the collection.")
    assert "method" in {path.stem for path in write_figures(root, tmp_path / "figures")}


def test_the_experts_own_map_is_shown(tmp_path):
    root = tmp_path / "results"
    write_records(RunFolder(root / "one").records("lr"), axis_records("lr", ("para",), 8, 2))
    assert 'id="expert"' not in build_report(root).read_text()
    grid = [((x, y), "PLACE" if x > 0 else "MISS") for x in (-0.1, 0.05) for y in (-0.2, 0.0, 0.2)]
    free = [((0.0, 0.0), "PLACE"), ((0.1, 0.1), "GRASP")]
    lines = [
        {"set": name, "index": i, "layout": {"bowl_xy": xy}, "stage": stage, "ended_by": "finished"}
        for name, found in (("rigid", grid), ("independent", free))
        for i, (xy, stage) in enumerate(found)
    ]
    path = root / "expert" / "expert.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"records": lines, "provenance": {"commit": "0123456789ab"}}))
    section = re.search(r'<section id="expert">.*?</section>', build_report(root).read_text(), re.DOTALL)[0]
    assert section.count("expert on rigid") == 6 and "0123456789ab" in section
    assert re.findall(r"\((\d+)/(\d+),", section) == [("3", "6"), ("1", "2")]
    assert "expert-map" in {figure.stem for figure in write_figures(root, tmp_path / "figures")}
    path.write_text('{"records": [{"set": "rigid"}]}')
    with pytest.raises(ValueError, match="is no map of the expert"):
        build_report(root)


def test_the_same_data_gives_the_same_figures(tmp_path):
    run = RunFolder(tmp_path / "run")
    write_records(run.records("lr"), axis_records("lr", ("para",), 8, 2))
    first, second = (write_figures(run.root, tmp_path / name) for name in ("first", "second"))
    assert len(first) == 6 and [a.read_bytes() for a in first] == [b.read_bytes() for b in second]


def test_a_kept_prediction_comes_back(tmp_path):
    pointing = made_up_pointing()
    back = load_pointing(save_pointing(pointing, tmp_path / "pointing.npz"))
    assert back.cell == pointing.cell and back.step == pointing.step and back.workspace == pointing.workspace
    np.testing.assert_array_equal(back.image, pointing.image)
    np.testing.assert_allclose(back.pixel, pointing.pixel)
    np.testing.assert_allclose(back.volume, pointing.volume, atol=1e-3)
    (tmp_path / "other.npz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="holds no prediction"):
        load_pointing(tmp_path / "other.npz")


def test_a_policy_points_where_its_chunk_says():
    from para.backbones import Lite0Config
    from para.policy import Policy, PolicyNetwork
    from para.presets.policies import FRAMED

    small = replace(
        FRAMED,
        image_size=(96, 96),
        backbone=Lite0Config(stages=(1, 2), frozen_stages=1, pretrained=False),
        head=replace(FRAMED.head, widths=(16, 16)),
    )
    torch.manual_seed(0)
    policy = Policy(small, PolicyNetwork(small))
    image = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    state = RobotState(Pose(np.eye(3), np.array([-0.21, 0.0, 1.17])), 1.0, 0.0)
    observation = Observation((View("agentview", image, training_camera(128, 128)),), state)
    pointing, chunk = point(policy, observation, step=2), policy.predict(observation)
    np.testing.assert_allclose(pointing.target, chunk.positions[2], atol=1e-6)
    assert pointing.volume.sum() == pytest.approx(1, abs=1e-4) and pointing.axis == "height [m]"
    _, row, column = pointing.cell
    cell = np.array([column + 0.5, row + 0.5]) * small.head.cell_pixels
    assert np.all(np.abs(pointing.pixel - cell) < 1.5 * small.head.cell_pixels)
    level = small.input_camera(observation.views[0].camera)  # what it looks through is not the world's camera
    np.testing.assert_allclose(pointing.camera.intrinsics, level.intrinsics)
    np.testing.assert_allclose(pointing.camera.T_world_camera.rotation, level.T_world_camera.rotation)


def made_up_pointing() -> Pointing:
    """A prediction with one clear peak."""
    camera = training_camera(96, 96)
    image = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    volume = np.full((8, 24, 24), 1e-6, np.float32)
    volume[2, 13, 9] = 0.7
    targets = np.array([(-0.2, -0.05, 1.05), (-0.18, -0.1, 1.0), (-0.15, -0.12, 0.95)])
    heights = np.linspace(0.9, 1.3, 8)
    return Pointing(
        image, camera, np.array([-0.21, 0.0, 1.17]), targets, targets[2], 2, volume, heights, "height [m]", WORKSPACE
    )
