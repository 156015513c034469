"""Every page that the program writes, opened from the disk in a real browser."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from browser import Browser, find_browser
from cli.running import run
from film.scenes import ffmpeg
from kiln.shifts import ledger_in, queue
from reelkiln.kiln.morning import gather
from reelkiln.store.running import claim, park
from reelkiln.studio.morning import morning_report

pytestmark = pytest.mark.browser
LONG = "the-one-film-whose-name-nobody-would-ever-want-to-read-in-full-on-a-telephone"


@pytest.fixture(scope="module")
def chromium():
    program = find_browser()
    assert program, "continuous integration looks at pages: apt-get install chromium"
    made = Browser(program)
    yield made
    made.close()


def gate():
    """Two films, one of them refused: pictures, plots, long names."""
    for name, source in ((LONG, "testsrc2=s=160x90"), ("black", "color=s=160x90")):
        ffmpeg("-f", "lavfi", "-i", source, "-t", "2", "-pix_fmt", "yuv420p", f"{name}.mp4")
    words = "a gold bottle, " * 20
    done = run("gate", f"{LONG}.mp4", "black.mp4", "--prompt", words, "--html", "page.html")
    assert done.returncode == 1, done.stderr
    return {"The gate", f"{LONG}.mp4", "black.mp4"}


def morning():
    """Two refused and what waits, with the reasons."""
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=90x160", "-frames:v", "1", "a.png")
    with ledger_in(Path()) as ledger:
        queue(ledger, 3)
        for row in claim(ledger, "gpu0", 2, now=now):
            why = f"nothing of it could be kept: {LONG}{LONG}"
            park(ledger, row.id, why, kept=f"reels/{LONG}.mp4", now=now)
        told = gather(ledger, Path(), None, since=datetime(2020, 1, 1, tzinfo=UTC), now=now)
    picture = Path("a.png").read_bytes()
    text = morning_report(told, {row.id: picture for row in told.parked})
    Path("page.html").write_text(text, encoding="utf-8")
    return {"Report", "Refused, for a person to look at"}


def bench():
    """Several models beside each other, measured here."""
    models = [word for name in ("null", "null-few", "null-led") for word in ("--model", name)]
    done = run("bench", *models, "--quick", "--html", "page.html")
    assert done.returncode == 0, done.stderr
    return {"Video models on this machine"}


@pytest.mark.parametrize("write", [gate, morning, bench])
def test_a_page_opens_from_the_disk_on_a_telephone_and_on_a_desk(chromium, write):
    heads = write()
    page = Path("page.html")
    for width in (390, 1280):
        seen = chromium.look_at(page, width)
        own = [url for url in seen.asked if not url.startswith("data:image/png")]
        assert own == [page.absolute().as_uri()], "a page asks for nothing but itself"
        assert seen.said == [], "the browser complains of nothing"
        assert heads <= set(seen.state["heads"]), seen.state["heads"]
        assert all(seen.state["images"]), "a picture is broken"
        assert seen.state["styled"] == "1152px", "the policy admits the style sheet"
        assert seen.state["wide"] <= width, "something hangs out on the right"
    if write is not bench:
        assert seen.state["images"], "the page has pictures"


def test_a_browser_sees_what_is_wrong(chromium):
    """The eyes of the test above: a picture from elsewhere, a script, a line that is too long."""
    Path("page.html").write_text(
        "<meta name='viewport' content='width=device-width'><p style='width: 2000px'>x</p><img src='file:///nowhere.png'>"
        "<script>console.log('x')</script>"
    )
    seen = chromium.look_at(Path("page.html"), 390)
    assert "file:///nowhere.png" in seen.asked
    assert seen.said
    assert seen.state["images"] == [False]
    assert seen.state["wide"] > 390
