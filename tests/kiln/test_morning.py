"""The morning's numbers: what is reckoned follows from what is known, and says from what."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiln.shifts import ledger_in, queue
from reelkiln.kiln.morning import Estimate, gather, reckon
from reelkiln.kiln.morning_words import blocks, headline, markdown
from reelkiln.script.brand import Costs
from reelkiln.store.queue import cancel
from reelkiln.store.running import claim, mark_phase, park
from reelkiln.store.shifts import begin_shift, end_shift, log_shift
from reelkiln.studio.morning import morning_report

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SAME = {"seconds": 3600.0, "seconds_month": 7200.0, "seconds_year": 36000.0, "seconds_each": 60.0}
COSTS = Costs(
    currency="EUR", price_per_kwh=0.5, watts=100.0,
    former_cost_per_clip=40.0, former_clips_per_month=12.0,
)  # fmt: skip


def test_the_sums_by_hand():
    money = reckon(COSTS, approved=2, approved_month=4, approved_year=10, **SAME)
    assert money.energy is not None and money.energy.value == pytest.approx(0.1)
    assert money.per_approved is not None and money.per_approved.value == pytest.approx(0.025)
    assert money.saved_month is not None and money.saved_month.value == pytest.approx(160 - 0.1)
    assert money.saved_year is not None and money.saved_year.value == pytest.approx(400 - 0.5)
    assert money.capacity is not None and money.capacity.value == pytest.approx(30 * 8 * 60)
    assert money.missing == ()


def test_nothing_is_made_up():
    nothing = reckon(None, approved=2, approved_month=2, approved_year=2, **SAME)
    assert nothing.energy is nothing.saved_month is None and nothing.missing
    little = Costs(currency="INR")
    money = reckon(little, approved=2, approved_month=2, approved_year=2, **SAME)
    assert money.energy is money.per_approved is money.saved_month is None
    assert len(money.missing) == 4
    gpu = reckon(
        Costs(currency="EUR", price_per_kwh=0.5), approved=2, approved_month=2, approved_year=2,
        counted=Estimate(0.2, "counted"), **SAME,
    )  # fmt: skip
    assert gpu.energy is None and gpu.per_approved.value == pytest.approx(0.05)
    assert gpu.per_approved.how.startswith("electricity of the GPU alone")
    none = reckon(COSTS, approved=0, approved_month=0, approved_year=0, **SAME)
    assert none.per_approved is none.saved_month is none.saved_year is None


@given(st.integers(1, 1000), st.integers(0, 1000))
def test_more_approved_clips_cost_less_each_and_save_more(approved, more):
    a, b = (
        reckon(COSTS, approved=n, approved_month=n, approved_year=n, **SAME)
        for n in (approved, approved + more)
    )
    assert b.per_approved.value <= a.per_approved.value
    assert b.saved_month.value >= a.saved_month.value


@pytest.fixture
def morning(tmp_path):
    with ledger_in(tmp_path) as ledger:
        one, two, _three, four = queue(ledger, 4, deadline=NOON - timedelta(hours=1))
        shift = begin_shift(ledger, "gpu0", now=NOON)
        claim(ledger, "gpu0", 3, now=NOON)
        mark_phase(ledger, one, "denoise", model="small", because="small was taken because big: x")
        ledger.record_delivery(
            sha256="f" * 64, recipe_digest="d" * 64, recipe="{}", path="a.mp4", takes=(),
            now=NOON, model="small", segment_id=one, seconds={"denoise": 60.0, "odd": 1.0},
        )  # fmt: skip
        park(ledger, two, "no <b>good</b> take", kept="reels/x.refused.mp4", now=NOON)
        cancel(ledger, four, now=NOON)
        log_shift(ledger, "slept", "the machine slept", at=NOON, shift_id=shift)
        later = NOON + timedelta(hours=1)
        yield gather(ledger, tmp_path, COSTS, since=NOON - timedelta(hours=1), now=later)


def test_every_segment_is_said_somewhere(morning):
    assert len(morning.delivered) == len(morning.parked) == len(morning.cancelled) == 1
    assert len(morning.running) == 1 and morning.waiting == 0
    assert [row.phase for row in morning.phases] == ["denoise", "odd"]
    assert len(morning.killed) == 1, "its worker was not seen for an hour"
    titles = [title for title, _ in blocks(morning)]
    assert titles[:4] == ["Made", "Refused, for a person to look at", "Cancelled", "Under way"]
    assert "Another model was taken" in titles and "Late" in titles
    assert "1 delivered, 1 parked for a person, 1 cancelled, 1 under way" in headline(morning)


def test_the_gpus_own_count_is_told_where_there_is_one(tmp_path):
    with ledger_in(tmp_path) as ledger:
        for joules in (None, 1.8e6):
            shift = begin_shift(ledger, "gpu0", now=NOON)
            end_shift(ledger, shift, "done", now=NOON, joules=joules)
        found = gather(ledger, tmp_path, None, since=NOON, now=NOON)
        nobody = gather(ledger, tmp_path, None, since=NOON + timedelta(hours=1), now=NOON)
    assert found.money.counted.value == pytest.approx(0.5)
    lines = dict(blocks(found))["Energy and money"]
    assert lines[1] == (
        "energy of the GPU: 0.500 kWh (the driver's count in 1 of 2 shifts, of the GPU alone)"
    )
    assert dict(blocks(nobody))["Energy and money"][1].startswith("energy of the GPU: not known")


def test_what_people_wrote_is_shown_and_never_run(morning):
    page = morning_report(morning, {morning.delivered[0].id: b"\x89PNG"})
    assert "no &lt;b&gt;good&lt;/b&gt; take" in page and "<b>good" not in page
    assert "default-src 'none'" in page and "<script" not in page
    assert "no \\<b\\>good" in markdown(morning)
