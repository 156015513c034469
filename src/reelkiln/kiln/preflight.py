"""All that can be known of a model before its weights are fetched or loaded, put together.

A render fails late: after 19 GB were downloaded, or minutes into loading them. What it fails of
stands in a few kilobytes: the card, the repository's own listing and configurations, and the
versions and classes of the installed libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from reelkiln.backends.align import check_aligner
from reelkiln.backends.classes import class_problem, family_problems, tokenizer_problems
from reelkiln.backends.libraries import library_problems
from reelkiln.backends.probe import versions
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Finding, Folders
from reelkiln.errors import (
    HubUnreachable,
    ReelkilnError,
    WeightsBroken,
    WeightsMissing,
)
from reelkiln.models.hub import Hub, this_hub
from reelkiln.models.installed import locate, said, sources_for
from reelkiln.models.metadata import NamedClass, classes_on_disk, classes_to_come, kinds_to_come
from reelkiln.models.order import Pullable, needed
from reelkiln.models.pull import short_of_room
from reelkiln.plan.scorer import Fetchable, ScorerCard

__all__ = ["Check", "Preflight", "preflight", "unexpected_size"]

Look: TypeAlias = Callable[[Folders], tuple[Finding, ...]]
"""Looks at the files of one model or scorer."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found, and each problem with what to do about it.

    "unknown" is what could not be looked at here: `said` tells why.
    """

    name: Literal["libraries", "tokenizer", "files", "classes", "weights", "disk"]
    state: Literal["ok", "wrong", "unknown"]
    said: str
    problems: tuple[ReelkilnError, ...] = ()


@dataclass(frozen=True, slots=True)
class Preflight:
    """All checks of one model; `order` is what a pull would fetch, where the hub was asked.

    `lost` is why the hub could not be asked.
    """

    model: str
    checks: tuple[Check, ...]
    order: Pullable | None = None
    lost: HubUnreachable | None = None

    def problems(self, *, without: Iterable[str] = ()) -> tuple[ReelkilnError, ...]:
        """All problems in the order of the checks, less those of the checks named."""
        left = [check for check in self.checks if check.name not in set(without)]
        return tuple(problem for check in left for problem in check.problems)


def preflight(
    card: Fetchable,
    preset: str,
    *,
    cache: Path | None,
    hub: Hub | None = None,
    offline: bool = False,
    again: bool = False,
) -> Preflight:
    """Look at libraries, files and configurations; no weight is loaded or fetched.

    Args:
        cache: the Hugging Face cache (None: the one the environment names).
        hub: where to ask (None: as the environment says). It is asked only where the model is not
            on this disk, or with `again`, and never with `offline`.

    Raises:
        UnknownName: the card's family or the preset does not exist.
    """
    look = _looking(card)
    own = (_libraries(card), _tokenizer(card))
    try:
        folders = locate(card, preset, cache)
    except WeightsBroken as damaged:
        return Preflight(card.name, (*own, Check("files", "wrong", "damaged", (damaged,))))
    except WeightsMissing:
        folders = None
    if folders is not None and (card.bundled or not again):
        return Preflight(card.name, (*own, *_here(card, look, folders, own)))
    if offline:
        return Preflight(card.name, (*own, *_unknown("the hub was not asked", card)))
    try:
        order, checks = _to_come(card, preset, cache, hub or this_hub())
    except HubUnreachable as lost:
        return Preflight(card.name, (*own, *_unknown("the hub did not answer", card)), lost=lost)
    except (WeightsMissing, WeightsBroken) as error:
        files = Check("files", "wrong", "not as the card says", (error,))
        return Preflight(card.name, (*own, files))
    return Preflight(card.name, (*own, *checks), order)


def _looking(card: Fetchable) -> Look:
    if isinstance(card, ScorerCard):
        scorer, name = card, card.sources[0].name
        return lambda folders: check_aligner(scorer, folders[name])
    backend, model = find_backend(card.family), card
    return lambda folders: backend.check(model, folders)


def _here(
    card: Fetchable, look: Look, folders: dict[str, Path], own: tuple[Check, ...]
) -> tuple[Check, ...]:
    """The checks of files that lie on this disk: what the family says of them."""
    told = {problem.message for check in own for problem in check.problems}
    findings = look(folders)
    broken = tuple(WeightsBroken(f.message, hint=f.hint) for f in findings if f.message not in told)
    try:
        classes = _classes(classes_on_disk(card, folders), card)
    except WeightsBroken as error:
        classes = Check("classes", "wrong", "cannot be read", (error,))
    return (
        Check("files", "ok", "inside this package" if card.bundled else "on this disk"),
        classes,
        Check("weights", "wrong" if broken else "ok", "by their headers", broken),
    )


def _to_come(
    card: Fetchable, preset: str, cache: Path | None, hub: Hub
) -> tuple[Pullable, tuple[Check, ...]]:
    """What a pull would fetch, and the checks of it by what the hub says."""
    order = needed(card, preset, cache=cache, hub=hub)
    checks = (
        _files(card, preset, order),
        _classes(classes_to_come(hub, order), card),
        _kinds(hub, order, card),
        _disk(order),
    )
    return order, checks


def _libraries(card: Fetchable) -> Check:
    """A card that names no versions is of a family that needs no library."""
    if not card.versions:
        return Check("libraries", "ok", "none needed")
    problems = tuple(library_problems(card))
    found = versions()
    told = ", ".join(f"{name} {found[name]}" for name in card.versions if name in found)
    return Check("libraries", "wrong" if problems else "ok", told or "none installed", problems)


def _tokenizer(card: Fetchable) -> Check:
    problems = tuple(tokenizer_problems(card))
    if problems:
        return Check("tokenizer", "wrong", "cannot be read here", problems)
    return Check("tokenizer", "ok", "readable")


def _unknown(why: str, card: Fetchable) -> tuple[Check, ...]:
    said_so = f"not on this disk, and {why}"
    own = _classes((), card)
    return (
        Check("files", "unknown", said_so),
        own if own.problems else Check("classes", "unknown", f"of the repository: {why}"),
        Check("weights", "unknown", said_so),
    )


def _files(card: Fetchable, preset: str, order: Pullable) -> Check:
    line = f"{len(order.files)} on the hub, {said(order.total_bytes)}"
    return Check("files", "ok", line + unexpected_size(card, preset, order))


def unexpected_size(card: Fetchable, preset: str, order: Pullable) -> str:
    """In brackets what the card expects, where the hub's sizes differ by more than a tenth."""
    expected = sum(source.bytes for source in sources_for(card, preset))
    if abs(order.total_bytes - expected) <= expected / 10:
        return ""
    return f" (the card expects {said(expected)})"


