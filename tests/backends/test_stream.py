"""Weights that pass through a ring: the same numbers as without, in whatever order."""

from copy import deepcopy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.backends.chunks import in_chunks
from reelkiln.backends.ring import ALIGN, lay_out
from reelkiln.backends.stream import Stream, units_of, worth_in
from reelkiln.backends.tiny import TINY, motion_network

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def plain():
    torch.manual_seed(0)
    network = motion_network(TINY).eval().requires_grad_(False)
    for value in network.parameters():
        torch.nn.init.normal_(value, std=0.05)
    return network


def copy_of(network):
    return deepcopy(network)


def call(network, seed=0):
    torch.manual_seed(seed)
    sample, words = torch.randn(2, 4, 3, 8, 8), torch.randn(6, 77, 32)
    with torch.no_grad():
        return network(sample, torch.tensor(7), words).sample


@pytest.mark.parametrize(
    ("kept", "worth", "ring"),
    [(0, None, 1), (400_000, len, 150_000), (400_000, None, 10**9), (10**9, None, 1)],
)
def test_a_streamed_network_computes_the_same_numbers(plain, kept, worth, ring):
    network = copy_of(plain)
    stream = Stream(network, CPU, kept=kept, worth=worth, ring=ring, most=60_000, least=1)
    assert bool(stream.passing) == (kept < 10**9)
    for seed in range(2):  # leaving and coming back loses nothing
        stream.enter()
        assert torch.equal(call(network, seed), call(plain, seed))
        assert torch.equal(call(network, seed + 9), call(plain, seed + 9))
        stream.leave()
    stream.close()
    for key, value in plain.state_dict().items():
        assert torch.equal(network.state_dict()[key], value)


def test_a_part_called_out_of_turn_finds_its_own_weights(plain):
    network = copy_of(plain)
    stream = Stream(network, CPU, kept=0, ring=1, most=60_000, least=1)
    stream.enter()
    call(network)
    block, own = network.up_blocks[-1].resnets[-1], plain.up_blocks[-1].resnets[-1]
    given_, time = torch.randn(1, 64, 8, 8), torch.randn(1, 128)
    with torch.no_grad():
        for _ in range(2):
            assert torch.equal(block(given_, time), own(given_, time))
    assert torch.equal(call(network), call(plain))


def test_what_stays_is_what_is_worth_least(plain):
    network = copy_of(plain)
    sizes = {unit.name: unit.nbytes for unit in units_of(network, 60_000)}
    kept = sum(sizes.values()) // 2
    stream = Stream(
        network, CPU, kept=kept, worth=lambda name: float("up_blocks" in name), most=60_000, least=1
    )
    assert sum(sizes[unit.name] for unit in stream.staying) <= kept
    passing = {unit.name.split(".")[0] for unit in stream.passing}
    assert "up_blocks" in passing
    assert sum("up_blocks" not in unit.name for unit in stream.passing) <= 3


def test_no_unit_is_larger_than_it_may_be_and_none_is_in_two(plain):
    units = units_of(copy_of(plain), 60_000)
    for unit in units:
        assert sum(v.numel() * v.element_size() for v in unit.parameters) <= 60_000
    every = [id(value) for unit in units for value in unit.parameters]
    assert len(every) == len(set(every))


def test_feed_forwards_in_chunks_give_the_same_numbers(plain):
    network = copy_of(plain)
    in_chunks(network, 300)
    assert torch.allclose(call(network), call(plain), atol=1e-5)
    few = copy_of(plain)
    in_chunks(few, 10**9)
    assert torch.equal(call(few), call(plain))


def test_the_wide_and_the_outer_layers_of_a_unet_always_stay():
    """Step caching calls them alone: with them there, it streams nothing in most steps."""
    network = motion_network(TINY)
    worth = worth_in(network)
    assert worth("conv_in") == worth("down_blocks.0.resnets.0") == worth("up_blocks.1.resnets.0")
    assert worth("conv_in") < worth("mid_block.resnets.0")
    assert worth("down_blocks.1.resnets.0") == worth("up_blocks.0.resnets.0")
    assert worth_in(torch.nn.Linear(2, 2)) is None


# ── the ring ─────────────────────────────────────────────────────────────────────────────────────

SIZES = st.lists(st.integers(1, 5_000), min_size=1, max_size=30)


@given(SIZES, st.integers(1, 30_000))
def test_every_unit_lies_inside_and_the_ring_is_no_larger_than_it_must_be(sizes, capacity):
    ring = lay_out(sizes, capacity)
    largest = max(ring.sizes)
    assert ring.capacity <= max(capacity, largest)
    for offset, size in zip(ring.offsets, ring.sizes, strict=True):
        assert offset >= 0
        assert offset + size <= ring.capacity
        assert offset % ALIGN == 0


@given(SIZES, st.integers(1, 30_000))
def test_a_unit_waits_for_the_last_that_shared_its_place_and_for_no_later_one(sizes, capacity):
    ring = lay_out(sizes, capacity)
    count = len(sizes)
    for unit, after in enumerate(ring.after):
        between = [(unit - back) % count for back in range(1, (unit - after) % count or count)]
        assert not any(ring.shares(unit, other) for other in between)
        assert after == unit or ring.shares(unit, after)


@given(SIZES)
def test_what_fits_whole_is_copied_once(sizes):
    ring = lay_out(sizes, sum(sizes) + ALIGN * len(sizes))
    assert list(ring.after) == list(range(len(sizes)))
