"""Products: what is sold, as a table that a shop can fill from its spreadsheet."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from reelkiln.names import wrong_path, wrong_slug
from reelkiln.script.faults import Fault, Place
from reelkiln.script.sheet import Row, read_sheet

__all__ = ["COLUMNS", "Product", "read_products"]

COLUMNS = (
    "sku", "name", "kind", "colours", "ingredients", "benefit", "hashtags", "photo",
    "name.*", "benefit.*", "hashtags.*",
)  # fmt: skip
"""Known columns; those ending in `.*` take a language, as in `benefit.hi`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product.

    `kind` is what a camera sees ("amber dropper bottle"), `colours` the main one first. `words`
    holds the shown words by language: `words["hi"]["benefit"]`; the table's plain columns are kept
    under the language "".
    """

    sku: str
    name: str
    kind: str
    colours: tuple[str, ...] = ()
    ingredients: tuple[str, ...] = ()
    photo: str | None = None
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    row: Row | None = field(default=None, compare=False, repr=False)

    def word(self, name: str, language: str) -> str | None:
        """A shown word in a language, else the plain column's, else None."""
        return self.words.get(language, {}).get(name) or self.words.get("", {}).get(name)


def read_products(text: str, file: str) -> tuple[tuple[Product, ...], tuple[Fault, ...]]:
    """Read a product table; rows with mistakes are left out and named."""
    sheet = read_sheet(text, file, known=COLUMNS, needed=("sku", "name", "kind"))
    faults = list(sheet.faults)
    products: dict[str, Product] = {}
    for row in sheet.rows:
        wrong = list(_row_faults(row))
        sku = row.cells.get("sku", "")
        if sku in products:
            first = products[sku].row
            line = f"first: line {first.line}" if first else ""
            wrong.append(Fault(row.place("sku"), f"sku {sku} stands here twice", line))
        if not wrong:
            products[sku] = _product(row)
        faults.extend(wrong)
    if not products and not faults:
        faults.append(Fault(Place(file, 2, 1), "no products", "add a line below the header"))
    return tuple(products.values()), tuple(faults)


def _row_faults(row: Row) -> list[Fault]:
    faults = [
        Fault(row.place(column), f"{column} is empty")
        for column in ("sku", "name", "kind")
        if column not in row.cells
    ]
    if (sku := row.cells.get("sku")) and (wrong := wrong_slug(sku)):
        faults.append(Fault(row.place("sku"), f"sku {sku[:40]!r} {wrong}"))
    if (photo := row.cells.get("photo")) and (wrong := wrong_path(photo)):
        faults.append(Fault(row.place("photo"), f"photo {photo[:60]!r} {wrong}"))
    for column in ("name", "kind"):
        if len(row.cells.get(column, "")) > 120:
            faults.append(Fault(row.place(column), f"{column} is longer than 120 characters"))
    return faults


def _product(row: Row) -> Product:
    words: dict[str, dict[str, str]] = {}
    for column, cell in row.cells.items():
        stem, _, language = column.partition(".")
        if stem in ("name", "benefit", "hashtags"):
            words.setdefault(_language(language), {})[stem] = cell
    return Product(
        sku=row.cells["sku"],
        name=row.cells["name"],
        kind=row.cells["kind"],
        colours=_list(row.cells.get("colours", "")),
        ingredients=_list(row.cells.get("ingredients", "")),
        photo=row.cells.get("photo"),
        words=words,
        row=row,
    )


def _language(text: str) -> str:
    """`pt-br` of a lower-cased header as `pt-BR`."""
    first, *rest = text.split("-")
    return "-".join([first, *(part.upper() if len(part) == 2 else part.title() for part in rest)])


def _list(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[,|]", cell) if part.strip())
