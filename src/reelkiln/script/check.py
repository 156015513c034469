"""What is wrong between files: unknown slots, missing values, claims, shots that are the same."""

from collections.abc import Collection, Iterator, Mapping

from reelkiln.script.claims import banned_in, shows_before_after
from reelkiln.script.document import Document, Loc
from reelkiln.script.expand import PRODUCT_SLOTS, entries_of
from reelkiln.script.faults import Fault, Place, nearest
from reelkiln.script.products import Product
from reelkiln.script.slots import slots_in
from reelkiln.script.storyboard import Storyboard, StoryboardShot
from reelkiln.script.template import Template

__all__ = ["check_claims", "check_products", "check_storyboard", "check_template"]

Lists = Mapping[str, tuple[str, ...]]


def check_template(template: Template, document: Document, lists: Lists) -> Iterator[Fault]:
    """Unknown slots and lists, cycles between slots, twins among variants, before-and-after."""
    known = {*PRODUCT_SLOTS, *template.slots}
    for loc, text in _texts(template):
        yield from _unknown(text, known, document.place(loc))
        if shows_before_after(text):
            said = "before-and-after pictures are refused"
            yield Fault(document.place(loc), said, "show the product or the feeling instead")
    for name, slot in template.slots.items():
        place = document.place(("slots", name))
        if slot.words and slot.words not in lists:
            said = f"no word list is called {slot.words}"
            yield Fault(place, said, nearest(slot.words, lists))
        for entry in entries_of(slot, lists) if slot.words else ():
            yield from _unknown(entry, known, place)
    yield from _cycles(template, document, lists)
    yield from _twins(template, document)


def _unknown(text: str, known: Collection[str], place: Place) -> Iterator[Fault]:
    for name in slots_in(text):
        if name not in known:
            yield Fault(place, f"no slot is called {name}", nearest(name, known))


def check_products(template: Template, products: tuple[Product, ...]) -> Iterator[Fault]:
    """Products that lack a value which a template shows."""
    used = {name for _, text in _texts(template) for name in slots_in(text)}
    for product in products:
        has = {
            "product.colour": product.colours, "product.colours": product.colours,
            "product.ingredient": product.ingredients, "product.ingredients": product.ingredients,
            "product.benefit": product.words.get("", {}).get("benefit"),
        }  # fmt: skip
        for name in sorted(used & has.keys()):
            if not has[name]:
                column = _COLUMN[name]
                place = product.row.place(column) if product.row else Place("products.csv")
                said = f"{product.sku} has no {column}, which template {template.template} shows"
                yield Fault(place, said)


_COLUMN = {
    "product.colour": "colours", "product.colours": "colours", "product.ingredient": "ingredients",
    "product.ingredients": "ingredients", "product.benefit": "benefit",
}  # fmt: skip


def check_claims(products: tuple[Product, ...], banned: tuple[str, ...]) -> Iterator[Fault]:
    """Banned claims in the shown words of the product table."""
    for product in products:
        for language, words in product.words.items():
            for name, text in words.items():
                column = f"{name}.{language}".lower() if language else name
                for claim in banned_in(text, banned):
                    place = product.row.place(column) if product.row else Place("products.csv")
                    yield Fault(place, f"{column} of {product.sku} claims: {claim}", "reword it")


def check_storyboard(
    board: Storyboard,
    document: Document,
    templates: Mapping[str, Template],
    products: Mapping[str, Product],
    banned: tuple[str, ...],
) -> Iterator[Fault]:
    """Unknown templates, variants and products; banned claims and unknown slots in shown words."""
    for number, shot in enumerate(board.shots):
        at: Loc = ("shots", number)
        yield from _template_faults(shot, at, document, templates)
        if shot.product and shot.product not in products:
            said = f"no product has the sku {shot.product}"
            yield Fault(document.place((*at, "product")), said, nearest(shot.product, products))
    for loc, text in _shown(board):
        yield from _unknown(text, PRODUCT_SLOTS, document.place(loc))
        for claim in banned_in(text, banned):
            yield Fault(document.place(loc), f"claims: {claim}", "reword it")


def _template_faults(
    shot: StoryboardShot, at: Loc, document: Document, templates: Mapping[str, Template]
) -> Iterator[Fault]:
    template = templates.get(shot.template)
    if template is None:
        said = f"no template is called {shot.template}"
        yield Fault(document.place((*at, "template")), said, nearest(shot.template, templates))
    elif shot.variant and shot.variant not in (names := [v.name for v in template.variants]):
        said = f"{shot.template} has no variant {shot.variant}"
        yield Fault(document.place((*at, "variant")), said, nearest(shot.variant, names))


def _shown(board: Storyboard) -> Iterator[tuple[Loc, str]]:
    """Every text that a viewer reads, with its place."""
    for number, shot in enumerate(board.shots):
        yield from _words(("shots", number, "caption"), shot.caption)
    if board.end_card:
        yield from _words(("end_card", "headline"), board.end_card.headline)
        yield from _words(("end_card", "call_to_action"), board.end_card.call_to_action)


def _words(loc: Loc, words: str | Mapping[str, str] | None) -> Iterator[tuple[Loc, str]]:
    if isinstance(words, str):
        yield loc, words
    elif words:
        for language, text in words.items():
            yield (*loc, language), text


def _texts(template: Template) -> Iterator[tuple[Loc, str]]:
    """Every text of a template that may hold slots, with its place."""
    for number, variant in enumerate(template.variants):
        at: Loc = ("variants", number)
        yield (*at, "paragraph"), variant.paragraph
        for index, tag in enumerate(variant.tags):
            yield (*at, "tags", index), tag
        for name in ("subject", "motion", "surface", "background", "light"):
            yield (*at, "scene", name), getattr(variant.scene, name) or ""
    for name, slot in template.slots.items():
        for index, entry in enumerate(slot.choose or ()):
            yield ("slots", name, "choose", index), entry
    for dialect in ("tags", "paragraph"):
        yield ("negative", dialect), getattr(template.negative, dialect) or ""


def _cycles(template: Template, document: Document, lists: Lists) -> Iterator[Fault]:
    """Slots that need each other in a circle: filling them would never end."""
    needs = {
        name: {n for entry in entries_of(slot, lists) for n in slots_in(entry)}
        & set(template.slots)
        for name, slot in template.slots.items()
    }
    settled: set[str] = set()
    for name in needs:
        if circle := _circle(name, needs, settled, ()):
            said = f"slots need each other: {' > '.join(circle)}"
            yield Fault(document.place(("slots", circle[0])), said, "remove one of them")


def _circle(
    name: str, needs: Mapping[str, set[str]], settled: set[str], way: tuple[str, ...]
) -> tuple[str, ...]:
    if name in way:
        return (*way[way.index(name) :], name)
    if name in settled:
        return ()
    for inner in sorted(needs[name]):
        if circle := _circle(inner, needs, settled, (*way, name)):
            settled.add(name)
            return circle
    settled.add(name)
    return ()


def _twins(template: Template, document: Document) -> Iterator[Fault]:
    names: dict[str, int] = {}
    told: dict[str, str] = {}
    for number, variant in enumerate(template.variants):
        place = document.place(("variants", number, "name"))
        if variant.name in names:
            yield Fault(place, f"variant {variant.name} stands here twice")
        if variant.paragraph in told:
            yield Fault(place, f"tells the same as variant {told[variant.paragraph]}")
        names.setdefault(variant.name, number)
        told.setdefault(variant.paragraph, variant.name)
