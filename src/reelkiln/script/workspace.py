"""A workspace as people write it: brand, products, templates and storyboards of one folder."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from reelkiln.errors import UnknownName
from reelkiln.script.brand import Brand
from reelkiln.script.check import check_claims, check_products, check_storyboard, check_template
from reelkiln.script.claims import MEDICAL
from reelkiln.script.document import BYTES_MAX, Document, parse
from reelkiln.script.faults import Fault, Place, nearest, refuse
from reelkiln.script.form import Form, fill
from reelkiln.script.lists import built_in, read_lists
from reelkiln.script.products import Product, read_products
from reelkiln.script.sheet import decode
from reelkiln.script.storyboard import Storyboard
from reelkiln.script.template import Template

__all__ = ["Workspace", "pick", "read_workspace"]


WORD = r"\w+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Everything that the people of a brand wrote, read and found free of mistakes."""

    folder: Path
    brand: Brand
    products: Mapping[str, Product]
    templates: Mapping[str, Template]
    storyboards: Mapping[str, Storyboard]
    lists: Mapping[str, tuple[str, ...]]

    def photo(self, sku: str) -> Path | None:
        """Where the photo of a product lies, if it has one."""
        photo = self.products[sku].photo if sku in self.products else None
        return self.folder / photo if photo else None

    def named(self, words: str) -> Product | None:
        """The product whose name or number stands in the words; None for none or several."""
        said = f" {' '.join(re.findall(WORD, words.casefold()))} "
        found = [
            product
            for product in self.products.values()
            if any(
                f" {' '.join(re.findall(WORD, name.casefold()))} " in said
                for name in (product.name, product.sku)
            )
        ]
        return found[0] if len(found) == 1 else None

    def photo_named(self, words: str) -> Path | None:
        """Where the photo of the product that the words name lies, if there is one."""
        product = self.named(words)
        return self.photo(product.sku) if product else None


def read_workspace(folder: Path) -> Workspace:
    """Read and check a whole workspace.

    Raises:
        ScriptError: with every mistake of every file at once.
    """
    faults: list[Fault] = []
    brand, wrong = fill(Brand, _document(folder, folder / "brand.yaml"))
    faults += wrong
    table, wrong = _table(folder / "products.csv")
    faults += wrong
    own, wrong = _word_lists(folder)
    faults += wrong
    lists = {**built_in(), **own}
    templates = _Shelf(folder, "templates", Template, skip=("words.yaml",))
    boards = _Shelf(folder, "storyboards", Storyboard)
    faults += [*templates.faults, *boards.faults]
    products = {product.sku: product for product in table}
    for name, template in templates.forms.items():
        faults += check_template(template, templates.documents[name], lists)
        faults += check_products(template, table)
    banned = (*MEDICAL, *(brand.banned_claims if brand else ()))
    faults += check_claims(table, banned)
    for name, board in boards.forms.items():
        document = boards.documents[name]
        faults += check_storyboard(board, document, templates.forms, products, banned)
        if board.music and board.music.file and not (folder / board.music.file).is_file():
            place = document.place(("music", "file"))
            faults.append(Fault(place, f"there is no file {board.music.file}"))
        for number, shot in enumerate(board.shots):
            if shot.image and not (folder / shot.image).is_file():
                place = document.place(("shots", number, "image"))
                faults.append(Fault(place, f"there is no picture {shot.image}"))
    faults += _pictures(folder, brand, table)
    refuse(faults)
    if brand is None:
        raise AssertionError("a brand without mistakes is filled")
    return Workspace(
        folder=folder,
        brand=brand,
        products=products,
        templates=templates.forms,
        storyboards=boards.forms,
        lists=lists,
    )


T = TypeVar("T")


def pick(kind: str, name: str, known: Mapping[str, T]) -> T:
    """The template, product or storyboard of a name.

    Raises:
        UnknownName: with the nearest name in the hint.
    """
    if name in known:
        return known[name]
    raise UnknownName(f"no {kind} is called {name}", hint=nearest(name, known))


F = TypeVar("F", bound=Form)


class _Shelf(Generic[F]):
    """The forms of one folder of YAML files; a file's name is its form's first field."""

    def __init__(self, folder: Path, shelf: str, form: type[F], skip: tuple[str, ...] = ()) -> None:
        self.forms: dict[str, F] = {}
        self.documents: dict[str, Document] = {}
        self.faults: list[Fault] = []
        key = next(iter(form.model_fields))
        for path in sorted((folder / shelf).glob("*.y*ml")):
            if path.name in skip:
                continue
            document = _document(folder, path)
            filled, wrong = fill(form, document)
            self.faults += wrong
            if filled is None:
                continue
            name = str(getattr(filled, key))
            if name != path.stem:
                said = f"{key} is {name}, but the file is called {path.name}"
                self.faults.append(Fault(document.place((key,)), said, "make them the same"))
            self.forms[name], self.documents[name] = filled, document


def _document(folder: Path, path: Path) -> Document:
    name = path.relative_to(folder).as_posix()
    data, faults = _bytes(path, name, BYTES_MAX)
    text, wrong = decode(data, name)
    if faults or wrong:
        return Document(name, faults=(*faults, *wrong))
    return parse(text, name)


def _table(path: Path) -> tuple[tuple[Product, ...], tuple[Fault, ...]]:
    data, faults = _bytes(path, path.name)
    text, wrong = decode(data, path.name)
    return ((), (*faults, *wrong)) if faults or wrong else read_products(text, path.name)


def _word_lists(folder: Path) -> tuple[Mapping[str, tuple[str, ...]], tuple[Fault, ...]]:
    path = folder / "templates" / "words.yaml"
    if not path.exists():
        return {}, ()
    data, faults = _bytes(path, "templates/words.yaml")
    text, wrong = decode(data, "templates/words.yaml")
    return ({}, (*faults, *wrong)) if faults or wrong else read_lists(text, "templates/words.yaml")


def _bytes(path: Path, name: str, most: int | None = None) -> tuple[bytes, tuple[Fault, ...]]:
    try:
        if most and path.stat().st_size > most:
            return b"", (Fault(Place(name), f"larger than {most // 1024} KiB", "split the file"),)
        return path.read_bytes(), ()
    except OSError as wrong:
        return b"", (Fault(Place(name), f"cannot be read: {wrong.strerror or wrong}"),)


def _pictures(folder: Path, brand: Brand | None, products: tuple[Product, ...]) -> Iterator[Fault]:
    """Files that brand and products name and that are not there."""
    fonts = [("fonts", path) for path in (brand.fonts.heading, brand.fonts.body)] if brand else []
    for key, path in [("logo", brand.logo), *fonts] if brand else []:
        if path and not (folder / path).is_file():
            yield Fault(Place("brand.yaml"), f"{key}: there is no file {path}")
    for product in products:
        if product.photo and not (folder / product.photo).is_file():
            place = product.row.place("photo") if product.row else Place("products.csv")
            yield Fault(place, f"there is no photo {product.photo}")
