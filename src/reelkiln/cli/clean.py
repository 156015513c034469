"""`reelkiln clean`: what lies on the disk, and away with what nobody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, say, show_json, table
from reelkiln.cli.options import Json

if TYPE_CHECKING:
    from reelkiln.kiln.clean import Heap, Survey
    from reelkiln.plan.scorer import Fetchable
    from reelkiln.workshop.open import Workshop

__all__ = ["clean"]


def clean(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go, remove nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what lies on the disk by kind, and remove what nobody needs; approved films never."""
    from datetime import UTC, datetime

    from reelkiln.kiln.clean import survey, sweep
    from reelkiln.workshop.open import current_folder, open_workshop
    from reelkiln.workshop.settings import read_settings

    workshop = open_workshop(current_folder(), read_settings())
    heaps = survey(_where(workshop), datetime.now(UTC))
    freed = 0 if dry_run else sweep(heaps)
    if json:
        show_json(_told(heaps, freed, dry_run=dry_run))
        return
    _show(heaps)
    going = sum(heap.goes_bytes for heap in heaps)
    if dry_run:
        say(f"{_gb(going)} GB would go; nothing was removed")
    else:
        say(f"{_gb(freed)} GB removed")


def _where(workshop: Workshop) -> Survey:
    from reelkiln.kiln.clean import Survey
    from reelkiln.models.cards import load_cards
    from reelkiln.models.installed import disk_bytes, is_installed
    from reelkiln.models.layout import cache_folder, words_folder
    from reelkiln.models.scorers import load_scorers
    from reelkiln.store.ledger import open_ledger
    from reelkiln.store.queue import list_segments
    from reelkiln.store.reviews import approved_files

    approved: frozenset[str] = frozenset()
    unfinished: frozenset[str] = frozenset()
    path = workshop.state / "ledger.db"
    if path.is_file():
        with open_ledger(path) as ledger:
            approved = approved_files(ledger)
            waiting = list_segments(ledger, states=("queued", "running"))
            unfinished = frozenset(row.id for row in waiting)
    every: dict[str, Fetchable] = {**load_cards(), **load_scorers()}
    cache = workshop.settings.cache
    sizes = {
        each.name: disk_bytes(each, cache)
        for card in every.values()
        for each in card.each_set
        if not each.bundled and (each is card or is_installed(each, each.default_preset, cache))
    }
    return Survey(
        state=workshop.state,
        workspace=workshop.workspace,
        approved=approved,
        models={name: size for name, size in sizes.items() if size},
        unfinished=unfinished,
        words=words_folder(cache_folder(cache)),
    )


def _show(heaps: tuple[Heap, ...]) -> None:
    head = ("kind", "files", "GB", "goes", "rule")
    rows = [
        (
            heap.name,
            str(heap.files) if heap.files else "",
            _gb(heap.bytes),
            _gb(heap.goes_bytes) if heap.goes else "",
            heap.rule,
        )
        for heap in heaps
        if heap.bytes or heap.goes
    ]
    for line in table([head, *rows]):
        out(line)


def _told(heaps: tuple[Heap, ...], freed: int, *, dry_run: bool) -> dict[str, Any]:
    kinds = [
        {
            "kind": heap.name,
            "files": heap.files,
            "bytes": heap.bytes,
            "goes": [str(path) for path in heap.goes],
            "goes_bytes": heap.goes_bytes,
            "rule": heap.rule,
        }
        for heap in heaps
    ]
    return {"kinds": kinds, "freed_bytes": freed, "dry_run": dry_run}


def _gb(size: int) -> str:
    """Gigabytes (10**9) to the megabyte, never "0.000" for something."""
    return f"{size / 10**9:.3f}" if size == 0 or size >= 500_000 else "<0.001"
