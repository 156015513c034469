"""`reelkiln templates`: see, begin and check templates."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelkiln.cli.console import out, show_json, table
from reelkiln.cli.options import Json
from reelkiln.cli.workspace import TemplateName, opened
from reelkiln.script.record import Outcome, Record, record_of

if TYPE_CHECKING:
    from reelkiln.reel import Marks
    from reelkiln.script.template import Slot

__all__ = ["app"]

app = typer.Typer(
    help="See, begin and check the templates of a workspace.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_templates(json: Json = False) -> None:
    """Show all templates of this workspace."""
    space, records = opened(), _records()
    rows = [
        (
            name,
            str(len(one.variants)),
            f"{one.seconds:g} s",
            one.aspect,
            _standing(records.get(name, Record())),
            one.title,
        )
        for name, one in space.templates.items()
    ]
    if json:
        keys = ("template", "variants", "length", "aspect", "record", "title")
        show_json({"templates": [dict(zip(keys, row, strict=True)) for row in rows]})
        return
    for line in table(
        [("template", "variants", "length", "aspect", "record", "what it shows"), *rows]
    ):
        out(line)


@app.command("show")
def show_template(template: TemplateName, json: Json = False) -> None:
    """Show one template: what it says, its slots, its variants, and what is usual for its clips."""
    from reelkiln.gate.learnt import APPROVED_MIN, spans
    from reelkiln.script.workspace import pick

    one = pick("template", template, opened().templates)
    approved = _approved(template)
    usual = spans(approved)
    if json:
        learnt = {name: [_finite(low), _finite(high)] for name, (low, high) in usual.items()}
        form = one.model_dump(mode="json", by_alias=True)
        show_json({**form, "approved": len(approved), "usual": learnt})
        return
    out(f"{one.title}\n{one.about or ''}".rstrip())
    claims = [("a person", one.shows_person), ("an effect of the product", one.shows_effect)]
    shown = " and ".join(what for what, yes in claims if yes)
    record = _records().get(template, Record())
    out(f"\nrecord: {_standing(record)}")
    out(f"{one.seconds:g} s, {one.aspect}" + (f", shows {shown}" if shown else ""))
    for name, slot in one.slots.items():
        out(f"{{{name}}}  {_filling(slot)}")
    if usual:
        out(f"\nusual, from {len(approved)} approved clips; what lies outside is refused:")
        for name, span in usual.items():
            out(f"  {name} {_span(*span)}")
    elif approved:
        out(f"what is usual is learnt from {APPROVED_MIN} approved clips: {len(approved)} so far")
    for variant in one.variants:
        out(f"\n{variant.name}\n  {' '.join(variant.paragraph.split())}")


@app.command("check")
def check_templates(json: Json = False) -> None:
    """Read the whole workspace and name every mistake, with file, line and column."""
    space = opened()
    found = {
        "templates": len(space.templates),
        "variants": sum(len(one.variants) for one in space.templates.values()),
        "products": len(space.products),
        "storyboards": len(space.storyboards),
    }
    if json:
        show_json(found)
        return
    out("no mistakes: " + ", ".join(f"{count} {what}" for what, count in found.items()))


@app.command("new")
def new_template(
    name: TemplateName,
    *,
    source: Annotated[
        Path, typer.Option("--from", metavar="FILE.mp4", help="A finished clip to begin with.")
    ],
) -> None:
    """Begin a template with the words of a clip that came out well."""
    from reelkiln.errors import UsageError
    from reelkiln.kiln.remake import find_recipe
    from reelkiln.names import wrong_slug
    from reelkiln.reel import ASPECTS
    from reelkiln.script.draft import draft_template
    from reelkiln.workshop.open import current_folder, open_bench, open_workshop
    from reelkiln.workshop.settings import read_settings

    space = opened()
    if wrong := wrong_slug(name):
        raise UsageError(f"{name} {wrong}", hint="Name it like hero-reveal.")
    path = space.folder / "templates" / f"{name}.yaml"
    with open_bench(open_workshop(current_folder(), read_settings())) as bench:
        clips = find_recipe(source, bench.ledger).clips
    if len(clips) > 1:
        raise UsageError(
            f"{source.name} is a reel of {len(clips)} shots", hint="Begin with a single clip."
        )
    shot = clips[0].shot
    ratio = shot.size.width / shot.size.height
    aspect = min(ASPECTS, key=lambda one: abs(ASPECTS[one].width / ASPECTS[one].height - ratio))
    text = draft_template(name, shot.prompt, seconds=float(shot.seconds), aspect=aspect)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already", hint="Choose another name.") from error
    out(str(path))


def _records() -> dict[str, Record]:
    """What every template's takes came to, from this workspace's ledger."""
    from reelkiln.store.ledger import open_ledger
    from reelkiln.store.reviews import take_counts

    path = _ledger()
    if not path.exists():
        return {}
    with open_ledger(path) as ledger:
        counts = take_counts(ledger)
    return {
        name: record_of(Outcome(c.attempts, c.approved) for c in counts if c.template == name)
        for name in {count.template for count in counts}
    }


def _approved(template: str) -> tuple[Marks, ...]:
    """What was measured of the clips of a template that a person approved."""
    from reelkiln.store.ledger import open_ledger
    from reelkiln.store.reviews import approved_marks

    path = _ledger()
    if not path.exists():
        return ()
    with open_ledger(path) as ledger:
        return approved_marks(ledger, template)


def _ledger() -> Path:
    from reelkiln.workshop.open import current_folder, open_workshop
    from reelkiln.workshop.settings import read_settings

    return open_workshop(current_folder(), read_settings()).state / "ledger.db"


def _finite(value: float) -> float | None:
    """JSON has no word for what is infinite."""
    return value if math.isfinite(value) else None


def _span(low: float, high: float) -> str:
    if not math.isfinite(low):
        return f"at most {high:.3g}"
    return f"{low:.3g} to {high:.3g}" if math.isfinite(high) else f"at least {low:.3g}"


def _standing(record: Record) -> str:
    if not record.takes:
        return "no takes yet"
    word = "proven" if record.proven else "not proven yet"
    attempts = f"median {record.median_attempts:g} attempts"
    return f"{word}: {record.takes} takes, {record.approved} approved, {attempts}"


def _filling(slot: Slot) -> str:
    if slot.range:
        return f"a number from {slot.range[0]} to {slot.range[1]}"
    return f"a word of {slot.words}" if slot.words else ", ".join(slot.choose or ())
