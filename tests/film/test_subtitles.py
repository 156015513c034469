import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.errors import UsageError
from reelkiln.film.subtitles import Subtitle, to_srt

TIMES = re.compile(r"(\d\d):(\d\d):(\d\d),(\d{3}) --> (\d\d):(\d\d):(\d\d),(\d{3})")
WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=30)


@st.composite
def runs(draw):
    gaps = draw(st.lists(st.integers(1, 5_000_000), min_size=2, max_size=12))
    marks = [sum(gaps[: index + 1]) for index in range(len(gaps) // 2 * 2)]
    return [
        Subtitle(text=draw(WORDS), start=Fraction(start, 1000), end=Fraction(end, 1000))
        for start, end in zip(marks[::2], marks[1::2], strict=True)
    ]


def read(text):
    """Another reader of the format: (number, start, end in milliseconds, words)."""
    found = []
    for block in text.rstrip("\r\n").split("\r\n\r\n"):
        number, times, *words = block.split("\r\n")
        parts = [int(part) for part in TIMES.fullmatch(times).groups()]
        start, end = (
            ((h * 60 + m) * 60 + s) * 1000 + rest for h, m, s, rest in (parts[:4], parts[4:])
        )
        found.append((int(number), start, end, "\n".join(words)))
    return found


@given(runs())
def test_what_is_written_is_read_again(subtitles):
    found = read(to_srt(subtitles))
    assert [number for number, *_ in found] == list(range(1, len(subtitles) + 1))
    for one, (_, start, end, words) in zip(subtitles, found, strict=True):
        assert (start, end) == (one.start * 1000, one.end * 1000)
        assert "-->" not in words and "\n\n" not in words


def test_the_text_is_exactly_so():
    found = to_srt([
        Subtitle(text="Glow\n\nall day", start=Fraction(0), end=Fraction(3, 2)),
        Subtitle(text="हिन्दी <b> a --> b", start=Fraction(3, 2), end=Fraction(36614, 10)),
    ])  # fmt: skip
    assert found == (
        "1\r\n00:00:00,000 --> 00:00:01,500\r\nGlow\r\nall day\r\n\r\n"
        "2\r\n00:00:01,500 --> 01:01:01,400\r\nहिन्दी <b> a -> b\r\n"
    )


def test_no_captions_are_no_text():
    assert to_srt([]) == ""


@pytest.mark.parametrize("times", [(1, 1), (2, 1), (-1, 1), (0, 360_000)])
def test_times_that_run_backwards_or_never_end_are_named(times):
    start, end = map(Fraction, times)
    with pytest.raises(UsageError, match="subtitle 1"):
        to_srt([Subtitle(text="a", start=start, end=end)])


def test_subtitles_that_overlap_are_named():
    one = Subtitle(text="a", start=Fraction(0), end=Fraction(2))
    two = Subtitle(text="b", start=Fraction(1), end=Fraction(3))
    with pytest.raises(UsageError, match="subtitle 2: 1 to 3 s"):
        to_srt([one, two])
