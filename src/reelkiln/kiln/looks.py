"""The closer looks at a film, clip by clip: writing, nudity, its words, its product."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reelkiln.gate.judge import score_mark
from reelkiln.gate.nsfw import nsfw_marks
from reelkiln.gate.product import product_marks
from reelkiln.gate.text import read_text, text_marks

if TYPE_CHECKING:
    from reelkiln.gate.judge import Scorer
    from reelkiln.gate.nsfw import Detector
    from reelkiln.gate.product import Photo
    from reelkiln.gate.text import Reader, Word
    from reelkiln.reel import Clip

__all__ = ["Looks", "Tools"]


@dataclass(frozen=True, slots=True)
class Tools:
    """What looks closer, where it is installed and wanted; absent: not measured.

    `asked` are the words that must stand in the picture, `words` what the picture should show.
    """

    reader: Reader | None = None
    asked: tuple[str, ...] = ()
    detector: Detector | None = None
    scorer: Scorer | None = None
    words: str = ""
    photo: Photo | None = None


@dataclass(slots=True)
class Looks:
    """Gathers what the tools see over a stream of clips."""

    tools: Tools
    _words: dict[str, Word] = field(default_factory=dict)
    _scores: list[tuple[float, int]] = field(default_factory=list)
    _most: dict[str, float] = field(default_factory=dict)
    _frames: int = 0

    def add(self, clip: Clip) -> None:
        """Look at the next clip."""
        self._frames += len(clip.frames)
        if self.tools.reader is not None:
            self._words |= {word.text: word for word in read_text(clip, self.tools.reader)}
        if self.tools.words:
            for score in score_mark(self.tools.scorer, clip, self.tools.words).values():
                self._scores.append((score, len(clip.frames)))
        found = nsfw_marks(clip, self.tools.detector)
        if self.tools.photo is not None:
            found |= product_marks(clip, self.tools.photo)
        for mark, value in found.items():
            self._most[mark] = max(value, self._most.get(mark, 0.0))

    def marks(self) -> dict[str, float]:
        """The most of nudity and product of any clip, the mean fit to the words by frames, and
        what all the writing means."""
        marks = dict(self._most)
        if self.tools.reader is not None and self._frames:
            marks |= text_marks(list(self._words.values()), self.tools.asked)
        if self.tools.scorer is not None and self._scores:
            total = sum(score * frames for score, frames in self._scores)
            marks[self.tools.scorer.mark] = total / sum(frames for _, frames in self._scores)
        return marks
