"""Dialects: the same shot in the words that each family of models understands.

- "tags" for Stable Diffusion 1.5: short phrases, the important ones first, some weighted.
- "paragraph" for LTX-Video: one paragraph that tells the shot in the order in which it happens.
- "grammar" for spark: one plain sentence.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reelkiln.script.lengths import token_count
from reelkiln.script.slots import mended, replace, told
from reelkiln.script.template import Negative, Variant

__all__ = ["DIALECTS", "NEGATIVES", "Dialect", "Wording", "word"]

Dialect: TypeAlias = Literal["tags", "paragraph", "grammar"]

DIALECTS: dict[Dialect, int] = {"tags": 77, "paragraph": 128, "grammar": 77}
"""Each dialect and its text encoder's length in tokens, begin and end marks included."""

NEGATIVES: dict[Dialect, str] = {
    "tags": "worst quality, low quality, blurry, text, letters, watermark, logo, signature, "
    "deformed, extra objects, jpeg artifacts, flicker",
    "paragraph": "worst quality, inconsistent motion, blurry, jittery, distorted, text, watermark",
    "grammar": "",
}
"""What no shot wants to see. LTX's is the one its documentation recommends, and our two words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A prompt in one dialect, within its encoder's length.

    `tokens` counts the prompt's (an upper estimate). `cut` holds what did not fit, in order.
    """

    dialect: Dialect
    prompt: str
    negative: str
    tokens: int
    cut: tuple[str, ...] = ()


def word(
    variant: Variant,
    negative: Negative,
    value: Callable[[str], str],
    dialect: Dialect,
    limit: int | None = None,
) -> Wording:
    """Write a variant in a dialect; what does not fit is cut from the end and said.

    Args:
        value: a slot's name to its filling.
        limit: the encoder's length in tokens; default: the dialect's own.
    """
    most = limit or DIALECTS[dialect]
    pieces, joint = _pieces(variant, value, dialect)
    kept, cut = _fit(pieces, joint, dialect, most)
    own = {"tags": negative.tags, "paragraph": negative.paragraph}.get(dialect)
    extra = mended(replace(own, value)) if own else ""
    prompt = joint.join(kept)
    return Wording(
        dialect=dialect,
        prompt=prompt,
        negative=", ".join(part for part in (NEGATIVES[dialect], extra) if part),
        tokens=token_count(prompt, dialect),
        cut=cut,
    )


def _pieces(
    variant: Variant, value: Callable[[str], str], dialect: Dialect
) -> tuple[list[str], str]:
    """The parts that may be cut, most important first, and what joins them."""
    if dialect == "tags":
        return [mended(replace(tag, value)) for tag in variant.tags], ", "
    if dialect == "paragraph":
        paragraph = told(replace(variant.paragraph, value))
        return re.split(r"(?<=[.!?]) (?=[A-Z])", paragraph), " "
    scene = variant.scene
    subject, motion, background, light = (
        mended(replace(text, value))
        for text in (scene.subject, scene.motion, scene.background, scene.light)
    )
    surface = mended(replace(scene.surface, value)) if scene.surface else ""
    sentence = f"a {subject} {motion} {surface} on a {background} background"
    return [mended(sentence), light], ", "


def _fit(
    pieces: list[str], joint: str, dialect: Dialect, most: int
) -> tuple[list[str], tuple[str, ...]]:
    """As many pieces from the front as fit, at least one; the rest was cut."""
    for end in range(len(pieces), 1, -1):
        if token_count(joint.join(pieces[:end]), dialect) <= most:
            return pieces[:end], tuple(pieces[end:])
    return pieces[:1], tuple(pieces[1:])
