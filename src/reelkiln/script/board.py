"""A storyboard told for one product in one language: its shots in order and the words on them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from reelkiln.script.brand import Brand
from reelkiln.script.claims import MEDICAL, banned_in
from reelkiln.script.expand import Scripted, expand
from reelkiln.script.faults import Fault, Place, refuse
from reelkiln.script.products import Product
from reelkiln.script.slots import mended
from reelkiln.script.slots import replace as fill
from reelkiln.script.storyboard import Storyboard, StoryboardShot, Transition, shown
from reelkiln.script.workspace import Workspace, pick

__all__ = ["BoardShot", "ToldBoard", "tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardShot:
    """One shot of a reel: what is rendered, what is written on it, how it begins.

    `crossfade` is in seconds, 0 for a cut.
    """

    scripted: Scripted
    caption: str | None
    crossfade: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldBoard:
    """A storyboard with every word filled in. The takes do not depend on the language."""

    storyboard: str
    product: str
    language: str
    shots: tuple[BoardShot, ...]
    headline: str | None
    call_to_action: str | None
    hashtags: str | None

    @property
    def seconds(self) -> Fraction:
        """The length of the shots, cross-fades overlapping, without the end card."""
        return sum((s.scripted.seconds - s.crossfade for s in self.shots), Fraction(0))


def tell(space: Workspace, board: Storyboard, sku: str, *, language: str, seed: int) -> ToldBoard:
    """A storyboard for a product in a language.

    The same template twice in one board gives two different shots.

    Raises:
        UnknownName: there is no such product.
        ScriptError: a text or value lacks this language, or says what must not be claimed.
    """
    teller = _Teller(space, board, sku, language, seed)
    shots = tuple(teller.shot(number, shot) for number, shot in enumerate(board.shots))
    card = board.end_card
    told = ToldBoard(
        storyboard=board.storyboard,
        product=sku,
        language=language,
        shots=shots,
        headline=teller.words(card.headline, "headline") if card else None,
        call_to_action=teller.words(card.call_to_action, "call_to_action") if card else None,
        hashtags=teller.product.word("hashtags", language) if card and card.hashtags else None,
    )
    refuse([*teller.faults, *_claims(told, space.brand, teller.place)])
    return told


class _Teller:
    def __init__(
        self, space: Workspace, board: Storyboard, sku: str, language: str, seed: int
    ) -> None:
        self.space, self.language, self.seed = space, language, seed
        self.product = pick("product", sku, space.products)
        self.place = Place(f"storyboards/{board.storyboard}.yaml")
        self.faults: list[Fault] = []
        self._used: dict[tuple[str, str], int] = {}

    def shot(self, number: int, shot: StoryboardShot) -> BoardShot:
        product = self.space.products[shot.product] if shot.product else self.product
        key = (shot.template, product.sku)
        nth = self._used[key] = self._used.get(key, 0) + 1
        found = expand(
            self.space.templates[shot.template],
            product,
            self.space.brand,
            self.space.lists,
            count=nth,
            seed=self.seed,
            only=shot.variant,
        )
        if len(found) < nth:
            said = f"shot {number + 1}: {shot.template} has no further telling for {product.sku}"
            self.faults.append(Fault(self.place, said, "take another template or variant"))
        scripted = found[-1] if found else _nothing(self.space, shot, product)
        if shot.seconds:
            scripted = replace(scripted, seconds=Fraction(str(shot.seconds)))
        if shot.seed is not None:
            scripted = replace(scripted, seed=shot.seed)
        if shot.image:
            scripted = replace(scripted, image=str((self.space.folder / shot.image).absolute()))
        fade = shot.transition.crossfade if isinstance(shot.transition, Transition) else 0
        return BoardShot(
            scripted=scripted,
            caption=self.words(shot.caption, f"caption of shot {number + 1}", product),
            crossfade=Fraction(str(fade)),
        )

    def words(
        self,
        words: str | Mapping[str, str] | None,
        what: str,
        product: Product | None = None,
    ) -> str | None:
        """A shown text in this language with its slots filled."""
        if words is None:
            return None
        text = shown(words, self.language)
        if text is None:
            said = f"the {what} has no words in {self.language}"
            self.faults.append(Fault(self.place, said, f"add a line {self.language}:"))
            return None
        values = _values(product or self.product, self.space.brand, self.language)
        return mended(fill(text, lambda name: values.get(name, "")))


def _values(product: Product, brand: Brand, language: str) -> Mapping[str, str]:
    return {
        "product.name": product.word("name", language) or product.name,
        "product.kind": product.kind,
        "product.colour": product.colours[0] if product.colours else "",
        "product.colours": " and ".join(product.colours),
        "product.ingredient": product.ingredients[0] if product.ingredients else "",
        "product.ingredients": ", ".join(product.ingredients),
        "product.benefit": product.word("benefit", language) or "",
        "brand.name": brand.name,
        "brand.tone": brand.tone,
    }


def _claims(told: ToldBoard, brand: Brand, place: Place) -> Iterator[Fault]:
    """Claims that only stand there once the slots are filled."""
    banned = (*MEDICAL, *brand.banned_claims)
    texts = [shot.caption for shot in told.shots]
    for text in (*texts, told.headline, told.call_to_action, told.hashtags):
        for claim in banned_in(text or "", banned):
            yield Fault(place, f"{text!r} claims: {claim}", "reword it")


def _nothing(space: Workspace, shot: StoryboardShot, product: Product) -> Scripted:
    """A stand-in for a shot that cannot be told; the fault beside it refuses the whole board."""
    template = space.templates[shot.template]
    return Scripted(
        template=shot.template,
        variant="",
        product=product.sku,
        number=0,
        seed=0,
        seconds=Fraction(str(template.seconds)),
        aspect=template.aspect,
        needs_tick=False,
        wordings={},
    )
