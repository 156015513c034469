"""From wishes to clips: a batch is expanded and checked against this machine. Nothing is rendered
here, and nothing is queued (`kiln.enqueue`)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reelkiln.errors import PlanRefused, ReelkilnError, UnknownName, UsageError
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.start import check_picture
from reelkiln.kiln.told import chosen
from reelkiln.kiln.work import Candidate, Work
from reelkiln.models.installed import locate
from reelkiln.names import slug
from reelkiln.plan.card import Card
from reelkiln.plan.figures import figures_of
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import ASPECTS, SECONDS_DEFAULT, Origin, Shot, Size
from reelkiln.script.batch import Wish
from reelkiln.script.expand import Scripted, expand, to_shot
from reelkiln.script.workspace import Workspace, pick

__all__ = ["Accepts", "Clip", "clips_of_wishes", "limited", "planned", "scripted_work"]


@dataclass(frozen=True, slots=True)
class Accepts:
    """The models that may render, in the order of preference, each with its reason."""

    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One clip to be queued: its name without folder and suffix, and what to render.

    `shot` is in the words of the first accepted model that can render it here now, `estimate` its
    planned seconds in a shift that has its model at hand, `loading` those that pass once before,
    and `told` says what stands against the models before it. `reel` is the name of the reel that it
    is a shot of, "" for none.
    """

    name: str
    work: Work
    shot: Shot
    estimate: float
    loading: float = 0.0
    told: tuple[str, ...] = ()
    reel: str = ""

    @property
    def product(self) -> str:
        """The product's sku, "" for typed words."""
        return self.work.origin.product if self.work.origin else ""


def clips_of_wishes(
    wishes: Sequence[Wish],
    space: Workspace | None,
    bench: Bench,
    accepts: Callable[[Wish], Accepts],
) -> tuple[Clip, ...]:
    """Every clip of a batch, in the order of the file.

    Raises:
        PlanRefused: no accepted model can render some of them here, with a line for each.
        WeightsMissing, UnknownName: as `accepts` says.
    """
    clips: list[Clip] = []
    refused: list[str] = []
    for wish in wishes:
        try:
            models = accepts(wish)
            clips += planned(_of_wish(wish, space, bench, models), bench, models)
        except (PlanRefused, UsageError) as error:
            refused.append(f"{wish.row.place()}: {error.message}")
    if refused:
        raise PlanRefused(
            f"{len(refused)} of {len(wishes)} wishes cannot be rendered on this machine",
            hint="Change these lines, or take another model; nothing was queued.",
            details=tuple(refused),
        )
    return tuple(clips)


def limited(
    clips: Iterable[Clip], *, count: int | None = None, per_product: int | None = None
) -> tuple[Clip, ...]:
    """The first `count` of them, with at most `per_product` of each product."""
    kept: list[Clip] = []
    of: dict[str, int] = {}
    for clip in clips:
        if per_product is not None and of.get(clip.product, 0) >= per_product:
            continue
        of[clip.product] = of.get(clip.product, 0) + 1
        kept.append(clip)
    return tuple(kept if count is None else kept[:count])


def planned(named: Iterable[tuple[str, Work]], bench: Bench, accepts: Accepts) -> tuple[Clip, ...]:
    """The clips with the seconds that the first model which can render them here needs.

    Raises:
        PlanRefused: no accepted model can render some of them here; nothing else is told.
        WeightsMissing, UnknownName: the only accepted model is not here.
    """
    cards = {choice.card.name: choice.card for choice in accepts.choices}
    return tuple(_clip(name, work, cards, bench) for name, work in named)