def _classes(named: tuple[NamedClass, ...], card: Fetchable) -> Check:
    """What the repository names, and what the family itself makes."""
    if any("not installed" in problem.message for problem in library_problems(card)):
        return Check("classes", "unknown", "the libraries are not installed")
    found = (class_problem(one.file, one.component, one.library, one.name) for one in named)
    problems = {str(problem): problem for problem in (*family_problems(card), *found) if problem}
    said_so = ", ".join(dict.fromkeys(one.name for one in named)) or "those of the family"
    return Check("classes", "wrong" if problems else "ok", said_so, tuple(problems.values()))


def _kinds(hub: Hub, order: Pullable, card: Fetchable) -> Check:
    """Single files are recognised by their headers; their family must be the card's."""
    kinds = kinds_to_come(hub, order)
    problems = tuple(
        WeightsBroken(
            f"{path} is a {kind.part} of {kind.family}, and {card.name} is of {card.family}",
            hint="Correct the card's list of files.",
        )
        for path, kind in kinds
        if kind.family not in ("unknown", card.family)
    )
    told = "; ".join(
        (*(f"{p}: {_said_count(k.params)} numbers" for p, k in kinds), *order.warnings)
    )
    return Check("weights", "wrong" if problems else "ok", told or "sizes and hashes", problems)


def _said_count(count: int) -> str:
    """A number of numbers, as model pages write it.

    >>> _said_count(1_923_385_472), _said_count(453_209_090), _said_count(99)
    ('1.92 billion', '453 million', '99')
    """
    if count >= 10**9:
        return f"{count / 10**9:.2f} billion"
    return f"{count / 10**6:.0f} million" if count >= 10**6 else str(count)


def _disk(order: Pullable) -> Check:
    line = f"{said(order.fetch_bytes)} to fetch, {said(order.free_bytes)} free in {order.cache}"
    if not order.short_bytes:
        return Check("disk", "ok", line)
    return Check("disk", "wrong", line, (short_of_room(order),))
