"""Random requests through the planner alone: docs/measured/plans.md. Needs neither GPU nor weights.

    PYTHONPATH=src python benchmarks/plans.py [--count 10000] [--others 2000] [--seed 5]

For each family of models `--count` legal requests, a fifth under each cap, and `--others` for each
of no GPU, one of 8 GB and a large one. Every plan is held against what plans promise; of every
fifth so are all plans below it, to which running out of memory would lead; of every refusal the
hint is followed. Ends with code 1 where something does not hold.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction

from reelkiln import __version__
from reelkiln.errors import PlanRefused, UsageError
from reelkiln.plan.again import why_not
from reelkiln.plan.attempt import Attempt, attempts, gpu_dtype
from reelkiln.plan.budget import device_budget, ram_budget
from reelkiln.plan.card import Card
from reelkiln.plan.codec import plan_from_json, plan_to_json
from reelkiln.plan.outline import Outline, outline
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot, step_down
from reelkiln.reel import Size
from wishes import CAPS, OTHER_CAPS, Request, families, requests

BELOW = 5
"""Of every so many plans those below are looked at."""
MOST = 20
"""After so many things that do not hold, a cap is given up."""
FREE = 0.1
"""The share of a cap that a plan leaves."""
HEAD = "| GPU memory free, GiB | legal | refused | planned | of them smaller | on the processor |"
HEAD += " plans below | least left free | over the fastest | not legal |"


@dataclass
class Tally:
    """What became of the requests of one family under one cap."""

    cap: float
    planned: int = 0
    smaller: int = 0
    processor: int = 0
    below: int = 0
    free: float = 1.0
    slower: float = 1.0
    rungs: Counter[str] = field(default_factory=Counter)
    illegal: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @property
    def legal(self) -> int:
        """Requests that the model could render somewhere."""
        return self.planned + self.refused.total()


def plan_all(cards: Sequence[Card], cap: float, count: int, seed: int) -> Tally:
    """So many legal requests under a cap, each planned and held against what plans promise."""
    tally, asked = Tally(cap), requests(tuple(cards), cap, seed)
    while tally.legal < count and len(tally.broken) < MOST:
        request = next(asked)
        try:
            plan_one(request, tally)
        except Exception as error:  # noqa: BLE001 - a crash is what is looked for
            traceback.print_exc()
            tally.broken.append(f"{type(error).__name__}: {error} for {request}")
    return tally


def plan_one(request: Request, tally: Tally) -> None:
    """Plan one request, and count what became of it."""
    shot, card, machine = request.shot, request.card, request.machine
    try:
        plan = plan_shot(shot, card, machine)
    except UsageError as error:
        tally.illegal[error.message.removeprefix(card.name).strip()] += 1
        return
    except PlanRefused as error:
        tally.refused[reason(request)] += 1
        tally.broken += untrue(error.hint, request)
        return
    tally.planned += 1
    tally.rungs[str(plan.rung)] += 1
    tally.processor += plan.device == "cpu" and machine.gpu is not None
    tally.smaller += plan.size != outline(shot, card).size
    tally.broken += [f"{wrong}: {plan} for {request}" for wrong in faults(plan, request)]
    if plan.device == "cuda":
        tally.free = min(tally.free, 1 - plan.peak_bytes / machine.vram_free)
    tally.slower = max(tally.slower, over_the_fastest(plan, request))
    if tally.planned % BELOW:
        return
    while plan.device == "cuda":
        above = plan
        try:
            plan = step_down(above, shot, card, machine)
        except PlanRefused:
            return
        tally.below += 1
        tally.broken += [f"{wrong}: {plan} below {above}" for wrong in faults(plan, request)]
        if plan.device == "cuda" and plan.peak_bytes >= above.peak_bytes:
            tally.broken.append(f"no less memory: {plan} below {above}")


def faults(plan: Plan, request: Request) -> list[str]:
    """What a plan promises and does not keep."""
    shot, card, machine = request.shot, request.card, request.machine
    shown = sum(segment.frames - segment.lead_frames for segment in plan.segments)
    long_enough = card.reach.kind == "forth-and-back" or shown >= shot.seconds * card.fps
    on_gpu = plan.device == "cuda"
    found = {
        "too little is left free": on_gpu and plan.peak_bytes > (1 - FREE) * machine.vram_free,
        "over the GPU's budget": on_gpu and plan.peak_bytes > device_budget(machine),
        "over the RAM's budget": plan.ram_bytes > ram_budget(machine),
        "too short": not long_enough,
        "not itself again": plan_from_json(plan_to_json(plan)) != plan,
        "cannot be followed": why_not(plan, card, machine) != "",
        "the picture is forgotten": plan.segments[0].image != shot.image,
    }
    return [what for what, wrong in found.items() if wrong]


def over_the_fastest(plan: Plan, request: Request) -> float:
    """The plan's seconds over those of the fastest legal rung at its size, both by the formula."""
    what = replace(outline(request.shot, request.card), size=plan.size)
    legal = [each for each in tried(what, request) if not each.refusal]
    mine = next(each for each in legal if each.rung == plan.rung)
    return mine.seconds / min(each.seconds for each in legal)


