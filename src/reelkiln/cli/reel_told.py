"""What `reelkiln reel` tells: the plan of a reel, and where its files are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelkiln.cli.console import out, show_json, table

if TYPE_CHECKING:
    from reelkiln.kiln.bench import Bench
    from reelkiln.kiln.board import ReelOrder
    from reelkiln.kiln.choose import Choice
    from reelkiln.kiln.deliver_reel import ReelDelivery

__all__ = ["as_json", "show", "show_plan"]


def show_plan(orders: list[ReelOrder], choice: Choice, bench: Bench, *, json: bool) -> None:
    """Every reel as it is planned, once all that it is made of besides its shots was read."""
    from reelkiln.kiln.preview import check_order

    for order in orders:
        check_order(order, bench)
    plans = [_plan_json(order) for order in orders]
    if json:
        show_json({"model": choice.card.name, "because": choice.because, "reels": plans})
        return
    for order, plan in zip(orders, plans, strict=True):
        edit = order.edit
        out(f"{order.movie}: {plan['seconds']:g} s, {edit.size}, {float(edit.fps):g} frames a"
            f" second, for {edit.platform}, in {edit.language}")  # fmt: skip
        rows = [
            (str(number), shot["begins"], shot["seconds"], shot["renders"], shot["caption"])
            for number, shot in enumerate(plan["shots"], 1)
        ]
        for line in table([("", "begins", "seconds", "renders in about", "caption"), *rows]):
            out(f"  {line}")
        for what in ("end_card", "music", "disclosure"):
            out(f"  {what.replace('_', ' ')}: {plan[what]}")
    out("nothing was rendered")


def _plan_json(order: ReelOrder) -> dict[str, Any]:
    from reelkiln.kiln.dress import seconds_of

    edit = order.edit
    music = edit.music
    return {
        "film": str(order.movie),
        "platform": edit.platform,
        "language": edit.language,
        "size": str(edit.size),
        "seconds": float(seconds_of(edit)),
        "shots": [
            {
                "prompt": shot.shot.prompt,
                "seconds": f"{float(cut.seconds):.2f}",
                "begins": f"cross-fade {float(cut.crossfade):g} s" if cut.crossfade else "cut",
                "renders": f"{shot.plan.seconds_estimate:.0f} s",
                "caption": cut.caption,
            }
            for shot, cut in zip(order.shots, edit.cuts, strict=True)
        ],
        "end_card": edit.end.headline if edit.end else "none",
        "music": (music.bed or (music.track.path if music.track else "")) if music else "silent",
        "disclosure": edit.disclosure or "none",
    }


def show(delivery: ReelDelivery, *, quiet: bool = False) -> None:
    """Where a reel's files are, and what its platform says."""
    if quiet:
        out(str(delivery.movie))
        return
    facts, edit = delivery.facts, delivery.recipe.edit
    rate = f"{float(facts.fps):g} frames a second"
    out(f"film      {delivery.movie}  ({float(facts.seconds):.1f} s, {facts.size}, {rate})")
    out(f"poster    {delivery.beside.poster}")
    out(f"sheet     {delivery.beside.sheet}")
    if any(cut.caption for cut in edit.cuts):
        out(f"captions  {delivery.beside.subtitles}")
    out(f"recipe    {delivery.beside.sidecar}")
    advised = ", ".join(check.name for check in delivery.report.advised)
    out(f"check     {edit.platform} takes it" + (f"; advice on {advised}" if advised else ""))


def as_json(deliveries: tuple[ReelDelivery, ...], because: str) -> dict[str, Any]:
    """What was made, for programs."""
    return {
        "model": deliveries[0].recipe.clips[0].shot.model,
        "because": because,
        "reels": [_reel_json(delivery) for delivery in deliveries],
    }


def _reel_json(delivery: ReelDelivery) -> dict[str, Any]:
    facts, edit = delivery.facts, delivery.recipe.edit
    captions = any(cut.caption for cut in edit.cuts)
    return {
        "film": str(delivery.movie),
        "poster": str(delivery.beside.poster),
        "sheet": str(delivery.beside.sheet),
        "captions": str(delivery.beside.subtitles) if captions else None,
        "sidecar": str(delivery.beside.sidecar),
        "platform": edit.platform,
        "language": edit.language,
        "seconds": float(facts.seconds),
        "size": str(facts.size),
        "fps": float(facts.fps),
        "frames": facts.frames,
        "sha256": delivery.sha256,
        "digest": delivery.digest,
        "took": dict(delivery.recipe.seconds),
        "shots": [
            {"seed": clip.shot.seed, "takes": len(clip.takes), "took": dict(clip.seconds)}
            for clip in delivery.recipe.clips
        ],
        "takes_it": delivery.report.ok,
        "advice": [check.name for check in delivery.report.advised],
    }
