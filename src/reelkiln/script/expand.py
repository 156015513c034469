"""Templates times products: every shot that a template can tell, reproducibly.

The same template, product, number and seed give the same words on every machine: choices are drawn
with SHA-256 over their names, never with the interpreter's own randomness.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from reelkiln.plan.card import Card
from reelkiln.reel import ASPECTS, Shot
from reelkiln.script.brand import Brand
from reelkiln.script.dialects import DIALECTS, Dialect, Wording, word
from reelkiln.script.products import Product
from reelkiln.script.slots import replace
from reelkiln.script.template import Slot, Template, Variant

__all__ = ["PRODUCT_SLOTS", "Scripted", "expand", "to_shot"]

PRODUCT_SLOTS = (
    "product.name", "product.kind", "product.colour", "product.colours", "product.ingredient",
    "product.ingredients", "product.benefit", "brand.name", "brand.tone",
)  # fmt: skip
"""The slots that every template has."""

_TRIES = 64
"""So often a number is drawn again before a template counts as told out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """One shot in words, not yet bound to a model: a prompt for each dialect.

    `number` counts from 0 within template and product; `seed` is the shot's own (0 to 2**32 - 1);
    `needs_tick` says that a reviewer must confirm the effect that the picture shows. `image` is the
    path of the picture that the shot begins from.
    """

    template: str
    variant: str
    product: str
    number: int
    seed: int
    seconds: Fraction
    aspect: str
    needs_tick: bool
    wordings: Mapping[Dialect, Wording]
    image: str | None = None

    @property
    def name(self) -> str:
        """What files of this shot are called."""
        return f"{self.product}-{self.template}-{self.number + 1:02d}"


def expand(
    template: Template,
    product: Product,
    brand: Brand,
    lists: Mapping[str, tuple[str, ...]],
    *,
    count: int,
    seed: int = 0,
    only: str | None = None,
) -> tuple[Scripted, ...]:
    """`count` shots of a template for a product, no two with the same words.

    Variants are taken in turn, each product beginning with another one. Where slots allow fewer
    different shots than asked, fewer are returned.

    Args:
        lists: word lists by name, the package's and the workspace's.
        seed: another seed gives other choices.
        only: the name of the one variant to use.
    """
    variants = [v for v in template.variants if only in (None, v.name) and _suits(v, product)]
    first = _draw(len(variants), seed, template.template, product.sku, "first variant")
    told: set[tuple[str, ...]] = set()
    shots: list[Scripted] = []
    for number in range(count if variants else 0):
        variant = variants[(first + number) % len(variants)]
        for attempt in range(_TRIES):
            filler = _Filler(template, product, brand, lists, (seed, number, attempt))
            words = {
                dialect: word(variant, template.negative, filler.value, dialect)
                for dialect in DIALECTS
            }
            key = tuple(wording.prompt for wording in words.values())
            if key not in told:
                told.add(key)
                draw = _draw(2**32, seed, template.template, product.sku, number, "seed")
                shots.append(_scripted(template, variant, product.sku, words, (number, draw)))
                break
    return tuple(shots)


def to_shot(scripted: Scripted, card: Card, *, preset: str | None = None) -> tuple[Shot, Wording]:
    """A scripted shot as a shot of one model, in the dialect that the model's card names."""
    wording = scripted.wordings[card.dialect]
    shot = Shot(
        prompt=wording.prompt,
        negative=wording.negative,
        seconds=scripted.seconds,
        size=ASPECTS[scripted.aspect],
        seed=scripted.seed,
        model=card.name,
        preset=preset or card.default_preset,
        image=scripted.image,
    )
    return shot, wording


def _suits(variant: Variant, product: Product) -> bool:
    kind = product.kind.casefold()
    return not variant.suits or any(word.casefold() in kind for word in variant.suits)


def _scripted(
    template: Template,
    variant: Variant,
    sku: str,
    words: Mapping[Dialect, Wording],
    turn: tuple[int, int],
) -> Scripted:
    number, seed = turn
    return Scripted(
        template=template.template,
        variant=variant.name,
        product=sku,
        number=number,
        seed=seed,
        seconds=Fraction(str(template.seconds)),
        aspect=template.aspect,
        needs_tick=template.shows_effect,
        wordings=words,
    )


class _Filler:
    """Fills one shot's slots, each slot once, so that all dialects tell the same."""

    def __init__(
        self,
        template: Template,
        product: Product,
        brand: Brand,
        lists: Mapping[str, tuple[str, ...]],
        turn: tuple[int, int, int],
    ) -> None:
        self._template, self._lists = template, lists
        self._names = (template.template, product.sku, *turn)
        self._known = dict(_given(product, brand, self._choose))

    def value(self, name: str) -> str:
        """A slot's filling; entries that hold slots themselves are filled in turn."""
        if name not in self._known:
            self._known[name] = replace(self._drawn(name), self.value)
        return self._known[name]

    def _drawn(self, name: str) -> str:
        slot = self._template.slots[name]
        if slot.range:
            low, high = slot.range
            return str(low + _draw(high - low + 1, *self._names, name))
        return self._choose(entries_of(slot, self._lists), name)

    def _choose(self, entries: tuple[str, ...], name: str) -> str:
        return entries[_draw(len(entries), *self._names, name)] if entries else ""


def entries_of(slot: Slot, lists: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """What a slot can be, as written; empty for a range or an unknown list."""
    return slot.choose or (lists.get(slot.words, ()) if slot.words else ())


def _given(
    product: Product, brand: Brand, choose: Callable[[tuple[str, ...], str], str]
) -> Mapping[str, str]:
    return {
        "product.name": product.name,
        "product.kind": product.kind,
        "product.colour": product.colours[0] if product.colours else "",
        "product.colours": " and ".join(product.colours),
        "product.ingredient": choose(product.ingredients, "product.ingredient"),
        "product.ingredients": " and ".join(product.ingredients),
        "product.benefit": product.word("benefit", brand.languages[0]) or "",
        "brand.name": brand.name,
        "brand.tone": brand.tone,
    }


def _draw(below: int, *names: object) -> int:
    """A number from 0 to `below` - 1 that depends on the names alone (SHA-256, 64 bits)."""
    digest = hashlib.sha256("\x1f".join(map(str, names)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % max(1, below)
