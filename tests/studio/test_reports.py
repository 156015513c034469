"""Reports: complete, escaped, and unable to load or run anything."""

from __future__ import annotations

import base64
import hashlib
import re
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from reelkiln.kiln.inspect import Flag, Inspected
from reelkiln.kiln.scenes import Scene
from reelkiln.reel import Verdict
from reelkiln.studio.reports import gate_report, page, plot

EVIL = "<script>alert(1)</script>\"'&.mp4"
PNG = b"\x89PNG fake"


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def report() -> str:
    verdict = Verdict(False, (f"bad {EVIL}",), {"luma": 12.0, "jump": 9.5}, "person")
    traces = {"luma": [1.0, 2.0, 3.0], "jump": [1.0, 9.5]}
    bad = Inspected(Path(EVIL), verdict, 8.0, traces, (Flag(2, 0.25, "jump"),), ("writing",))
    good = Inspected(Path("good.mp4"), Verdict(True), 8.0, traces)
    return gate_report([(bad, {0: PNG, 2: PNG}), (good, {})])


def test_names_and_reasons_are_escaped(report):
    assert "<script" not in report
    assert "&lt;script&gt;" in report


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(report):
    tags = Tags(report).found
    names = {tag for tag, _ in tags}
    assert not names & {"script", "link", "iframe", "object", "form", "base"}
    for _, values in tags:
        assert "style" not in values
        assert not [name for name in values if name.startswith("on")]
        for name in ("src", "href"):
            where = values.get(name) or "data:image/png"
            assert where.startswith(("data:image/png", "#film-"))


def test_the_policy_names_the_one_style_sheet(report):
    policy = next(v["content"] for t, v in Tags(report).found if v.get("http-equiv"))
    assert policy is not None
    style = re.search(r"<style>(.*?)</style>", report, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_the_flagged_picture_says_its_fault_and_plots_have_words(report):
    assert report.count('class="flagged"') == 1
    assert "0.25 s: jumps" in report
    labels = [v["aria-label"] for t, v in Tags(report).found if t == "svg"]
    assert (
        labels
        == [
            "Brightness, levels, 1.00 to 3.00",
            "Jump, times the ordinary, 1.00 to 9.50",
        ]
        * 2
    )
    assert "A person must look" in report
    assert "Not measured: writing." in report
    assert "1 of 2 passed" in report


def test_a_long_trace_is_thinned_but_keeps_its_peak():
    trace = [0.0] * 5000
    trace[3333] = 7.0
    made = plot("x", trace)
    points = [tuple(map(float, point.split(","))) for point in made.points.split()]
    assert len(points) <= 260
    assert min(y for _, y in points) == 4.0
    assert made.high == "7.00"
    assert max(x for x, _ in points) == pytest.approx(260)


def test_the_plot_of_what_is_at_fault_shows_where(report):
    lines = [values for tag, values in Tags(report).found if tag == "line"]
    assert [(one["class"], one["x1"]) for one in lines] == [("fault", "260.0")]
    assert plot("x", [0.0] * 9, 4).fault == "130.0"
    assert plot("x", [0.0] * 9).fault == ""


def test_several_films_are_listed_first_and_the_shots_of_a_reel_have_a_table(report):
    rows = [values["href"] for tag, values in Tags(report).found if tag == "a"]
    assert rows == ["#film-1", "#film-2"]
    scene = Scene(Fraction(0), Fraction(3, 2), EVIL, {"palette": 4.0, "product_shape": 0.25})
    empty = Scene(Fraction(3, 2), Fraction(2), "a jar")
    reel = Inspected(Path("reel.mp4"), Verdict(True), 8.0, {"luma": [1.0]}, scenes=(scene, empty))
    alone = gate_report([(reel, {})])
    assert "#film" not in alone
    assert "0.0 to 1.5 s" in alone
    assert "palette&nbsp;4.00, product shape&nbsp;0.25" in alone
    assert EVIL not in alone
    assert "<td>nothing</td>" in alone


def test_a_value_that_is_not_given_is_a_mistake():
    with pytest.raises(UndefinedError):
        page("gate.html")