def tried(what: Outline, request: Request) -> tuple[Attempt, ...]:
    """Every rung, with what it needs."""
    return attempts(what, request.machine, gpu_dtype(request.card, request.machine))


def reason(request: Request) -> str:
    """Why a request has no plan: what would have to go for there to be one."""
    machine, card = request.machine, request.card
    told = f"{machine.ram_total >> 30} GiB of RAM under {machine.system}"
    least = Size(card.side_min, card.side_min)
    smallest = tried(replace(outline(request.shot, card), size=least), request)
    if any(not each.refusal for each in smallest):
        told += f", though {least} would fit"
    for change, what in (
        ({"image": None}, "its start picture"),
        ({"seconds": Fraction(1)}, "its length"),
        ({"seconds": Fraction(1), "image": None}, "its length and its start picture"),
    ):
        try:
            plan_shot(replace(request.shot, **change), card, machine)
        except PlanRefused:
            continue
        return f"{what}, with {told}"
    return f"the model itself, with {told}"


def untrue(hint: str, request: Request) -> list[str]:
    """What is wrong with a refusal's hint: a shorter shot, or one without its picture, was promised
    a plan and has none."""
    words, shot = hint.split(), request.shot
    if "picture" in words or "picture," in words:
        shot = replace(shot, image=None)
    if "seconds," in words:
        shot = replace(shot, seconds=Fraction(words[words.index("seconds,") - 1]))
    if shot == request.shot:
        return []
    try:
        plan_shot(shot, request.card, request.machine)
    except PlanRefused:
        return [f"hint does not hold: {hint} for {request}"]
    return []


def tables(family: str, cards: Sequence[Card], tallies: Sequence[Tally]) -> None:
    """Print what became of a family's requests, as the tables of docs/measured/plans.md."""
    print(f"\n## {family}: {', '.join(card.name for card in cards)}\n")
    print(HEAD + "\n" + "|---" * HEAD.count(" |") + "|")
    for each in tallies:
        cap = f"{each.cap:g}" if each.cap else "no GPU"
        cells = [cap, each.legal, each.refused.total(), each.planned]
        cells += [each.smaller, each.processor if each.cap else "", each.below]
        cells += [
            f"{each.free:.2%}" if each.cap else "",
            f"{each.slower - 1:.1%}",
            each.illegal.total(),
        ]
        print("|", *(f"{cell} |" for cell in cells))
    for title, of in (("not legal", "illegal"), ("refused for", "refused")):
        print(f"\n{title}:")
        for each in tallies:
            for why, times in sorted(getattr(each, of).items()):
                print(f"- {each.cap:g}: {times} x {why}")
    names = sorted({name for each in tallies for name in each.rungs})
    print("\n| way |", *(f"{each.cap:g} |" if each.cap else "no GPU |" for each in tallies))
    print("|---" * (len(tallies) + 1) + "|")
    for name in names:
        print(f"| {name} |", *(f"{each.rungs[name] or ''} |" for each in tallies))


def main() -> int:
    """Plan for every family, print the tables, then what does not hold."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--count", type=int, default=10_000)
    asked.add_argument("--others", type=int, default=2_000)
    asked.add_argument("--seed", type=int, default=5)
    wish = asked.parse_args()
    today = datetime.now(tz=UTC).date()
    print(f"{today}, reelkiln {__version__}, Python {platform.python_version()}, seed {wish.seed}")
    broken: list[str] = []
    for family, cards in families().items():
        begun = time.perf_counter()
        tallies = [plan_all(cards, cap, wish.count // len(CAPS), wish.seed) for cap in CAPS]
        tallies += [plan_all(cards, cap, wish.others, wish.seed) for cap in OTHER_CAPS]
        tables(family, cards, tallies)
        print(f"\n{time.perf_counter() - begun:.0f} s")
        broken += [line for each in tallies for line in each.broken]
    print(f"\n{len(broken)} things do not hold", *broken[:20], sep="\n")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
