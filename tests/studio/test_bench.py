"""The page and the Markdown of `reelkiln bench`."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.kiln.changes import Change
from reelkiln.kiln.comparison import Quality, Report, Summary
from reelkiln.kiln.trial import Shape, Trial
from reelkiln.reel import Size
from reelkiln.studio.bench import Evening, Priced, bench_html, bench_markdown, groups_of, headline
from reelkiln.studio.charts import WIDTH, bar_chart, line_chart, ticks

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
    foretold={"seconds": 1.1, "ram": 0.9},
    by="the formula",
    rungs=("on the processor",),
)
CHANGE = Change(what="spark", before="2026-11-01", share=0.2, because=())
QUALITY = Quality(
    model="spark", preset="draft", against="final", steps=4, faster=5.0, psnr=21.0, ssim=0.75,
    kept="2 of 2", marks={"softness": 0.1},
)  # fmt: skip


EVENING = Evening(
    report=REPORT, rows=(ROW,), changed=(CHANGE,), qualities=(QUALITY,), earlier=(REPORT,)
)  # fmt: skip


@pytest.fixture
def page() -> str:
    return bench_html(EVENING)


def cells(row: Summary, priced: Priced = Priced()) -> dict[str, str]:  # noqa: B008  a frozen value
    return {
        head: each[0] for _, heads in groups_of([row], priced) for head, each in heads
    }  # fmt: skip


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
        "same pixels, times 2.0 % apart",
        "softness (0 sharp, 1 blurred)",
        "110 % (by the formula)",
        "21 dB",
        "0.750",
        "Over time",
        "no price given",
        "The gate kept 2 of 2 clips.",
        *("Model", "AnimateDiff", "Speed", "Memory", "Quality", "Stability", "Cost", "Licence"),
    ):
        assert words in page, words


def test_every_plot_has_its_unit_and_round_ticks(page):
    axes = re.findall(r'class="axis".*?</li>', page, re.S)
    assert [re.findall(r">([^<]+)</text>", axis) for axis in axes] == [
        ["0", "1", "2", "3", "4", "5 s"],
        ["0", "5", "10", "15 s"],
        ["0", "0.2", "0.4", "0.6", "0.8", "1 GiB"],
    ]
    # In shares of the plot: letters keep their size where it is narrow.
    assert [re.findall(r'<text x="([\d.]+)%"', axis)[-1] for axis in axes] == ["100.0"] * 3
    assert not any("viewBox" in axis for axis in axes)


def test_a_note_is_read_with_the_figures(page):
    noted = replace(EVENING, note="held <to> 3.4 GiB")
    assert "<strong>held &lt;to&gt; 3.4 GiB</strong>" in bench_html(noted)
    assert "\n**held <to> 3.4 GiB**\n\n2026" in bench_markdown(noted)
    assert "<strong>" not in page
    assert "**\n\n2026" not in bench_markdown(EVENING)


def test_history_marks_the_evening_before_which_something_changed():
    """One machine's evenings alone, and what changed by its name."""

    def evening(when: str, factor: float, machine: str = "here", **versions: str) -> Report:
        slow = replace(TRIAL, took={"denoise": 10.0 * factor})
        return Report(when=when, machine=machine, versions=versions, trials=(slow,))

    earlier = (
        evening("2026-10-01T09", 1.0, driver="550.1", torch="2.13"),
        evening("2026-10-02T09", 9.0, machine="elsewhere", driver="1"),
        evening("2026-10-08T09", 1.0, driver="550.1", torch="2.13"),
    )
    now = evening("2026-10-15T09", 1.3, driver="570.2", torch="2.13")
    page = bench_html(replace(EVENING, report=now, earlier=earlier))
    assert "2026-10-15: 6.5 s. driver 550.1, then 570.2" in page
    assert page.count('circle class="news"') == 1
    assert "2026-10-02" not in page
    alone = bench_html(replace(EVENING, report=now, earlier=()))
    assert "Over time" not in alone


