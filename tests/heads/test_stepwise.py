"""A stepwise head is the head inside, step by step: same volume, same loss, same decoding."""

from dataclasses import replace

import pytest
import torch

from backbones.tiny_svd import SCRATCH
from para.backbones import Lite0Config
from para.dataset import Targets, collate
from para.geometry import HeightBins
from para.heads import GlobalRegressionConfig, PaperVolumeConfig, StepwiseConfig, VolumeHeadConfig, Words
from para.policy import PolicyConfig, PolicyNetwork
from toy import WORKSPACE, toy_samples

HEADS = {
    "volume": VolumeHeadConfig(HeightBins(0.0, 0.4, 8), cell_pixels=2, widths=(16, 16, 24), query_noise=0.0),
    "paper": PaperVolumeConfig(HeightBins(0.0, 0.4, 8), grid=16),
    "regression": GlobalRegressionConfig(width=32),
}


@pytest.mark.parametrize("kind", HEADS)
def test_it_is_the_inner_head_step_by_step(kind):
    head = StepwiseConfig(HEADS[kind]).build((8, 12), (4, 8), 3, WORKSPACE).eval()
    batch = collate(toy_samples(4), [0, 1, 2, 3], (80, 64))
    targets = replace(batch.targets, valid=batch.targets.valid.clone())
    targets.valid[1, 2] = False
    assert hasattr(head, "volume") == (kind != "regression")  # what does not point has no grid for the oracle either
    features = [torch.randn(4, 3, 8, 16, 20), torch.randn(4, 3, 12, 8, 10)]
    for parameter in head.step:
        torch.nn.init.normal_(parameter)
    with torch.inference_mode():
        outputs = head(features, batch.inputs)
        loss, chunk = head.loss(outputs, batch.inputs, targets), head.decode(outputs, batch.inputs)
        if kind != "regression":
            grid = head.volume(80, 64)
            assert outputs.logits.shape == (4, 3, 8, grid.rows, grid.columns)
        total = 0.0
        for k in range(3):
            own = [f[:, k] + step[k] for f, step in zip(features, head.step)]
            inner = head.inner(own, batch.inputs)
            one = Targets(*(getattr(targets, n)[:, k : k + 1] for n in ("positions", "rotations", "gripper", "valid")))
            share = one.valid.sum() / targets.valid.sum()
            total += share * head.inner.loss(inner, batch.inputs, one).total
            alone = head.inner.decode(inner, batch.inputs)
            for name in ("positions", "rotations", "gripper", "confidence", "out_of_view"):
                torch.testing.assert_close(getattr(chunk, name)[:, k], getattr(alone, name)[:, 0], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(loss.total, total, rtol=1e-3, atol=1e-4)


def test_steps_and_kinds_must_fit():
    video = PolicyConfig(SCRATCH, StepwiseConfig(HEADS["volume"]), (32, 24), 3, "toy", WORKSPACE)
    batch = collate(toy_samples(2), [0, 1], (32, 24))
    with pytest.raises(ValueError, match="features of 3 steps, the policy's horizon is 5"):
        head = replace(video.head, head=replace(HEADS["volume"], cell_pixels=1, widths=(16, 16, 16)))
        PolicyNetwork(replace(video, head=head, horizon=5))(batch.inputs)
    with pytest.raises(ValueError, match="a video backbone has features of each step"):
        PolicyNetwork(replace(video, head=HEADS["volume"]))
    with pytest.raises(ValueError, match="got Lite0Config and StepwiseConfig"):
        PolicyNetwork(replace(video, backbone=Lite0Config(pretrained=False)))


def test_what_steps_share_cannot_be_read_step_by_step():
    shared = StepwiseConfig(replace(HEADS["volume"], rotation_at="next_grip"))
    with pytest.raises(ValueError, match="rotation_at must be 'step', not 'next_grip'"):
        shared.build((8,), (4,), 3, WORKSPACE)


def test_a_reading_head_says_so():
    assert StepwiseConfig(HEADS["volume"]).instruction is None
    assert StepwiseConfig(replace(HEADS["volume"], instruction=Words())).instruction == Words()


def test_every_step_has_its_own_reach():
    reach = (0.06, 0.12, 0.5)
    head = StepwiseConfig(replace(HEADS["volume"], reach=reach)).build((8, 12), (4, 8), 3, WORKSPACE).eval()
    batch = collate(toy_samples(4), [0, 1, 2, 3], (80, 64))
    features = [torch.randn(4, 3, 8, 16, 20), torch.randn(4, 3, 12, 8, 10)]
    with torch.inference_mode():
        chunk = head.decode(head(features, batch.inputs), batch.inputs)
        for k in range(3):
            head.inner.config = replace(head.inner.config, reach=reach[k : k + 1])
            alone = head.inner.decode(head.inner([f[:, k] for f in features], batch.inputs), batch.inputs)
            torch.testing.assert_close(chunk.positions[:, k], alone.positions[:, 0], rtol=1e-3, atol=1e-4)
    way = (chunk.positions - batch.inputs.T_world_ee.translation[:, None]).norm(dim=-1)
    assert way[:, 0].max() < way[:, 2].max()


def test_the_volumes_geometry_is_that_of_every_row():
    """Repeated cameras are computed once; rows that come in another order get the same."""
    head = StepwiseConfig(replace(HEADS["volume"], reach=(0.1, 0.2, 0.3))).build((8, 12), (4, 8), 3, WORKSPACE).inner
    inputs = collate(toy_samples(4), [0, 0, 1, 2, 2, 0], (80, 64)).inputs
    logits = torch.randn(6, 1, 8, 16, 20)
    allowed, near = head._allowed(inputs.camera, 16, 20), head.within_reach(logits, inputs)
    for i in range(6):
        one = collate(toy_samples(4), [[0, 0, 1, 2, 2, 0][i]], (80, 64)).inputs
        assert torch.equal(head._allowed(one.camera, 16, 20)[0], allowed[i])
        alone = replace(head.config, reach=(head.config.reach[i % 3],))
        changed, head.config = head.config, alone
        assert torch.equal(head.within_reach(logits[i : i + 1], one)[0], near[i])
        head.config = changed
