"""The noise algebra is diffusers' own: levels, times, scaling, denoised picture and Euler step."""

import torch

from backbones.tiny_svd import pipeline
from para.backbones import edm


def test_the_wanted_output_is_the_one_that_denoises_to_the_clean_picture():
    clean = torch.randn(5, 3, 4, 2, 2)
    sigma = torch.tensor([0.01, 0.3, 1.0, 20.0, 700.0])
    z = clean + edm.spread(sigma, clean) * torch.randn_like(clean)
    wanted = edm.wanted_output(z.double(), sigma.double(), clean.double())
    torch.testing.assert_close(edm.denoised(z.double(), sigma.double(), wanted), clean.double())
    # The loss's weighting: what the network should put out has the size of the data at every level.
    assert ((wanted**2).mean((1, 2, 3, 4)) < 6).all()


def test_diffusers_takes_the_same_steps():
    scheduler = pipeline().scheduler
    scheduler.set_timesteps(6)
    sigmas = edm.sampling_sigmas(6, 0.002, 700.0)
    torch.testing.assert_close(torch.tensor(sigmas), scheduler.sigmas, rtol=1e-4, atol=1e-6)
    z = torch.randn(2, 4, 4, 3, 3) * 700
    for now, after, time in zip(sigmas, sigmas[1:], scheduler.timesteps):
        sigma = torch.full((2,), now)
        seen, c_noise = edm.network_input(z, sigma)
        torch.testing.assert_close(seen, scheduler.scale_model_input(z, time), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(c_noise[0], time, rtol=1e-4, atol=1e-5)
        output = torch.randn_like(z)
        theirs = scheduler.step(output, time, z)
        clean = edm.denoised(z, sigma, output)
        torch.testing.assert_close(clean, theirs.pred_original_sample, rtol=1e-3, atol=1e-3)
        z = z + (z - clean) / now * (after - now)
        torch.testing.assert_close(z, theirs.prev_sample, rtol=1e-3, atol=1e-3)


def test_sampling_finds_the_picture_that_a_perfect_network_knows():
    clean = torch.randn(2, 3, 4, 2, 2).double()
    found = edm.sample(lambda z, sigma: edm.wanted_output(z, sigma, clean), torch.randn_like(clean), 4)
    torch.testing.assert_close(found, clean)


def test_training_levels_are_log_normal():
    log = edm.training_sigmas(20_000, 1.0, 1.6).log()
    assert abs(log.mean() - 1.0) < 0.05 and abs(log.std() - 1.6) < 0.05
