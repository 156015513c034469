"""Batches: many wishes in one CSV or JSONL file, all checked before anything is rendered."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from reelkiln.names import wrong_path
from reelkiln.reel import ASPECTS, SECONDS_MAX, SECONDS_MIN
from reelkiln.script.faults import Fault, Place, nearest
from reelkiln.script.products import Product
from reelkiln.script.sheet import ROWS_MAX, Row, read_sheet
from reelkiln.script.template import Template

__all__ = ["COLUMNS", "Wish", "check_names", "read_batch", "with_pictures"]

COLUMNS = (
    "prompt", "negative", "template", "variant", "product", "count", "seconds", "model", "preset",
    "seed", "aspect", "language", "image",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One line of a batch: a prompt, or a template for a product ("all": for each).

    None stands for "as the template, the card or the chance says". `image` is the path of a start
    picture, relative to the folder of the batch.
    """

    row: Row = field(compare=False, repr=False)
    prompt: str | None = None
    negative: str = ""
    template: str | None = None
    variant: str | None = None
    product: str | None = None
    count: int = 1
    seconds: Fraction | None = None
    model: str | None = None
    preset: str | None = None
    seed: int | None = None
    aspect: str | None = None
    language: str | None = None
    image: str | None = None


def read_batch(
    text: str, file: str, *, models: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[Wish, ...], tuple[Fault, ...]]:
    """Read a batch; a name that ends in `.jsonl` is read as one JSON object a line.

    Args:
        models: every known model's name to its presets' names.
    """
    if file.lower().endswith((".jsonl", ".ndjson")):
        rows, faults = _json_rows(text, file)
    else:
        sheet = read_sheet(text, file, known=COLUMNS, needed=())
        rows, faults = sheet.rows, list(sheet.faults)
        if sheet.columns and not {"prompt", "template"} & set(sheet.columns):
            faults.append(Fault(Place(file, 1, 1), "needs a column prompt or template"))
    wishes: list[Wish] = []
    for row in rows:
        wrong = tuple(_faults(row, models))
        faults.extend(wrong)
        if not wrong:
            wishes.append(_wish(row))
    faults.extend(_twins(wishes))
    if not rows and not faults:
        faults.append(Fault(Place(file, 1, 1), "no wishes in this file"))
    return tuple(wishes), tuple(faults)


def check_names(
    wishes: Sequence[Wish], templates: Mapping[str, Template], products: Mapping[str, Product]
) -> Iterator[Fault]:
    """Templates, variants and products that the workspace does not have."""
    for wish in wishes:
        if wish.template is None:
            continue
        if wish.template not in templates:
            said = f"no template is called {wish.template[:60]}"
            yield Fault(wish.row.place("template"), said, nearest(wish.template, templates))
        elif wish.variant:
            names = [variant.name for variant in templates[wish.template].variants]
            if wish.variant not in names:
                said = f"{wish.template} has no variant {wish.variant[:60]}"
                yield Fault(wish.row.place("variant"), said, nearest(wish.variant, names))
        if wish.product and wish.product != "all" and wish.product not in products:
            said = f"no product has the sku {wish.product[:60]}"
            yield Fault(wish.row.place("product"), said, nearest(wish.product, products))


def with_pictures(
    wishes: Sequence[Wish], folder: Path
) -> tuple[tuple[Wish, ...], tuple[Fault, ...]]:
    """The wishes with their start pictures' whole paths; those that are not there are faults.

    Args:
        folder: in which the batch lies.
    """
    faults = tuple(
        Fault(wish.row.place("image"), f"there is no picture {wish.image}")
        for wish in wishes
        if wish.image and not (folder / wish.image).is_file()
    )
    found = (
        replace(wish, image=str((folder / wish.image).absolute())) if wish.image else wish
        for wish in wishes
    )
    return tuple(found), faults


def _json_rows(text: str, file: str) -> tuple[tuple[Row, ...], list[Fault]]:
    rows: list[Row] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        if len(rows) == ROWS_MAX:
            faults.append(Fault(Place(file, number, 1), f"more than {ROWS_MAX} lines", "split it"))
            break
        try:
            found = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError) as wrong:
            at = getattr(wrong, "colno", 1)
            faults.append(Fault(Place(file, number, at), f"not readable as JSON: {wrong}"))
            continue
        row, bad = _json_row(found, file, number)
        faults.extend(bad)
        if row and not bad:
            rows.append(row)
    return tuple(rows), faults


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _json_row(found: object, file: str, number: int) -> tuple[Row | None, list[Fault]]:
    place = Place(file, number, 1)
    if not isinstance(found, dict):
        return None, [Fault(place, 'must be a JSON object like {"prompt": "…"}')]
    faults = [
        Fault(place, f"{str(key)[:60]} is not a key here", nearest(str(key), COLUMNS))
        for key in found
        if key not in COLUMNS
    ]
    faults += [
        Fault(place, f"{key} must be a text or a number")
        for key, value in found.items()
        if value is not None
        and (isinstance(value, bool) or not isinstance(value, str | int | float))
    ]
    cells = {key: str(value).strip() for key, value in found.items() if value not in (None, "")}
    return Row(file, number, cells, COLUMNS), faults


