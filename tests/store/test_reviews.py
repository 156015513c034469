"""Reviews and settings: what is written is found, the latest word counts, nothing is invented."""

from datetime import UTC, datetime

import pytest

from reelkiln.errors import UsageError
from reelkiln.reel import Origin, Take, Verdict
from reelkiln.store.ledger import open_ledger
from reelkiln.store.reviews import (
    approved_marks,
    find_setting,
    keep_setting,
    record_review,
    take_counts,
)

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(tmp_path / "ledger.db") as opened:
        yield opened


def deliver(ledger, sha256, template="hero-reveal", attempts=1):
    takes = tuple(
        Take(
            segment=0,
            attempt=n,
            seed=n,
            path="",
            sha256=f"{n:064x}",
            verdict=Verdict(n == attempts, (), {"luma": float(n)}),
        )
        for n in range(1, attempts + 1)
    )
    origin = Origin(template=template, variant="v", product="serum", number=0) if template else None
    ledger.record_delivery(
        sha256=sha256, recipe_digest="d", recipe="{}", path="/x.mp4", takes=takes, now=NOW,
        model="spark", origin=origin,
    )  # fmt: skip


def test_counts_say_attempts_and_the_latest_review(ledger):
    deliver(ledger, "a", attempts=3)
    deliver(ledger, "b")
    deliver(ledger, "typed", template="")
    record_review(ledger, sha256="a", approved=True, reviewer="ada", note="", now=NOW)
    record_review(ledger, sha256="a", approved=False, reviewer="bob", note="logo", now=NOW)
    record_review(ledger, sha256="b", approved=True, reviewer="ada", note="", now=NOW)
    assert [(c.attempts, c.approved) for c in take_counts(ledger)] == [(3, False), (1, True)]


def test_approved_marks_are_those_of_kept_takes_that_a_person_approved(ledger):
    deliver(ledger, "a", attempts=2)
    deliver(ledger, "b")
    deliver(ledger, "c", template="other")
    for sha256 in ("a", "c"):
        record_review(ledger, sha256=sha256, approved=True, reviewer="ada", note="", now=NOW)
    assert approved_marks(ledger, "hero-reveal") == ({"luma": 2.0},)
    record_review(ledger, sha256="a", approved=False, reviewer="ada", note="", now=NOW)
    assert approved_marks(ledger, "hero-reveal") == ()


def test_an_unknown_file_cannot_be_reviewed(ledger):
    with pytest.raises(UsageError, match="not in the ledger"):
        record_review(ledger, sha256="x", approved=True, reviewer="ada", note="", now=NOW)


def test_a_chosen_setting_is_found_and_replaced(ledger):
    key = {"template": "hero-reveal", "product": "serum", "model": "spark"}
    assert find_setting(ledger, **key) is None
    keep_setting(ledger, **key, setting={"guidance": 3.5}, now=NOW)
    keep_setting(ledger, **key, setting={"guidance": 4.0, "variant": "quiet-turn"}, now=NOW)
    assert find_setting(ledger, **key) == {"guidance": 4.0, "variant": "quiet-turn"}
    assert find_setting(ledger, **{**key, "product": "soap"}) is None
