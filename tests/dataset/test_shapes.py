"""Things drawn into training pictures: where a camera would see them, clear of the hand and of its way, labels untouched."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from para.dataset import Augmentation, ClipPlan, Orbit, PastedShapes, Shift, Turn, collate
from para.dataset.shapes import Face, Prism
from para.geometry import Camera
from toy import toy_camera, toy_samples

EVERYWHERE = PastedShapes(0.0, (-0.6, 0.6), (-0.6, 0.6), share=1.0)
MOVED = Augmentation((Turn(3.0, 10.0), Shift(20.0)))


def drawn(faces: list[Face], camera: Camera) -> np.ndarray:
    image = np.zeros((camera.height, camera.width, 3), np.uint8)
    for face in faces:
        face.draw(image)
    return image


def batches(augmentation: Augmentation, n: int = 24):
    """The same moments by the same cameras, without things and with them."""
    samples = toy_samples(n)
    for shapes in (None, EVERYWHERE):
        rngs = [np.random.default_rng(i) for i in range(n)]
        yield collate(samples, list(range(n)), (160, 128), replace(augmentation, shapes=shapes), rngs)


def test_a_thing_fills_the_outline_of_its_projected_corners():
    camera, rng, checked = toy_camera(400, 320), np.random.default_rng(0), 0
    for _ in range(60):
        thing = Prism.random(rng, (*rng.uniform(-0.15, 0.15, 2), 0.0))
        thing = replace(thing, colours=np.full((2, 3), 250.0))
        corners, _ = camera.project(thing.rings(0.0, 1.0).reshape(-1, 3))
        outline = np.zeros((camera.height, camera.width), np.uint8)
        cv2.fillConvexPoly(outline, cv2.convexHull(np.round(corners - 0.5).astype(np.int32)), 1)
        mask = drawn(thing.faces(camera), camera).max(-1) > 60
        both, either = (mask & (outline > 0)).sum(), (mask | (outline > 0)).sum()
        if either > 1000:
            assert both / either > 0.93
            checked += 1
    assert checked > 20


def test_a_carton_has_at_most_three_sides_to_see_and_its_label_lies_upon_it():
    carton = replace(
        Prism.random(np.random.default_rng(1), (0.1, 0.05, 0.0)), sides=4, top=1.0, half=np.full(2, 0.04), height=0.1,
        label=(0.3, 0.6), colours=np.array([[200.0, 0.0, 0.0], [0.0, 200.0, 0.0]]),
    )  # fmt: skip
    faces = carton.faces(toy_camera())
    assert len(faces) in (4, 7)  # one side or two, in three pieces each, and the top
    assert [face.colour[1] > 0 for face in faces] == [False, True, False] * (len(faces) // 3) + [False]


def test_nearer_things_are_drawn_over_farther_ones_and_none_stands_in_the_way():
    camera, way = toy_camera(), np.array([[0.0, 0.0, 0.1], [0.1, 0.0, 0.0], [0.0, 0.3, 0.0]])
    elsewhere = camera.project(np.full((1, 3), 9.0))[0]
    found = [EVERYWHERE.things(camera, elsewhere, way, np.random.default_rng(seed)) for seed in range(100)]
    assert 200 < sum(map(len, found)) < 1000
    for things in found:
        depths = [camera.project(thing.rings(0.0, 1.0).reshape(-1, 3))[1].mean() for thing in things]
        assert depths == sorted(depths, reverse=True)
        for thing in things:
            gaps = np.linalg.norm(way[:, None, :2] - thing.rings(0.0)[..., :2], axis=-1)
            assert (
                gaps.min() > EVERYWHERE.clearance - 0.42 * thing.half.max()
            )  # a square's corners reach beyond its sides


@pytest.mark.parametrize("augmentation", [MOVED, replace(MOVED, orbit=Orbit((0.0, 0.0, 0.02), share=1.0))])
def test_the_hand_stays_in_sight_and_labels_as_they_are(augmentation):
    plain, pasted = batches(augmentation)
    assert torch.equal(plain.inputs.camera.intrinsics, pasted.inputs.camera.intrinsics)
    assert torch.equal(plain.targets.positions, pasted.targets.positions)
    changed = (plain.inputs.image != pasted.inputs.image).any(1)
    assert (changed.flatten(1).any(1)).float().mean() > 0.7
    spot = plain.inputs.image.amin(1) > 200  # the toy's hand, a white spot
    assert spot.sum() > 100
    assert not (changed & spot).any()


def test_a_share_of_the_moments_gets_things():
    camera, nothing = toy_camera(), np.full((1, 3), 9.0)
    far = camera.project(nothing)[0]
    some = replace(EVERYWHERE, share=0.4)
    found = [bool(some(camera, far, nothing, np.random.default_rng(seed))) for seed in range(200)]
    assert 0.25 < np.mean(found) < 0.5


def test_what_stands_in_a_clip_stands_in_all_of_its_frames():
    samples = toy_samples(8)
    samples = replace(samples, images=np.full_like(samples.images, 60))
    rngs = [np.random.default_rng(i) for i in range(4)]
    augmentation = Augmentation(shapes=EVERYWHERE)
    batch = collate(samples, list(range(4)), (160, 128), augmentation, rngs, clips=ClipPlan(2, 1))
    assert (batch.clip.frames != 60).any()
    assert torch.equal(batch.clip.frames[:, 0], batch.clip.frames[:, 1])
