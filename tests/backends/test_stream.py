"""Weights that pass through a ring: the same numbers as without, in whatever order."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.backends.chunks import in_chunks
from reelkiln.backends.ring import ALIGN, lay_out
from reelkiln.backends.stream import Stream
from reelkiln.backends.tiny import TINY, motion_network
from reelkiln.backends.tiny_ltx import TINY_LTX, _transformer
from reelkiln.backends.units import units_of, worth_in
from tiny_models import make_network

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def plain():
    return make_network()


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
    rest, *units = units_of(network, 60_000, 1)
    sizes = {unit.name: unit.nbytes for unit in units}
    kept = sum(sizes.values()) // 2
    stream = Stream(
        network, CPU, kept=kept, worth=lambda name: float("up_blocks" in name), most=60_000, least=1
    )
    assert sum(unit.nbytes for unit in stream.staying) <= kept + rest.nbytes
    passing = {unit.name.split(".")[0] for unit in stream.passing}
    assert "up_blocks" in passing
    assert sum("up_blocks" not in unit.name for unit in stream.passing) <= 3


def test_no_unit_is_larger_than_it_may_be_and_every_tensor_is_in_one(plain):
    network = copy_of(plain)
    rest, *units = units_of(network, 60_000, 1_000)
    for unit in units:
        assert unit.nbytes >= 1_000
        assert sum(v.numel() * v.element_size() for v in unit.tensors) <= 60_000
    every = [id(value) for unit in (rest, *units) for value in unit.tensors]
    assert len(every) == len(set(every))
    assert set(every) == {id(v) for v in (*network.parameters(), *network.buffers())}


def called(network, units, *given, **named):
    """The units in the order in which one call of the network calls them."""
    names = []
    for unit in units:
        unit.module.register_forward_pre_hook(lambda *_, name=unit.name: names.append(name))
    with torch.no_grad():
        network(*given, **named)
    return names


@pytest.mark.parametrize("most", [20_000, 400_000])
def test_units_stand_in_the_order_in_which_a_unet_calls_them(most):
    scale = replace(TINY, unet=(32, 64, 64), layers=2)
    network = motion_network(scale).eval()
    _, *units = units_of(network, most, 4_000)
    given_ = torch.randn(2, 4, 3, 8, 8), torch.tensor(7), torch.randn(6, 77, 32)
    assert called(network, units, *given_) == [unit.name for unit in units]
    assert len(units) > 8


def test_units_stand_in_the_order_in_which_ltx_calls_them():
    network = _transformer(TINY_LTX).eval()
    _, *units = units_of(network, 20_000, 1_000)
    given_ = {
        "hidden_states": torch.randn(1, 8, network.config.in_channels),
        "encoder_hidden_states": torch.randn(1, 4, network.config.caption_channels),
        "timestep": torch.tensor([500.0]),
        "encoder_attention_mask": torch.ones(1, 4, dtype=torch.int64),
        "num_frames": 2,
        "height": 2,
        "width": 2,
    }
    assert called(network, units, **given_) == [unit.name for unit in units]


def test_feed_forwards_in_chunks_give_the_same_numbers(plain):
    network = copy_of(plain)
    in_chunks(network, 300)
    parted = copy_of(plain)
    in_chunks(parted, 300, 10**9)
    assert torch.allclose(call(parted), call(plain), atol=1e-5)
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


@given(SIZES, st.integers(1, 30_000), st.data())
def test_what_stays_shares_its_place_with_nobody(sizes, capacity, data):
    stays = data.draw(st.frozensets(st.integers(0, len(sizes) - 1)))
    ring = lay_out(sizes, capacity, stays)
    for unit in stays:
        assert ring.after[unit] == unit
        assert not any(ring.shares(unit, other) for other in range(len(sizes)) if other != unit)
    passing = [size for unit, size in enumerate(ring.sizes) if unit not in stays]
    room = ring.capacity - sum(ring.sizes[unit] for unit in stays)
    assert room <= max([capacity, *passing]) if passing else room == 0


@given(SIZES)
def test_what_fits_whole_is_copied_once(sizes):
    ring = lay_out(sizes, sum(sizes) + ALIGN * len(sizes))
    assert list(ring.after) == list(range(len(sizes)))
