"""`reelkiln batch`: a storyboard or many wishes in one file, all checked, then queued or made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.batch_file import read_clips
from reelkiln.cli.console import out, say, show_json, table
from reelkiln.cli.make import as_json, show
from reelkiln.cli.options import Force, Json, ModelName, PresetName, Quiet
from reelkiln.cli.progress import telling

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from reelkiln.kiln.bench import Bench
    from reelkiln.kiln.enqueue import Files
    from reelkiln.kiln.forecast import Forecast
    from reelkiln.kiln.orders import Accepts, Clip
    from reelkiln.store.queue import NewSegment

__all__ = ["batch"]

By = Annotated[
    str | None,
    typer.Option("--by", metavar="WHEN", help="When they are wanted: 07:00, or a date and a time."),
]
KEYS = ("file", "model", "preset", "length", "takes", "prompt")


def batch(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A storyboard (.yaml), or a .csv or .jsonl file of wishes."
        ),
    ],
    *,
    product: Annotated[
        str, typer.Option("--product", metavar="SKU", help="For a storyboard: a sku, or all.")
    ] = "all",
    by: By = None,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", min=1, help="At most N clips.")
    ] = None,
    per_product: Annotated[
        int | None,
        typer.Option("--per-product", metavar="N", min=1, help="At most N clips of each product."),
    ] = None,
    model: ModelName = None,
    preset: PresetName = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="For a storyboard: other words.")
    ] = 0,
    platform: Annotated[
        str | None,
        typer.Option(
            "--platform",
            metavar="NAME",
            help="For a storyboard: where its reels go. Default: as the storyboard says.",
        ),
    ] = None,
    clips_only: Annotated[
        bool, typer.Option("--clips-only", help="For a storyboard: join no reel of its clips.")
    ] = False,
    first: Annotated[
        bool, typer.Option("--first", help="Before all that waits, as a preview for a person.")
    ] = False,
    now: Annotated[
        bool, typer.Option("--now", help="Render them here and now instead of queueing them.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be made and when it is done; do nothing."),
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FOLDER", help="Where the clips go. Default: reels."),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Queue a storyboard for products, or a file of wishes; `reelkiln work` makes them.

    A storyboard's clips are joined to a reel for each product, once all of them are there.
    """
    from reelkiln.kiln.board_clips import whole
    from reelkiln.kiln.enqueue import files_for, put_in_line
    from reelkiln.kiln.orders import limited
    from reelkiln.store.segment import BATCH, PREVIEW
    from reelkiln.workshop.open import current_folder, open_bench, open_workshop
    from reelkiln.workshop.settings import read_settings

    workshop = open_workshop(current_folder(), read_settings())
    place = (folder or (workshop.workspace or Path()) / "reels").absolute()
    with open_bench(workshop) as bench:
        clips, reels, accepts = read_clips(
            file,
            bench,
            workshop,
            product=product,
            model=model,
            preset=preset,
            seed=seed,
            platform=platform,
            reels=not (clips_only or now),
        )
        clips = limited(clips, count=count, per_product=per_product)
        if left_out := len(reels) - len(reels := whole(clips, reels)):
            say(f"{left_out} reels are left out: not all of their clips are within the limits")
        deadline = _moment(by, bench)
        for line in sorted({line for clip in clips for line in clip.told}):
            say(line)
        if dry_run:
            files = files_for(clips, reels, bench.ledger, place, workspace=workshop.workspace)
            _show_plan(files, _forecast(clips, deadline, bench, first=first), deadline, json=json)
        elif now:
            _render(clips, place, accepts, bench, force=force, quiet=quiet, json=json)
        else:
            ahead = _forecast(clips, deadline, bench, first=first)
            made = put_in_line(
                clips,
                bench,
                file.name,
                place,
                workspace=workshop.workspace,
                reels=reels,
                deadline=deadline,
                priority=PREVIEW if first else BATCH,
            )
            _show_queued(made, ahead, deadline, json=json)


def _moment(by: str | None, bench: Bench) -> datetime | None:
    from reelkiln.kiln.hours import parse_moment

    return None if by is None else parse_moment(by, bench.now().astimezone())


