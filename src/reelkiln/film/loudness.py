"""How loud a film is: EBU R 128, measured by FFmpeg's filter `ebur128` inside PyAV.

Integrated loudness gates out silence: blocks of 400 ms below -70 LUFS, then those 10 units below
the average of the rest (ITU-R BS.1770-5). Every sound packet is decoded for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av.error
from av.audio.frame import AudioFrame
from av.filter import Graph

from reelkiln.errors import FilmError
from reelkiln.film.container import frames_of, has_codec, opened
from reelkiln.film.waves import RATE

if TYPE_CHECKING:
    from reelkiln.film.waves import Wave

__all__ = ["BLOCK", "SILENCE", "Loudness", "measure_blocks", "measure_loudness"]

SILENCE = -70.0
"""The gate of BS.1770, in LUFS: what stays below it is no sound."""

BLOCK = Fraction(2, 5)
"""The shortest sound that has a loudness, in seconds."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """Integrated loudness in LUFS, or None for a track under 0.4 s; the seconds that decoded."""

    lufs: float | None
    seconds: Fraction

    @property
    def silent(self) -> bool:
        """Whether nothing is heard."""
        return self.lufs is not None and self.lufs <= SILENCE


def measure_loudness(path: Path) -> Loudness | None:
    """Decode the first sound track and measure it; None where there is none.

    Raises:
        UsageError: the file is missing or may not be read.
        FilmError: it is no film, or its sound is damaged or changes its form on the way.
    """
    with opened(path) as film:
        stream = next(filter(has_codec, film.streams.audio), None)
        if stream is None:
            return None
        stream.codec_context.options = {"err_detect": "explode"}
        meter = _Meter(stream.time_base)
        for frame in frames_of(film, stream):
            if not meter.hear(frame):
                raise FilmError(f"{path} changes its sound on the way", hint="convert it to one")
        return meter.read()


def measure_blocks(blocks: "Iterable[Wave]") -> Loudness:
    """Measure sound that is not in a file yet: blocks of 48 kHz (float32, samples x 2)."""
    meter = _Meter(Fraction(1, RATE))
    time = 0
    for block in blocks:
        frame = AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), time
        meter.hear(frame)
        time += len(block)
    return meter.read()


class _Meter:
    def __init__(self, time_base: Fraction | None) -> None:
        self._time_base = time_base
        self._graph: Graph | None = None
        self._form: tuple[object, ...] = ()
        self._last = SILENCE
        self._seconds = Fraction(0)

    def hear(self, frame: AudioFrame) -> bool:
        """Take a frame in; False where it is not of the form of those before."""
        form = (frame.sample_rate, frame.format.name, frame.layout.name)
        if self._graph is None:
            self._graph, self._form = self._built(frame), form
        if form != self._form:
            return False
        self._seconds += Fraction(frame.samples, frame.sample_rate)
        self._graph.push(frame)
        self._pull(self._graph)
        return True

    def read(self) -> Loudness:
        if self._graph is not None:
            self._graph.push(None)
            self._pull(self._graph)
        return Loudness(self._last if self._seconds >= BLOCK else None, self._seconds)

    def _built(self, frame: AudioFrame) -> Graph:
        graph = Graph()
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=self._time_base,
        )
        graph.link_nodes(source, graph.add("ebur128", "metadata=1"), graph.add("abuffersink"))
        graph.configure()
        return graph

    def _pull(self, graph: Graph) -> None:
        while True:
            try:
                told = graph.pull().metadata.get("lavfi.r128.I")
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            if told is not None:
                self._last = float(told)
