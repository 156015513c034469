"""The trainer's schedule is the sampler's."""

import itertools

import pytest
import torch

from training.spark.noise import Noise, scheduler, timesteps

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("steps", [4, 8, 16])
def test_timesteps_are_the_samplers(steps):
    sampler = scheduler()
    sampler.set_timesteps(steps)
    assert timesteps(steps).tolist() == [*(int(t) for t in sampler.timesteps), -1]


def test_eight_of_our_steps_are_eight_of_the_samplers():
    noise, sampler, taken = Noise("cpu"), scheduler(), timesteps(8)
    sampler.set_timesteps(8)
    ours = torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    theirs = ours * sampler.init_noise_sigma
    for i, t in enumerate(sampler.timesteps):
        seen = sampler.scale_model_input(theirs, t)
        assert torch.allclose(seen, ours, atol=2e-3)
        theirs = sampler.step(torch.tanh(seen), t, theirs).prev_sample
        at, to = (taken[k].expand(2) for k in (i, i + 1))
        ours = noise.step(ours, torch.tanh(ours), at, to)
    assert torch.allclose(theirs, ours, atol=2e-3)


def test_the_velocity_of_a_landing_lands_there():
    noise, taken = Noise("cpu"), timesteps(8)
    x, v = torch.randn(2, 1, 3, 2, 2, 2, generator=torch.Generator().manual_seed(1))
    for t, to in itertools.pairwise(taken):
        landed = noise.step(x, v, t.expand(1), to.expand(1))
        assert torch.allclose(noise.velocity(x, landed, t.expand(1), to.expand(1)), v, atol=1e-4)
    last = taken[-2].expand(1)
    assert torch.allclose(noise.clean(x, v, last), noise.step(x, v, last, taken[-1].expand(1)))
