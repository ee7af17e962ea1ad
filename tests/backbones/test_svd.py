"""The video backbone: a saved pipeline goes through the loading code that the published weights would, and behaves as in
diffusers; features belong to steps; bad folders and too little memory are said."""

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch import nn

from backbones.tiny_svd import SCRATCH, loaded, pipeline, save
from para.backbones import SvdConfig, VideoBackboneError
from para.backbones import memory as memory_of
from para.backbones.svd_parts import TimeConv


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("svd"))


def picture(size=(32, 24), count=1):
    generator = torch.Generator().manual_seed(1)
    small = torch.rand(count, 3, 4, 4, generator=generator)
    return torch.nn.functional.interpolate(small, (size[1], size[0]), mode="bilinear")


def test_a_loaded_model_generates_what_the_pipeline_does(folder):
    model = loaded(folder).build().eval()
    image = picture((64, 48))
    image = (image * 255).round() / 255  # the pipeline is given 8 bits
    noise = torch.randn(1, 4, 4, 24, 32)
    ours = model.generate(image, 3, noise)
    given = Image.fromarray((image[0] * 255).byte().permute(1, 2, 0).numpy())
    theirs = pipeline()(
        given,
        height=48,
        width=64,
        num_frames=4,
        num_inference_steps=3,
        min_guidance_scale=1.0,
        max_guidance_scale=1.0,
        fps=5,
        motion_bucket_id=127,
        noise_aug_strength=0.0,
        latents=noise,
        output_type="pt",
    ).frames
    # CLIP's picture is made smaller by another filter there, which is all that differs.
    assert (ours - theirs).abs().max() < 0.02
    assert ours.std() > 0.05  # and it is a picture


