"""The page and the Markdown of `reelkiln bench`."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import pytest

from reelkiln.kiln.comparison import Change, Quality, Report, Summary
from reelkiln.kiln.trial import Shape, Trial
from reelkiln.reel import Size
from reelkiln.studio.bench import Priced, bars, bench_html, bench_markdown, rows_of

EVIL = "<script>alert(1)</script>|x"
TRIAL = Trial(
    model="spark",
    family="animatediff",
    preset="standard",
    shape=Shape("1:1", Fraction(2)),
    prompt=EVIL,
    repeat=0,
    size=Size(160, 160),
    frames=16,
    video=2.0,
    took={"denoise": 10.0},
)
REPORT = Report(
    when="2026-11-26T10:00:00+00:00", machine="here", versions={"torch": "2"}, trials=(TRIAL,)
)
ROW = Summary(
    model=EVIL,
    title="t",
    family="animatediff",
    preset="standard",
    licence="Apache-2.0",
    commercial="allowed",
    runs=3,
    failed=1,
    failures=(f"bad {EVIL}",),
    pace=5.0,
    paces={"1:1, 2 s": 5.0},
    phases={"load": 1.0, "denoise": 10.0},
    load=1.0,
    peak_ram=2**30,
    kept=2,
    spread=0.02,
    same=True,
    marks={"softness": 0.25},
)
CHANGE = Change(what="spark", before="2026-11-01", share=0.2, because=())
QUALITY = Quality(
    model="spark", preset="draft", against="final", steps=4, faster=5.0, psnr=21.0, kept="2 of 2",
    marks={"softness": 0.1},
)  # fmt: skip


@pytest.fixture
def page() -> str:
    return bench_html(
        REPORT, [ROW], priced=Priced(), changed=[CHANGE], qualities=[QUALITY], earlier=[REPORT]
    )


def test_what_comes_from_outside_is_escaped_and_nothing_runs(page):
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 4
    assert " style=" not in page
    assert not re.search(r"(src|href)=", page)


def test_the_page_tells_everything_once(page):
    for words in (
        "slower than on 2026-11-01 by 20 %",
        "not known",
        "none used",
        "1.00 GiB",
        "2 of 2",
        "1 of 3",
        "same pixels, 2.0 % apart",
        "gate: softness",
        "21 dB",
        "over time",
        "no price given",
    ):
        assert words in page, words


def test_markdown_is_a_table_that_no_name_breaks():
    words = bench_markdown(REPORT, [ROW], priced=Priced(0.3, "EUR", 72.0), changed=[CHANGE])
    table = [line for line in words.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {3}
    assert "| cost of 1 min of video | 0.0018 EUR (at 72 W) |" in words
    assert "- spark: slower than" in words


def test_repeats_with_other_pixels_cannot_be_overlooked():
    (row,) = rows_of([replace(ROW, same=False)], Priced())
    assert row["repeats"].startswith("OTHER PIXELS")
    (row,) = rows_of([replace(ROW, same=None)], Priced())
    assert row["repeats"] == "not repeated"


def test_bars_share_one_scale():
    long, short = bars({"a": {"x": 3.0, "y": 1.0}, "b": {"x": 1.0}}, "s")
    assert [part[:2] for part in long.parts] == [(0.0, 345.0), (345.0, 115.0)]
    assert short.parts[0][1] == 115.0
    assert (long.total, short.total) == ("4 s", "1 s")
    assert bars({}, "s") == ()
    assert bars({"zero": {"x": 0.0}}, "s")[0].parts[0][1] == 0.0