def _clip(name: str, work: Work, cards: Mapping[str, Card], bench: Bench) -> Clip:
    refusals: list[ReelkilnError] = []
    told: list[str] = []
    for candidate in work.candidates:
        card = candidate.card(cards)
        if card is None:
            continue
        try:
            locate(card, candidate.shot.preset, bench.cache)
            plan = plan_shot(candidate.shot, card, bench.machine)
            notes = check_picture(candidate.shot, plan)
            figures = figures_of(plan, candidate.shot, card, bench.machine)
        except ReelkilnError as error:
            refusals.append(error)
            told.append(f"{card.name} cannot render now: {error.message}")
            continue
        return Clip(
            name=name,
            work=work,
            shot=candidate.shot,
            estimate=figures.further_seconds + figures.words_seconds,
            loading=figures.start_seconds,
            told=(*told, *notes),
        )
    if len(refusals) == 1:
        raise refusals[0]
    raise PlanRefused(
        "none of the accepted models can render this here",
        hint="Pull one of them, or accept another model in brand.yaml.",
        details=tuple(error.message for error in refusals),
    )


def _of_wish(
    wish: Wish, space: Workspace | None, bench: Bench, accepts: Accepts
) -> Iterator[tuple[str, Work]]:
    if wish.prompt is not None:
        yield from _typed(wish, wish.prompt, accepts)
        return
    if space is None or wish.template is None or wish.product is None:
        raise UsageError("a wish names a template, but there is no workspace here")
    for sku in list(space.products) if wish.product == "all" else [wish.product]:
        first = accepts.choices[0].card.name
        shots = expand(
            space.templates[wish.template],
            pick("product", sku, space.products),
            space.brand,
            space.lists,
            count=wish.count,
            seed=wish.seed or 0,
            only=wish.variant or chosen(bench, wish.template, sku, first).variant,
        )
        for shot in shots:
            wanted = replace(
                shot,
                seconds=wish.seconds or shot.seconds,
                aspect=wish.aspect or shot.aspect,
                image=wish.image,
            )
            yield shot.name, scripted_work(wanted, space, bench, accepts, preset=wish.preset)


def scripted_work(
    shot: Scripted,
    space: Workspace,
    bench: Bench,
    accepts: Accepts,
    *,
    preset: str | None,
    size: Size | None = None,
) -> Work:
    """A scripted shot in the words of every accepted model, with the settings chosen for each.

    Args:
        size: of the delivery; None: its aspect's.
    """
    candidates = []
    for choice in accepts.choices:
        card = choice.card
        setting = chosen(bench, shot.template, shot.product, card.name)
        told, _ = to_shot(shot, card, preset=_preset(card, preset, accepts))
        told = replace(told, size=size) if size else told
        candidates.append(Candidate(shot=told, steps=setting.steps, guidance=setting.guidance))
    origin = Origin(
        template=shot.template,
        variant=shot.variant,
        product=shot.product,
        number=shot.number,
        needs_tick=shot.needs_tick,
    )
    return Work(
        candidates=tuple(candidates),
        because=accepts.choices[0].because,
        origin=origin,
        palette=space.brand.palette,
        photo=space.products[shot.product].photo or "",
    )


def _typed(wish: Wish, prompt: str, accepts: Accepts) -> Iterator[tuple[str, Work]]:
    first = secrets.randbelow(2**32) if wish.seed is None else wish.seed
    for number in range(wish.count):
        seed = (first + number) % 2**32
        shots = [
            Shot(
                prompt=prompt,
                negative=wish.negative,
                seconds=wish.seconds or SECONDS_DEFAULT,
                size=ASPECTS[wish.aspect or "9:16"],
                seed=seed,
                model=choice.card.name,
                preset=_preset(choice.card, wish.preset, accepts) or choice.card.default_preset,
                image=wish.image,
            )
            for choice in accepts.choices
        ]
        work = Work(
            candidates=tuple(Candidate(shot=shot) for shot in shots),
            because=accepts.choices[0].because,
        )
        yield f"{slug(prompt, most=48)}-{seed}", work


def _preset(card: Card, preset: str | None, accepts: Accepts) -> str | None:
    """The wished preset; a fallback that lacks it takes its own."""
    if preset is None or preset in card.presets:
        return preset
    if len(accepts.choices) == 1:
        raise UnknownName(
            f"the model {card.name} has no preset {preset!r}",
            hint=f"Its presets are {', '.join(card.presets)}.",
        )
    return None