def test_features_of_each_step_at_the_promised_sizes(folder):
    for config in (SCRATCH, loaded(folder)):
        model = config.build().eval()
        maps = model(picture((48, 32), 2))
        assert [m.shape for m in maps] == [(2, 3, c, 32 // s, 48 // s) for c, s in zip(model.channels, model.strides)]
        assert (maps[0][:, 0] - maps[0][:, 2]).abs().mean() > 1e-3  # steps differ
        again = model(picture((48, 32), 2))
        torch.testing.assert_close(again, maps, rtol=0, atol=0)  # predictions repeat
        model.train()
        assert (model(picture((48, 32), 2))[0] - maps[0]).abs().mean() > 1e-4  # training draws new noise
        maps = model(picture((48, 32), 2))
        sum(m.pow(2).mean() for m in maps).backward()
        assert model.unet.conv_in.weight.grad.abs().sum() > 0
        assert all(p.grad is None for p in model.vae.parameters())


def test_a_frame_that_is_told_reaches_its_own_step():
    """Frame k of the clip that goes in is step k of the features that come out: order and folding are right."""
    model = SCRATCH.build().eval()
    for module in model.unet.modules():
        if hasattr(module, "mix_factor"):
            module.mix_factor.data.fill_(40.0)  # nothing of what is mixed over time: frames are independent
    condition = model.condition(picture((32, 24), 2))
    z = torch.randn(2, 4, *condition.latent.shape[1:])
    sigma = torch.tensor([3.0, 9.0])
    before = model.predict(z, sigma, condition)[1][0]
    changed = z.clone()
    changed[1, 2] += 1.0
    difference = (model.predict(changed, sigma, condition)[1][0] - before).abs().flatten(2).mean(-1)
    assert difference[1, 1] > 1e-3
    difference[1, 1] = 0
    assert difference.max() < 1e-4


def test_encoding_and_decoding_undo_each_others_scale():
    model = SCRATCH.build().eval()
    clip = picture((32, 24), 4)[None]
    plain = model.decode(model.encode(clip))
    model.latent_scale.fill_(0.2)
    torch.testing.assert_close(model.encode(clip) * 5, model.vae_latents(clip[0]).mode()[None])
    torch.testing.assert_close(model.decode(model.encode(clip)), plain, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="sides are multiples of 2, got 33 x 24"):
        model(picture((33, 24)))


def test_a_small_model_draws_each_frame_by_itself_as_it_learned():
    model = SCRATCH.build().eval()
    latents = model.encode(picture((32, 24), 7)[None].expand(2, -1, -1, -1, -1))
    latents = latents + torch.randn_like(latents)
    whole = model.decode(latents)
    assert whole.shape == (2, 7, 3, 24, 32)
    torch.testing.assert_close(whole[:, 3:5], model.decode(latents[:, 3:5]), rtol=1e-4, atol=1e-5)


def test_a_small_model_diffuses_how_a_clip_differs_from_its_first_picture(folder):
    for config in (SCRATCH, loaded(folder)):
        model = config.build().eval()
        still = picture((48, 32), 2)[:, None].expand(-1, 4, -1, -1, -1)
        latents, condition = model.encode(still), model.condition(still[:, 0])
        change = model.to_diffused(latents, condition)
        torch.testing.assert_close(model.from_diffused(change, condition), latents)
        if config.model is None:
            assert change.abs().max() < 1e-4  # nothing moves, nothing is diffused
            moved = model.to_diffused(latents + config.size.change_scale, condition)
            torch.testing.assert_close(moved, torch.ones_like(moved), atol=1e-4, rtol=0)
        else:
            assert change is latents


def test_low_rank_corrections_change_nothing_at_first_and_are_all_that_trains(folder):
    plain = loaded(folder).build().eval()
    tuned = loaded(folder, lora_rank=2, precision="bf16", gradient_checkpointing=True).build().eval()
    image = picture((32, 24))
    before, after = plain(image)[0], tuned(image)[0]
    assert (before - after).abs().mean() < 0.05 * before.abs().mean()  # bf16
    moved = {name for name, p in tuned.named_parameters() if p.requires_grad}
    assert moved and all("lora_" in name for name in moved)
    tuned.train()
    tuned(image)[0].pow(2).mean().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for n, p in tuned.named_parameters() if n in moved)


def test_a_frozen_model_keeps_no_graph(folder):
    model = loaded(folder, frozen=True, precision="fp16").build().train()
    assert not model(picture())[0].requires_grad
    assert not any(p.requires_grad for p in model.parameters())


def test_what_is_wrong_with_a_folder_is_said(folder, tmp_path):
    with pytest.raises(VideoBackboneError, match="neither a folder here nor a Hub repository's name"):
        SvdConfig(model="./nowhere/at/all").build()
    (tmp_path / "empty").mkdir()
    with pytest.raises(VideoBackboneError, match=r"no unet/config.json and no vae/config.json\. Give the folder"):
        SvdConfig(model=str(tmp_path / "empty")).build()
    with pytest.raises(VideoBackboneError, match="variant"):
        loaded(folder, variant="fp16").build()
    save(tmp_path / "other")
    path = tmp_path / "other/unet/config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "_class_name": "UNet2DConditionModel"}))
    with pytest.raises(VideoBackboneError, match="is a UNet2DConditionModel, not a UNetSpatioTemporalConditionModel"):
        loaded(tmp_path / "other").build()
    with pytest.raises(ValueError, match="the U-Net has up-blocks 0 to 1, the configuration reads"):
        loaded(folder, blocks=(2, 1)).build()
    with pytest.raises(ValueError, match="noise level of at least 5"):
        SvdConfig(sigma=0.5)


def test_too_little_memory_is_foreseen(monkeypatch):
    model = replace(SCRATCH, lora_rank=2).build()
    whole = SCRATCH.build()
    assert memory_of.training_bytes(model) < 0.6 * memory_of.training_bytes(whole)
    monkeypatch.setattr(memory_of, "available_bytes", lambda device: 1000)
    with pytest.raises(VideoBackboneError, match=r"free on cpu.*image_size.*gradient_checkpointing.*lora_rank"):
        memory_of.check_memory(whole)
    monkeypatch.undo()
    memory_of.check_memory(whole)


def test_convolutions_over_time_are_what_they_were():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv3d(4, 6, (3, 1, 1), padding=(1, 0, 0)),
        nn.Conv3d(6, 6, 3, padding=1),
        nn.Sequential(nn.Conv3d(6, 2, (5, 1, 1), padding=(2, 0, 0), bias=False)),
    )
    x, keys = torch.randn(2, 4, 5, 6, 7, requires_grad=True), list(network.state_dict())
    before = network(x)
    slope = torch.autograd.grad(before.square().sum(), [x, *network.parameters()])
    TimeConv.put_in(network)
    assert [isinstance(m, TimeConv) for m in (network[0], network[1], network[2][0])] == [True, False, True]
    after = network(x)
    torch.testing.assert_close(after, before)
    for a, b in zip(torch.autograd.grad(after.square().sum(), [x, *network.parameters()]), slope):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    assert list(network.state_dict()) == keys


def test_narrow_layers_keep_what_is_the_same_all_over_a_picture():
    groups = {m.num_channels // m.num_groups for m in SCRATCH.build().modules() if isinstance(m, nn.GroupNorm)}
    assert groups == {8}
    kept = replace(SCRATCH, size=replace(SCRATCH.size, group_channels=1)).build()
    assert {m.num_channels // m.num_groups for m in kept.modules() if isinstance(m, nn.GroupNorm)} == {1}
