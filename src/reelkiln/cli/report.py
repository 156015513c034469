"""`reelkiln report`: what was made, refused and why, what waits, what it took."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, say, show_json
from reelkiln.cli.options import Json

if TYPE_CHECKING:
    from reelkiln.kiln.morning import Estimate, Morning
    from reelkiln.script.brand import Costs
    from reelkiln.workshop.open import Workshop

__all__ = ["report"]

HOURS = 24


def report(
    *,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="WHEN", help="From then on: a date and a time. Default: 24 hours."
        ),
    ] = None,
    out_path: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Write it: .html with pictures, or .md."),
    ] = None,
    json: Json = False,
) -> None:
    """Say what became of every clip, how long each phase took, and what it cost."""
    from reelkiln.kiln.morning import gather
    from reelkiln.workshop.open import current_folder, open_desk, open_workshop
    from reelkiln.workshop.settings import read_settings

    workshop = open_workshop(current_folder(), read_settings())
    with open_desk(workshop) as desk:
        now = desk.now()
        morning = gather(
            desk.ledger,
            workshop.workspace or workshop.state,
            _costs(workshop),
            since=_since(since, now),
            now=now,
        )
    if out_path is not None:
        _write(out_path, morning)
    if json:
        show_json(_as_json(morning))
    elif out_path is None:
        _show(morning)


def _since(text: str | None, now: datetime) -> datetime:
    from reelkiln.errors import UsageError

    if text is None:
        return now - timedelta(hours=HOURS)
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise UsageError(
            f"{text!r} is no moment", hint="Write it like 2026-11-30 or 2026-11-30 20:00."
        ) from None


def _costs(workshop: Workshop) -> Costs | None:
    from reelkiln.cli.workspace import opened

    return opened().brand.costs if workshop.workspace else None


def _show(morning: Morning) -> None:
    from reelkiln.kiln.morning_words import blocks, headline

    out(headline(morning))
    for title, lines in blocks(morning):
        out("")
        out(title)
        for line in lines:
            out(f"  {line}")


def _write(path: Path, morning: Morning) -> None:
    from reelkiln.errors import UsageError
    from reelkiln.film.partfile import write_bytes
    from reelkiln.kiln.morning_words import markdown
    from reelkiln.studio.morning import morning_report

    match path.suffix.lower():
        case ".md":
            text = markdown(morning)
        case ".html" | ".htm":
            text = morning_report(morning, _pictures(morning))
        case _:
            raise UsageError(f"{path} is no report", hint="Name a file that ends in .html or .md.")
    write_bytes(path, text.encode())
    say(f"wrote {path}")


def _pictures(morning: Morning) -> dict[str, bytes]:
    """A small picture of each film: of its poster, where that is still there."""
    from reelkiln.errors import ReelkilnError
    from reelkiln.film.names import companions
    from reelkiln.film.picture import read_photo, small_png

    found = {}
    for row in (*morning.delivered, *morning.parked):
        film = row.kept if row.state == "parked" else row.movie
        if not film:
            continue
        try:
            poster = companions(morning.workspace / film).poster
            found[row.id] = small_png(read_photo(poster, "the film's poster"))
        except ReelkilnError:
            continue
    return found


def _as_json(morning: Morning) -> dict[str, Any]:
    money = morning.money
    return {
        "since": morning.since.isoformat(),
        "now": morning.now.isoformat(),
        "delivered": [
            {
                "id": r.id,
                "file": r.movie,
                "model": r.model,
                "because": r.because,
                "sha256": r.sha256,
                "kind": r.kind,
                "templates": r.template,
            }
            for r in morning.delivered
        ],
        "reels_waiting": [
            {"id": row.id, "file": row.movie, "why": str(wait)} for row, wait in morning.waits
        ],
        "parked": [{"id": r.id, "reason": r.reason, "kept": r.kept} for r in morning.parked],
        "cancelled": [r.id for r in morning.cancelled],
        "running": [r.id for r in morning.running],
        "waiting": morning.waiting,
        "late": [r.id for r in morning.late],
        "phases": {row.phase: row.seconds for row in morning.phases},
        "shifts": [
            {
                "executor": row.executor,
                "started": row.started_at.isoformat(),
                "ended": row.ended_at.isoformat() if row.ended_at else None,
                "why": row.why,
                "killed": row in morning.killed,
            }
            for row in morning.shifts
        ],
        "log": [
            {
                "kind": row.kind,
                "said": row.said,
                "at": row.at.isoformat(),
                "until": row.until.isoformat() if row.until else None,
            }
            for row in morning.log
        ],
        "approved": morning.approved,
        "currency": money.currency,
        "gpu_energy_kwh": _estimate(money.counted),
        "estimates": {
            name: _estimate(getattr(money, name))
            for name in ("energy", "per_approved", "saved_month", "saved_year", "capacity")
        },
    }


def _estimate(estimate: Estimate | None) -> dict[str, Any] | None:
    return None if estimate is None else {"value": estimate.value, "how": estimate.how}