def test_markdown_is_a_table_that_no_name_breaks():
    words = bench_markdown(replace(EVENING, priced=Priced(0.3, "EUR", 72.0)))
    tables = [block.splitlines() for block in words.split("\n\n") if block.startswith("|")]
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1, table
    assert len(tables) == 3
    assert "| electricity for 1 min of video | 0.0018 EUR (at 72 W) |" in words
    assert "- spark: slower than" in words


def test_the_headline_names_the_fastest():
    slow = replace(ROW, model="slow", pace=9.0)
    fast = replace(ROW, model="fast", pace=2.0)
    assert headline(replace(EVENING, rows=(slow, fast))) == (
        "The fastest of 2 is fast (standard): 2 s of work for one second of video."
        " The gate kept 4 of 4 clips."
    )
    nothing = replace(ROW, pace=None, runs=1, failed=1)
    assert headline(replace(EVENING, rows=(nothing,))) == "Nothing could be measured."


def test_repeats_with_other_pixels_cannot_be_overlooked():
    assert cells(replace(ROW, same=False))["repeats"].startswith("OTHER PIXELS")
    assert cells(replace(ROW, same=None))["repeats"] == "not repeated"
    assert cells(replace(ROW, spread=None))["repeats"] == "same pixels"


def test_bars_share_one_scale():
    chart = bar_chart("t", {"a": {"x": 3.0, "y": 1.0}, "b": {"x": 1.0}}, "s")
    long, short = chart.bars
    assert chart.axis[-1] == (WIDTH, "4")
    assert [part[:2] for part in long.parts] == [(0.0, 345.0), (345.0, 115.0)]
    assert short.parts[0][1] == 115.0
    assert (long.total, short.total) == ("4 s", "1 s")
    assert bar_chart("t", {}, "s").bars == ()
    assert bar_chart("t", {"zero": {"x": 0.0}}, "s").bars[0].parts[0][1] == 0.0


@given(st.floats(1e-6, 1e9))
def test_ticks_are_few_round_and_reach_the_longest(longest):
    made = ticks(longest)
    assert made[0] == 0
    assert made[-1] >= longest * (1 - 1e-6)
    assert len(made) == 2 or made[-2] < longest
    assert 2 <= len(made) <= 6
    assert f"{made[1]:e}"[0] in "125"


def test_a_line_goes_up_where_more_is_taken():
    line = line_chart("t", [("a", 1.0), ("b", 2.0), ("c", 1.0)], ["", "new", ""], "s")
    first, second, third = line.points
    assert second.y < first.y == third.y
    assert first.x < second.x < third.x
    assert (second.value, second.news) == ("2 s", "new")
    assert [label for _, label in line.axis] == ["0", "0.5", "1", "1.5", "2"]


def test_of_a_model_that_only_failed_no_memory_is_told():
    failed = replace(ROW, runs=2, failed=2, peak_vram=0, peak_ram=0, foretold={})
    told = cells(failed)
    assert told["GPU memory"] == "not known"
    assert cells(replace(ROW, peak_vram=0))["GPU memory predicted, of what was held"] == "none used"


def test_large_numbers_are_written_as_people_do():
    assert cells(replace(ROW, pace=1234.5))["work for 1 s of video"] == "1,234 s"
    chart = bar_chart("pace", {"a": {"work": 99_999.0}}, "s")
    assert (chart.bars[0].total, chart.axis[-1][1]) == ("99,999 s", "100,000")


def test_short_cells_stay_on_one_line(page):
    assert '<td class="short">21 dB</td>' in page
    assert '<td class="long">softness +0.1</td>' in page


def test_dates_of_a_long_history_do_not_lie_on_each_other():
    values = [(f"2026-11-{day:02}", 1.0) for day in range(1, 31)]
    line = line_chart("spark", values, [""] + ["driver"] * 29, "s")
    dated = [point.x for point in line.points if point.dated]
    assert (dated[0], dated[-1]) == (line.points[0].x, line.points[-1].x)
    assert min(right - left for left, right in pairwise(dated)) >= 170
    assert len(dated) > 2
