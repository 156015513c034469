"""Skipped layers: exact where nothing was skipped, and on the input that was kept."""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch

from reelkiln.backends.arrange import Arrangement
from reelkiln.backends.chunks import in_chunks
from reelkiln.backends.steps_cache import StepCache
from reelkiln.backends.stream import Stream
from reelkiln.backends.units import worth_in
from tiny_models import make_card, make_network, make_plan

WORDS = torch.zeros(6, 77, 32)


@pytest.fixture(scope="module")
def plain():
    return make_network()


def samples(count):
    torch.manual_seed(1)
    return [torch.randn(2, 4, 3, 8, 8) for _ in range(count)]


def run(network, given):
    with torch.no_grad():
        return [network(s, torch.tensor(500 - n), WORDS).sample for n, s in enumerate(given)]


def test_with_an_interval_of_one_nothing_is_skipped(plain):
    network = deepcopy(plain)
    StepCache(network, 1)
    for mine, theirs in zip(run(network, samples(3)), run(plain, samples(3)), strict=True):
        assert torch.equal(mine, theirs)


def test_on_the_input_that_was_kept_a_shallow_step_is_exact(plain):
    network = deepcopy(plain)
    StepCache(network, 2)
    (sample,) = samples(1)
    with torch.no_grad():
        whole, shallow = (network(sample, torch.tensor(7), WORDS).sample for _ in range(2))
    assert torch.allclose(whole, shallow, atol=1e-6)


def test_another_input_is_near_and_not_equal(plain):
    network = deepcopy(plain)
    StepCache(network, 3)
    (base,) = samples(1)
    given = [base, base + 0.01 * torch.randn_like(base)]
    mine, theirs = run(network, given)[1], run(plain, given)[1]
    error = (mine - theirs).norm() / theirs.norm()
    assert 0 < error < 0.1


def test_a_segment_takes_nothing_over_from_the_one_before(plain):
    network = deepcopy(plain)
    cache = StepCache(network, 2)
    first = run(network, samples(3))
    cache.begin()
    again = run(network, samples(3))
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one, other)


def test_nothing_is_kept_for_the_decoding(plain):
    """The next segment begins anew, and the decoder has the room."""
    network = deepcopy(plain)
    where = Arrangement(make_plan(make_card("animatediff")))
    where.prepare(SimpleNamespace(to=lambda _device: None), network, cache_every=2)
    with where.on_device(network):
        first = run(network, samples(1))[0]
        assert torch.equal(run(network, samples(1))[0], first)
        assert where._cache._kept
    assert not where._cache._kept
    assert where._cache._seen is None


def test_each_half_of_a_step_in_two_passes_has_its_own(plain):
    batched, halved = deepcopy(plain), deepcopy(plain)
    StepCache(batched, 2)
    StepCache(halved, 2, passes=2)
    for sample in samples(2):
        with torch.no_grad():
            whole = batched(sample, torch.tensor(7), WORDS).sample
            halves = [halved(half, torch.tensor(7), WORDS[:3]).sample for half in sample.chunk(2)]
        assert torch.allclose(whole, torch.cat(halves), atol=1e-5)


def test_it_goes_with_streaming_and_chunks_and_copies_nothing_in_shallow_steps(plain):
    network = deepcopy(plain)
    in_chunks(network, 300)
    stream = Stream(
        network,
        torch.device("cpu"),
        kept=900_000,
        worth=worth_in(network),
        ring=1,
        most=60_000,
        least=1,
    )
    assert stream.passing
    StepCache(network, 2)
    only = deepcopy(plain)
    StepCache(only, 2)
    stream.enter()
    for mine, theirs in zip(run(network, samples(4)), run(only, samples(4)), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)
    wide = ("conv_in", "up_blocks.1", "down_blocks.0", "conv_out", "time_embedding")
    assert not [unit.name for unit in stream.passing if unit.name.startswith(wide)]
