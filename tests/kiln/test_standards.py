"""What takes are held against: words, palette, writing and a template's own past."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest

from reelkiln.errors import UsageError
from reelkiln.gate.limits import FIXED
from reelkiln.gate.text import Word
from reelkiln.kiln.standards import Standards, limits_for, photo_for, reader_for, scorer_for
from reelkiln.models.cards import find_card
from reelkiln.models.scorers import find_scorer
from reelkiln.reel import Clip, Origin, Segment, Take, Verdict
from reelkiln.store.ledger import open_ledger
from reelkiln.store.reviews import record_review

CARD = find_card("epicrealism")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
JAR = Segment(index=0, frames=16, seed=1, prompt="a jar")
ORIGIN = Origin(template="hero-reveal", variant="v", product="serum", number=0)


@pytest.fixture
def clip():
    """A lit pink wall with a dark square that wanders before it: nothing is wrong with it."""
    light = np.add.outer(np.arange(96) // 4, np.arange(96) // 6)[None, :, :, None]
    frames = (np.full((16, 96, 96, 3), (225, 180, 160)) - light).astype(np.uint8)
    for at, frame in enumerate(frames):
        frame[30:60, 20 + 2 * at : 50 + 2 * at] = (60, 40, 30)
    return Clip(frames, Fraction(8))


@dataclass
class Saying:
    """A scorer that always says the same."""

    says: float | None
    mark: str = "score"

    def __post_init__(self):
        self.heard = []

    def __call__(self, _clip, words):
        self.heard.append(words)
        return self.says


def test_a_good_clip_passes_and_palette_is_measured_but_not_judged(clip):
    limits = limits_for(None, None)
    near = Standards(limits, palette=("#e8b7a6", "#3c281e")).verdict(clip, JAR)
    far = Standards(limits, palette=("#00ff00",)).verdict(clip, JAR)
    assert near.kept, near.reasons
    assert far.kept, far.reasons
    assert far.marks["palette"] > near.marks["palette"]
    assert not Standards(FIXED, palette=("#00ff00",)).verdict(clip, JAR).kept


def test_a_score_below_zero_asks_for_another_seed(clip):
    scorer = Saying(-0.4)
    verdict = Standards(scorer=scorer).verdict(clip, replace(JAR, prompt="a red jar"))
    assert (verdict.kept, verdict.action) == (False, "other_seed")
    assert scorer.heard == ["a red jar"]
    assert verdict.marks["score"] == -0.4
    assert Standards(scorer=Saying(None)).verdict(clip, replace(JAR, prompt="a red jar")).kept


def test_writing_that_nobody_asked_for_is_refused(clip):
    word = Word("SALE", 0.99)
    verdict = Standards(reader=lambda _: [word]).verdict(clip, JAR)
    assert not verdict.kept
    assert "writing" in verdict.reasons[0]


def test_what_is_absent_is_not_measured(clip, tmp_path):
    marks = Standards().verdict(clip, JAR).marks
    assert not {"score", "palette", "text_unasked"} & marks.keys()
    assert scorer_for({"model": None}, tmp_path) is None
    assert reader_for(find_card("spark")) is None


def test_a_take_that_does_not_show_its_words_is_refused(clip):
    wrong, right = (
        Standards(limits_for(None, None), scorer=Saying(score)).verdict(clip, JAR)
        for score in (-0.2, 0.6)
    )
    assert (wrong.kept, wrong.marks["score"]) == (False, -0.2)
    assert "does not show what the words say" in wrong.reasons[0]
    assert right.kept


def test_twenty_approved_takes_teach_what_is_usual(tmp_path):
    with open_ledger(tmp_path / "ledger.db") as ledger:
        assert limits_for(ORIGIN, ledger) == FIXED.without("palette")
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
        learnt = limits_for(ORIGIN, ledger).rules[-1]
        other = limits_for(Origin(template="x", variant="v", product="p", number=0), ledger)
    assert learnt.mark == "palette"
    assert learnt.low < 10
    assert 12 < learnt.high < 40
    assert other == FIXED.without("palette")


def test_the_step_into_a_segment_is_measured_where_it_continues_another(clip):
    first, second = Clip(clip.frames[:8], clip.fps), Clip(clip.frames[8:], clip.fps)
    smooth = Standards().verdict(second, JAR, first)
    assert smooth.kept, smooth.reasons
    assert {"join", "join_jump", "join_leap", "join_common"} <= smooth.marks.keys()
    darker = Clip((second.frames * 0.9).astype(np.uint8), clip.fps)
    assert any(
        "two segments meet" in why for why in Standards().verdict(darker, JAR, first).reasons
    )
    other = Clip(255 - second.frames, clip.fps)
    assert Standards().verdict(other, JAR).kept
    assert not Standards().verdict(other, JAR, first).kept


def test_the_frames_that_repeat_the_segment_before_are_no_join(clip):
    """A led segment begins with the end of the one before: the step comes after them."""
    led = replace(JAR, index=1, lead_frames=2)
    before = Clip(clip.frames[:8], clip.fps)
    after = Clip(clip.frames[6:].copy(), clip.fps)
    after.frames[2:] = (after.frames[2:] * 0.9).astype(np.uint8)
    assert not Standards().verdict(after, led, before).kept


def test_a_photo_of_the_product_is_held_against_the_take(clip, tmp_path):
    from PIL import Image

    photo = np.full((60, 60, 3), 255, np.uint8)
    photo[10:50, 20:40] = (60, 40, 30)
    Image.fromarray(photo).save(tmp_path / "jar.png")
    marks = Standards(photo=photo_for(tmp_path / "jar.png")).verdict(clip, JAR).marks
    assert marks["product_colour"] > 0.8
    assert "product_shape" in marks
    assert photo_for(None) is None
    with pytest.raises(UsageError, match=r"photo .*none\.png"):
        photo_for(tmp_path / "none.png")


@pytest.mark.torch
def test_a_scorer_that_was_pulled_is_used_where_the_model_has_none(clip, tmp_path):
    from reelkiln.backends.tiny_scorer import write_siglip
    from reelkiln.models.layout import snapshot_folder

    (source,) = find_scorer("siglip").sources
    write_siglip(snapshot_folder(tmp_path, source.repo, source.revision))
    scorer = scorer_for({"model": tmp_path}, tmp_path)
    verdict = Standards(limits_for(None, None), scorer=scorer).verdict(clip, JAR)
    assert verdict.kept, verdict.reasons
    assert -1 <= verdict.marks["alignment"] <= 1
    assert "score" not in verdict.marks
    own = scorer_for({"judge": tmp_path}, tmp_path)
    assert own.mark == "score"
