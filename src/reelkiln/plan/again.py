"""Whether a plan that was made earlier, perhaps elsewhere, can be followed here and now."""

from dataclasses import replace

from reelkiln.plan.attempt import attempt
from reelkiln.plan.card import GUIDANCE_MAX, STEPS_MAX, Card
from reelkiln.plan.fit import fit_frames, is_legal
from reelkiln.plan.ladder import illegal
from reelkiln.plan.machine import Machine
from reelkiln.plan.outline import Outline
from reelkiln.plan.plan import Plan

__all__ = ["why_not"]


def why_not(plan: Plan, card: Card, machine: Machine) -> str:
    """Why this plan cannot be followed with this card on this machine; empty where it can.

    A plan read from a file is a stranger's word: everything in it is held against the card.
    """
    return _foreign(plan, card) or _homeless(plan, machine) or _too_large(plan, card, machine)


def _foreign(plan: Plan, card: Card) -> str:
    counts = [segment.frames for segment in plan.segments]
    sane = 1 <= plan.steps <= STEPS_MAX and 0 <= plan.guidance <= GUIDANCE_MAX
    faults = (
        (plan.model != card.name, f"it is for the model {plan.model}, not {card.name}"),
        (plan.preset not in card.presets, f"{card.name} has no preset {plan.preset!r}"),
        (not is_legal(card, plan.size), f"{card.name} does not render {plan.size}"),
        (
            (plan.fps, plan.reach) != (card.fps, card.reach),
            f"{card.name} reaches its seconds in another way now",
        ),
        (
            not counts or any(fit_frames(card, count) != count for count in counts),
            f"{card.name} does not render such runs of frames",
        ),
        (not sane, "its steps or guidance are out of bounds"),
        (
            plan.motion not in (1.0, *card.calmer) or not 0 <= plan.tiling < card.tilings,
            f"{card.name} does not move or tile like that",
        ),
    )
    return next((why for wrong, why in faults if wrong), "") or illegal(plan.rung, card)


def _homeless(plan: Plan, machine: Machine) -> str:
    if plan.device == "cuda" and machine.gpu is None:
        return "it is for a GPU, and this machine has none"
    if plan.dtype == "bfloat16" and not machine.bf16:
        return "it computes in bfloat16, which this GPU does not"
    if (plan.device == "cpu") != (plan.rung.residence == "cpu"):
        return "its device and its rung contradict each other"
    return ""


def _too_large(plan: Plan, card: Card, machine: Machine) -> str:
    known = card.presets[plan.preset]
    every = min(known.cache_every, plan.steps)
    preset = replace(known, steps=plan.steps, guidance=plan.guidance, cache_every=every, sigmas=())
    what = Outline(card=card, preset=preset, size=plan.size, segments=plan.segments)
    return attempt(what, plan.rung, machine, plan.dtype, plan.kept_bytes).refusal