def _render(
    clips: tuple[Clip, ...],
    place: Path,
    accepts: Accepts,
    bench: Bench,
    *,
    force: bool,
    quiet: bool,
    json: bool,
) -> None:
    from reelkiln.kiln.batch import groups_of, make_batch
    from reelkiln.kiln.names import check_targets
    from reelkiln.kiln.watch import Watch

    with telling(quiet=quiet) as teller:
        pairs = [(clip, place / f"{clip.name}.mp4") for clip in clips]
        groups = groups_of(pairs, accepts, bench, workspace=place.parent)
        place.mkdir(parents=True, exist_ok=True)
        check_targets([order.movie for group in groups for order in group.orders], force=force)
        deliveries = make_batch(groups, bench, Watch(teller.progress, teller.note))
    if json:
        show_json(as_json(deliveries, "as the file says"))
        return
    for delivery in deliveries:
        show(delivery, quiet=quiet)


def _show_queued(
    made: tuple[NewSegment, ...], ahead: Forecast, deadline: datetime | None, *, json: bool
) -> None:
    if json:
        rows = [
            {"id": one.id, "state": "queued", "file": one.movie, "kind": one.kind} for one in made
        ]
        show_json({"segments": rows, **_ahead_json(ahead, deadline)})
        return
    clips = [one for one in made if one.kind == "clip"]
    out(f"{len(clips)} clips queued as {clips[0].id} to {clips[-1].id}")
    for one in made:
        if one.kind == "reel":
            count = sum(clip.reel_id == one.id for clip in clips)
            out(f"{one.id} joins {count} of them as {one.movie}")
    _say_ahead(ahead, deadline)
    say("next: `reelkiln work` makes them, `reelkiln queue list` shows them")


def _forecast(
    clips: tuple[Clip, ...], deadline: datetime | None, bench: Bench, *, first: bool
) -> Forecast:
    """When these clips are done, behind (or before) all that waits."""
    from reelkiln.kiln.ahead import look_ahead

    return look_ahead(
        [clip.estimate for clip in clips],
        bench,
        deadline=deadline,
        loading=_loading(clips),
        first=first,
    )


def _loading(clips: Iterable[Clip]) -> float:
    """Seconds that pass once, before the first of these clips."""
    return max((clip.loading for clip in clips), default=0.0)


def _ahead_json(ahead: Forecast, deadline: datetime | None) -> dict[str, Any]:
    return {
        "done_by_estimate": ahead.end.isoformat(),
        "deadline": deadline.isoformat() if deadline else None,
        "in_time": ahead.in_time,
    }


def _say_ahead(ahead: Forecast, deadline: datetime | None) -> None:
    end = ahead.end.astimezone()
    say(f"estimate: begun now, all are done by {end:%A %H:%M}")
    if deadline is not None:
        say(f"estimate: {ahead.in_time} of {ahead.total} are done by {deadline:%A %H:%M}")


def _show_plan(files: Files, ahead: Forecast, deadline: datetime | None, *, json: bool) -> None:
    from reelkiln.plan.reasons import duration

    rows = [
        (
            movie.name,
            clip.shot.model,
            clip.shot.preset,
            f"{float(clip.shot.seconds):g} s",
            f"about {clip.estimate:.0f} s",
            clip.shot.prompt,
        )
        for clip, movie in files.clips
    ]
    total = _loading(clip for clip, _ in files.clips) + sum(c.estimate for c, _ in files.clips)
    if json:
        shown = [dict(zip(KEYS, row, strict=True)) for row in rows]
        joined = [movie.name for _, movie in files.reels]
        told = {"clips": shown, "reels": joined, "seconds_estimate": total}
        show_json({**told, **_ahead_json(ahead, deadline)})
        return
    for line in table([KEYS, *rows]):
        out(line)
    for reel, movie in files.reels:
        out(f"{movie.name} is joined of {len(reel.templates)} of them")
    say(f"{len(rows)} clips, about {duration(total)} of rendering; nothing was queued")
    _say_ahead(ahead, deadline)
