"""Layouts that disturb: a camera that is told wrongly, another look, objects and furniture that make room."""

import numpy as np
import pytest

pytest.importorskip("libero")

from dataclasses import replace

from para.evaluation import AXES
from para.evaluation.disturbances import COLOURS, OWN_TABLE
from para.evaluation.plans import in_scene
from para.types import Command
from para.worlds.libero.appearance import load_texture
from para.worlds.libero.clutter import DISTRACTORS, FULL_PLACES, LOW, VALIDATION_DISTRACTORS, footprint
from para.worlds.libero.layout import TABLE_HEIGHT, Appearance, CameraError, rigid_layout
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.teacher import ScriptedTeacher
from para.worlds.world import Stage, rollout

PLAIN = rigid_layout((-0.1, 0.1), seed=1)
LOOK = Appearance("brown_ceramic_tile", "kona_gotham", "light_floor", 0.7, 0.1, (1.0, -0.5))
ERROR = CameraError((0.3, -0.8, 0.2), (0.01, 0.0, -0.005))


@pytest.fixture(scope="module")
def world():
    world = LiberoWorld((160, 120))
    yield world
    world.close()


def picture(world, layout):
    world.reset(layout)
    return world.observe().views[0].image


def test_a_wrong_camera_is_told_and_the_picture_is_the_true_ones(world):
    plain = picture(world, PLAIN)
    told = world.observe().views[0].camera
    np.testing.assert_array_equal(told.T_world_camera.matrix(), world.camera.T_world_camera.matrix())
    wrong = picture(world, replace(PLAIN, camera_error=ERROR))
    np.testing.assert_array_equal(wrong, plain)
    told = world.observe().views[0].camera
    off = world.camera.T_world_camera.inverse() @ told.T_world_camera
    np.testing.assert_allclose(off.translation, ERROR.translation, atol=1e-12)
    assert told is world.reported_camera and world.camera is not told
    point = np.array([[-0.1, 0.1, 0.93]])
    shift = np.linalg.norm(told.project(point)[0] - world.camera.project(point)[0])
    assert shift > 0.5  # 0.9 deg are two pixels here, of which the centimetre takes back a part
    picture(world, PLAIN)
    np.testing.assert_array_equal(world.observe().views[0].camera.intrinsics, world.camera.intrinsics)


def test_another_look_changes_the_picture_only_and_leaves_no_trace(world):
    plain, dressed = picture(world, PLAIN).astype(int), replace(PLAIN, appearance=LOOK)
    first = picture(world, dressed).astype(int)
    table, wall = (slice(100, 120), slice(None)), (slice(0, 10), slice(0, 40))
    assert np.abs(first - plain)[table].mean() > 15 and np.abs(first - plain)[wall].mean() > 15
    assert first[wall][..., 2].mean() > first[wall][..., 0].mean() + 20  # the wall is blue now
    other = replace(PLAIN, appearance=replace(LOOK, table="white_marble_floor"))
    assert np.abs(picture(world, other).astype(int) - first)[table].mean() > 15
    np.testing.assert_array_equal(picture(world, dressed), first)
    np.testing.assert_array_equal(picture(world, PLAIN), plain)

    def fall(layout):
        state = world.reset(layout)
        for _ in range(10):
            state = world.step(Command(state.T_world_ee, 0.0))
        return world._running().data.qpos.copy()

    np.testing.assert_array_equal(fall(dressed), fall(PLAIN))
    with pytest.raises(ValueError, match="LIBERO has no texture 'velvet'; it has brown_ceramic_tile"):
        world.reset(replace(PLAIN, appearance=replace(LOOK, table="velvet")))
    np.testing.assert_array_equal(picture(world, PLAIN), plain)


def test_furniture_makes_room_and_returns(world):
    def places():
        return {name: world._running().body_pose(f"{name}_main").translation[:2] for name in world._running().fixtures}

    world.reset(in_scene(rigid_layout((-0.1, -0.25), seed=2), "full"))
    assert np.hypot(*(places()["wooden_cabinet_1"] - FULL_PLACES["wooden_cabinet_1"])) > 0.05
    world.reset(rigid_layout((-0.05, 0.2), seed=2, scene="full"))
    for name, xy in places().items():
        np.testing.assert_allclose(xy, FULL_PLACES[name], atol=0.001)  # the table of official places is LIBERO's


@pytest.mark.parametrize("name", ["distractors", "lr_full"])
def test_the_teacher_does_the_task_and_touches_nothing_else(world, name):
    layout = AXES[name].validation_conditions(6)[5].layout
    world.reset(layout)
    before = {o.name: world.object_pose(o.name) for o in layout.objects if o.name in world._running().objects}
    assert len(before) == (10 if name == "distractors" else 3)
    result = rollout(world, ScriptedTeacher(world), layout)
    assert result.outcome.stage is Stage.PLACE
    for other, pose in before.items():
        assert np.linalg.norm(world.object_pose(other).translation - pose.translation) < 0.003, other


def extent(simulation, body: int) -> np.ndarray:
    """(N, 3) points of a body's geoms, and of the bodies on it, seen from its origin, along the world's axes [m]."""
    model, data, bodies, points = simulation.model, simulation.data, [body], []
    for other in range(body + 1, model.nbody):
        if model.body_parentid[other] in bodies:
            bodies.append(other)
    for geom in np.flatnonzero(np.isin(model.geom_bodyid, bodies)):
        mesh, local = model.geom_dataid[geom], None
        if mesh >= 0:
            local = model.mesh_vert[model.mesh_vertadr[mesh] : model.mesh_vertadr[mesh] + model.mesh_vertnum[mesh]]
        else:
            corners = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), -1).reshape(-1, 3)
            local = model.geom_aabb[geom, :3] + corners * model.geom_aabb[geom, 3:]
        points.append(local @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom])
    return np.concatenate(points) - [*data.xpos[body][:2], TABLE_HEIGHT]


@pytest.mark.parametrize("scene", ["distractors", "distractors_validation", "full"])
def test_footprints_hold_the_meshes(world, scene):
    names = {
        "distractors": DISTRACTORS, "distractors_validation": VALIDATION_DISTRACTORS,
        "full": ("wooden_cabinet_1", "flat_stove_1", "akita_black_bowl_2", "cookies_1", "glazed_rim_porcelain_ramekin_1"),
    }[scene]  # fmt: skip
    layout = {
        "distractors": AXES["distractors"].test_conditions, "distractors_validation": AXES["distractors"].validation_conditions,
        "full": AXES["lr_full"].validation_conditions,
    }[scene](3)[2].layout  # fmt: skip
    world.reset(layout)
    simulation = world._running()
    for name in names:
        if name in simulation.scene.parked and name not in {o.name for o in layout.objects}:
            continue
        body = simulation.fixtures.get(name) or simulation.object_body(name)
        points, shape = extent(simulation, body), footprint(name)
        outside = shape.distance(np.zeros((1, 2)), points[:, :2]).max()
        assert -0.012 < outside < 0.003, (name, outside)
        assert points[:, 2].max() < shape.height + 0.004, (name, points[:, 2].max())
        assert shape.low == (shape.height <= LOW)


def test_the_tables_colours_are_their_textures():
    for name, colour in {**COLOURS, "martin_novak_wood_table": OWN_TABLE}.items():
        np.testing.assert_allclose(load_texture(name, 64, 64).reshape(-1, 3).mean(0), colour, atol=2)
