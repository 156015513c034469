"""What takes are held against: words, palette, writing and a template's own past."""

from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest

from reelkiln.gate.limits import FIXED
from reelkiln.gate.text import Word
from reelkiln.kiln.standards import Standards, limits_for, reader_for, scorer_for
from reelkiln.models.cards import find_card
from reelkiln.reel import Clip, Origin, Take, Verdict
from reelkiln.store.ledger import open_ledger
from reelkiln.store.reviews import record_review

CARD = find_card("epicrealism")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORIGIN = Origin(template="hero-reveal", variant="v", product="serum", number=0)


@pytest.fixture
def clip():
    """A lit pink wall with a dark square that wanders before it: nothing is wrong with it."""
    light = np.add.outer(np.arange(96) // 4, np.arange(96) // 6)[None, :, :, None]
    frames = (np.full((16, 96, 96, 3), (225, 180, 160)) - light).astype(np.uint8)
    for at, frame in enumerate(frames):
        frame[30:60, 20 + 2 * at : 50 + 2 * at] = (60, 40, 30)
    return Clip(frames, Fraction(8))


def test_a_good_clip_passes_and_palette_is_measured_but_not_judged(clip):
    limits = limits_for(None, None, CARD)
    near = Standards(limits, palette=("#e8b7a6", "#3c281e")).verdict(clip, "a jar")
    far = Standards(limits, palette=("#00ff00",)).verdict(clip, "a jar")
    assert near.kept, near.reasons
    assert far.kept, far.reasons
    assert far.marks["palette"] > near.marks["palette"]
    assert not Standards(FIXED, palette=("#00ff00",)).verdict(clip, "a jar").kept


def test_a_score_below_zero_asks_for_another_seed(clip):
    seen = []

    def scorer(shown, words):
        seen.append(words)
        return -0.4

    verdict = Standards(scorer=scorer).verdict(clip, "a red jar")
    assert (verdict.kept, verdict.action, seen) == (False, "other_seed", ["a red jar"])
    assert verdict.marks["score"] == -0.4
    assert Standards(scorer=lambda *_: None).verdict(clip, "a red jar").kept


def test_writing_that_nobody_asked_for_is_refused(clip):
    word = Word("SALE", 0.99)
    verdict = Standards(reader=lambda _: [word]).verdict(clip, "a jar")
    assert not verdict.kept
    assert "writing" in verdict.reasons[0]


def test_what_is_absent_is_not_measured(clip):
    marks = Standards().verdict(clip, "a jar").marks
    assert not {"score", "palette", "text_unasked"} & marks.keys()
    assert scorer_for({"model": None}) is None
    assert reader_for(find_card("spark")) is None


def test_the_bundled_models_score_is_measured_and_not_judged(clip):
    limits = limits_for(None, None, find_card("spark"))
    verdict = Standards(limits, scorer=lambda *_: -0.9).verdict(clip, "a red jar")
    assert (verdict.kept, verdict.marks["score"]) == (True, -0.9)


def test_twenty_approved_takes_teach_what_is_usual(tmp_path):
    with open_ledger(tmp_path / "ledger.db") as ledger:
        assert limits_for(ORIGIN, ledger, CARD) == FIXED.without("palette")
        for number in range(20):
            verdict = Verdict(True, (), {"palette": 10.0 + number % 3})
            take = Take(segment=0, attempt=1, seed=number, path="", sha256="0", verdict=verdict)
            ledger.record_delivery(
                sha256=str(number), recipe_digest="d", recipe="{}", path="x", takes=(take,),
                now=NOW, model="spark", origin=ORIGIN,
            )  # fmt: skip
            record_review(
                ledger, sha256=str(number), approved=True, reviewer="ada", note="", now=NOW
            )
        learnt = limits_for(ORIGIN, ledger, CARD).rules[-1]
        other = limits_for(Origin(template="x", variant="v", product="p", number=0), ledger, CARD)
    assert learnt.mark == "palette"
    assert learnt.low < 10
    assert 12 < learnt.high < 40
    assert other == FIXED.without("palette")
