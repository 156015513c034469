"""`reelkiln gate`: what each film is held against, from the command's options and from itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelkiln.film.read import read
from reelkiln.gate.limits import FIXED, Limits
from reelkiln.gate.measure import Wanted
from reelkiln.gate.nsfw import open_detector
from reelkiln.gate.text import open_reader
from reelkiln.kiln.inspect import Inspected, inspect
from reelkiln.kiln.known import Known, known_of
from reelkiln.kiln.looks import Tools
from reelkiln.kiln.standards import photo_for, scorer_for, scorer_here
from reelkiln.models.cards import load_cards
from reelkiln.models.installed import locate

if TYPE_CHECKING:
    from reelkiln.backends.score import Scorer
    from reelkiln.script.workspace import Workspace

__all__ = ["Asked", "gate_films"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person asked for; what is None or empty a film may say itself.

    `palette` holds colours as `#rrggbb`, `joins` frames that begin a segment, `asked` words that
    must stand in the picture; `text` and `nsfw` ask for their extras; `cuts` says that sudden
    changes are meant; `limits` are the rules, without those that the film's own kind leaves out.
    """

    prompt: str | None = None
    palette: tuple[str, ...] = ()
    photo: Path | None = None
    joins: tuple[int, ...] = ()
    text: bool = False
    asked: tuple[str, ...] = ()
    nsfw: bool = False
    cuts: bool = False
    limits: Limits = FIXED


def gate_films(
    films: Sequence[Path], asked: Asked, *, space: Workspace | None, cache: Path | None
) -> tuple[Inspected, ...]:
    """Measure and judge films, each by its own words, joins, brand and product where it has them.

    What a person asked for wins over what the film says. A brand's palette is measured; one that
    was asked for is judged too.

    Args:
        space: the workspace around, for the brand and the products of films made in it.
        cache: where scorers that were pulled lie (None: the Hugging Face cache).

    Raises:
        UsageError: a film or photo is missing, or a colour is not `#rrggbb`.
        MissingLibrary: an extra that was asked for is not installed.
        WeightsBroken: a scorer's files are damaged.
    """
    tools = Tools(
        reader=open_reader() if asked.text or asked.asked else None,
        asked=asked.asked,
        detector=open_detector() if asked.nsfw else None,
    )
    return tuple(_gate(film, asked, tools, known_of(film, space), cache) for film in films)


def _gate(film: Path, asked: Asked, tools: Tools, known: Known, cache: Path | None) -> Inspected:
    words = known.words if asked.prompt is None else asked.prompt
    scorer, own = _scorer(known, cache) if asked.prompt is None else (scorer_here(cache), False)
    joins, cuts = _frames(film, known.joins), _frames(film, known.cuts)
    wanted = Wanted(asked.palette or known.palette, asked.joins or joins, cuts)
    limits = asked.limits if asked.palette else asked.limits.without("palette")
    # Words that somebody types are about the whole film.
    scenes = known.scenes if asked.prompt is None else ()
    if own and scenes:
        # Captions lie over a reel's shots, which the judge never saw: told, and not judged.
        limits = limits.without("score")
    if asked.cuts:
        limits = limits.without("overlap_min", "jump", "leap", "flicker_max")
    photo = photo_for(asked.photo or known.photo)
    return inspect(
        film,
        wanted=wanted,
        limits=limits,
        tools=replace(tools, scorer=scorer if words or scenes else None, words=words, photo=photo),
        scenes=scenes,
    )


def _scorer(known: Known, cache: Path | None) -> tuple[Scorer | None, bool]:
    """What scores a film of ours, and whether it is the judge of the bundled model."""
    card = load_cards().get(known.model)
    if card is None or not card.bundled:
        return scorer_here(cache), False
    return scorer_for(locate(card, card.default_preset, cache), cache), True


def _frames(film: Path, seconds: tuple[Fraction, ...]) -> tuple[int, ...]:
    """The frames that begin at these seconds; the film is opened only where there are any."""
    if not seconds:
        return ()
    fps = next(iter(read(film))).fps
    return tuple(round(second * fps) for second in seconds)
