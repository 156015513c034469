"""Reading a film lets go of everything, also where it stops before the end."""

from fractions import Fraction

import av
import pytest

from film.scenes import make, moving_box
from reelkiln.film import container, glimpse
from reelkiln.film.facts import probe
from reelkiln.film.loudness import measure_loudness
from reelkiln.film.packets import weigh
from reelkiln.film.read import read
from reelkiln.film.sheet import write_contact_sheet, write_poster
from reelkiln.film.track import Track, play_track
from reelkiln.film.waves import RATE


class Watched:
    """A container whose packets are counted as left open until they are closed by name.

    PyAV frees what they are read into when `close` is called, or at their end; being forgotten is
    not enough. Its own `decode` hides them, so that nobody can close them.
    """

    def __init__(self, real, opened):
        self._real, self._opened = real, opened

    def __getattr__(self, name):
        assert name != "decode", "frames come from `frames_of`"
        return getattr(self._real, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._real.close()

    def demux(self, *streams):
        packets = Packets(self._real.demux(*streams))
        self._opened.append(packets)
        return packets


class Packets:
    def __init__(self, real):
        self._real, self.closed = real, False

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._real)

    def close(self):
        self.closed = True
        self._real.close()


@pytest.fixture
def opened(monkeypatch):
    """Every run of packets that was begun."""
    begun = []
    real = av.open
    monkeypatch.setattr(container.av, "open", lambda *a, **more: Watched(real(*a, **more), begun))
    return begun


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    make(path, moving_box(48, fps=24, step=0), seconds=2)
    return path


def first_clip(film):
    clips = read(film)
    next(clips)
    clips.close()


def first_block(film):
    blocks = play_track(Track(film), RATE // 100)
    next(blocks)
    blocks.close()


READERS = {
    "poster": lambda film: write_poster(film, film.with_suffix(".png")),
    "sheet": lambda film: write_contact_sheet(film, film.with_suffix(".png")),
    "some of it": first_clip,
    "all of it": lambda film: list(read(film)),
    "facts": probe,
    "weights": weigh,
    "glimpses": lambda film: glimpse.glimpse(film, [Fraction(0), Fraction(1)]),
    "loudness": measure_loudness,
    "music": first_block,
}


@pytest.mark.parametrize("name", READERS)
def test_whoever_reads_closes_the_packets(film, opened, name):
    READERS[name](film)
    assert opened
    assert all(packets.closed for packets in opened)


def test_packets_that_are_let_go_of_are_closed(film, opened):
    with container.opened(film) as one:
        next(container.packets_of(one, one.streams.video[0]))
        next(container.frames_of(one, one.streams.video[0]))
    assert [packets.closed for packets in opened] == [True, True]