def _faults(row: Row, models: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    cells = row.cells
    if ("prompt" in cells) == ("template" in cells):
        yield Fault(row.place(), "needs either a prompt or a template")
    if "template" in cells and "product" not in cells:
        yield Fault(row.place("template"), "a template needs a product", 'write its sku, or "all"')
    if len(cells.get("prompt", "")) > 4_000:
        yield Fault(row.place("prompt"), "prompt is longer than 4,000 characters")
    for column, low, high in (
        ("seconds", SECONDS_MIN, SECONDS_MAX),
        ("seed", Fraction(0), Fraction(2**32 - 1)),
        ("count", Fraction(1), Fraction(100)),
    ):
        if column in cells and (wrong := _number_fault(cells[column], low, high, column)):
            yield Fault(row.place(column), wrong)
    if (aspect := cells.get("aspect")) and aspect not in ASPECTS:
        yield Fault(row.place("aspect"), f"aspect {aspect[:20]} is unknown", nearest("", ASPECTS))
    if (image := cells.get("image")) and (wrong := wrong_path(image)):
        said = wrong.replace("the workspace", "the batch's folder")
        yield Fault(row.place("image"), f"image {image[:60]!r} {said}")
    yield from _model_faults(row, models)


def _model_faults(row: Row, models: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    model, preset = row.cells.get("model", "auto"), row.cells.get("preset")
    if model != "auto" and model not in models:
        yield Fault(row.place("model"), f"no model is called {model[:60]}", nearest(model, models))
    presets = models.get(model) or {name for names in models.values() for name in names}
    if preset and preset not in presets:
        yield Fault(row.place("preset"), f"no preset {preset[:40]}", nearest(preset, presets))


def _number_fault(cell: str, low: Fraction, high: Fraction, name: str) -> str | None:
    number = _number(cell)
    if number is None:
        return f"{name} {cell[:20]!r} is not a number"
    if not low <= number <= high:
        return f"{name} {cell[:20]} is outside {low} to {high}"
    if name != "seconds" and number.denominator != 1:
        return f"{name} {cell[:20]} is not a whole number"
    return None


def _number(cell: str) -> Fraction | None:
    """A decimal number; fractions like 1/3, exponents and words like nan are none."""
    plain = cell.replace("-", "", 1) if cell.startswith("-") else cell
    if len(cell) > 20 or not plain.isascii() or not plain.replace(".", "", 1).isdigit():
        return None
    return Fraction(cell)


def _wish(row: Row) -> Wish:
    cells = row.cells
    seed, seconds = cells.get("seed"), cells.get("seconds")
    return Wish(
        row=row,
        prompt=cells.get("prompt"),
        negative=cells.get("negative", ""),
        template=cells.get("template"),
        variant=cells.get("variant"),
        product=cells.get("product"),
        count=int(Fraction(cells.get("count", "1"))),
        seconds=_number(seconds) if seconds else None,
        model=None if cells.get("model") == "auto" else cells.get("model"),
        preset=cells.get("preset"),
        seed=int(Fraction(seed)) if seed else None,
        aspect=cells.get("aspect"),
        language=cells.get("language"),
        image=cells.get("image"),
    )


def _twins(wishes: list[Wish]) -> Iterator[Fault]:
    """Two lines that would give the same clip: the same words and the same seed."""
    seen: dict[tuple[object, ...], int] = {}
    for wish in wishes:
        if wish.seed is None and wish.prompt:
            continue
        key = (
            wish.prompt, wish.negative, wish.template, wish.variant, wish.product, wish.seconds,
            wish.model, wish.preset, wish.seed, wish.aspect, wish.language, wish.image,
        )  # fmt: skip
        if key in seen:
            said = f"the same shot as line {seen[key]}"
            yield Fault(wish.row.place(), said, "change the seed or remove the line")
        seen.setdefault(key, wish.row.line)
