"""Claims that must not be made: the brand's own, and medical ones that no cosmetic may make.

The built-in list follows the line that regulation (EC) No 1223/2009, article 2, and the FDA's page
"Is It a Cosmetic, a Drug, or Both?" draw: a cosmetic cleans, perfumes, protects or changes the
look; it does not treat, cure or prevent disease. It is a net with wide meshes, not legal advice.
"""

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["MEDICAL", "banned_in", "shows_before_after"]

MEDICAL = (
    "cures", "heals", "treats acne", "treats eczema", "treats psoriasis", "treats rosacea",
    "prevents cancer", "kills bacteria", "clinically proven to cure", "medical grade",
    "fda approved", "repairs dna", "regrows hair", "removes scars", "permanently removes",
    "erases wrinkles", "eliminates wrinkles", "reverses aging", "reverses ageing", "replaces botox",
    "works like botox", "guaranteed results", "no side effects", "100% safe", "miracle cure",
)  # fmt: skip
"""Phrases refused in captions, calls to action and hashtags of every brand."""

_BEFORE_AFTER = re.compile(r"\bbefore\s*(?:[-/&+]|and|to|vs\.?|versus|\|)*\s*after\b")


def _plain(text: str) -> str:
    """Lower case, compatibility forms folded, every run of other characters one space."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " " + re.sub(r"[^\w%]+", " ", folded).strip() + " "


def banned_in(text: str, claims: Iterable[str]) -> tuple[str, ...]:
    """The claims that stand in `text` as whole words; a hashtag counts without its spaces too.

    >>> banned_in("Cures   ACNE overnight", ["cures acne"])
    ('cures acne',)
    >>> banned_in("#CuresAcne", ["cures acne"]), banned_in("secures acne-prone skin", ["cures"])
    (('cures acne',), ())
    """
    shown = _plain(text)
    joined = {word for word in shown.split() if "#" in text}
    found = []
    for claim in claims:
        wanted = _plain(claim)
        if wanted.strip() and (wanted in shown or wanted.replace(" ", "") in joined):
            found.append(claim)
    return tuple(found)


def shows_before_after(text: str) -> bool:
    """Whether a prompt asks for a before-and-after picture, which is always refused.

    >>> shows_before_after("a before/after split of her skin"), shows_before_after("before dawn")
    (True, False)
    """
    return bool(_BEFORE_AFTER.search(unicodedata.normalize("NFKC", text).casefold()))
