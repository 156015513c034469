"""Texts with slots: `{product.colour}` is replaced, `{{` and `}}` are braces, no more."""

import re
from collections.abc import Callable

__all__ = ["mended", "replace", "slots_in", "told", "wrong_braces"]

_PIECE = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?)\}|[{}]")


def wrong_braces(text: str) -> str | None:
    """What is wrong with the braces of a text, or None.

    >>> wrong_braces("a {product.colour} jar on {{stone}}") is None
    True
    >>> wrong_braces("a {Product Colour} jar")
    'a brace that is no slot at character 3: write {name}, or {{ for a brace'
    """
    for piece in _PIECE.finditer(text):
        if piece.group() in "{}":
            at = piece.start() + 1
            return f"a brace that is no slot at character {at}: write {{name}}, or {{{{ for a brace"
    return None


def slots_in(text: str) -> tuple[str, ...]:
    """The slots' names in order, each once.

    >>> slots_in("{light} on a {product.kind}, {light}")
    ('light', 'product.kind')
    """
    names = [piece.group(1) for piece in _PIECE.finditer(text) if piece.group(1)]
    return tuple(dict.fromkeys(names))


def replace(text: str, value: Callable[[str], str]) -> str:
    """The text with every slot replaced by `value(name)`; values are never read for slots again."""
    doubled = {"{{": "{", "}}": "}"}

    def put(piece: re.Match[str]) -> str:
        name = piece.group(1)
        return value(name) if name else doubled.get(piece.group(), piece.group())

    return _PIECE.sub(put, text)


_ARTICLE = re.compile(r"\b([Aa])n? (?=([A-Za-z]+))")
_LIKE_YOU = re.compile(r"(?:uni(?!n)|use|usu|eu|one\b|once\b|ubi)", re.IGNORECASE)
_SILENT_H = re.compile(r"(?:hour|honest|heir)", re.IGNORECASE)


def mended(text: str) -> str:
    """A filled text as a person would write it: one space between words, "an" before a vowel.

    >>> mended("A amber bottle on an  blue stone, an hour before a unique dawn")
    'An amber bottle on a blue stone, an hour before a unique dawn'
    """

    def article(found: re.Match[str]) -> str:
        word = found.group(2)
        vowel = word[0].lower() in "aeiou" and not _LIKE_YOU.match(word)
        return f"{found.group(1)}n " if vowel or _SILENT_H.match(word) else f"{found.group(1)} "

    joined = re.sub(r"\s+", " ", text).strip()
    return re.sub(r" ([,.;:!?])", r"\1", _ARTICLE.sub(article, joined))


def told(text: str) -> str:
    """A mended text whose sentences begin with a capital letter.

    >>> told("a jar stands alone. rose petals fall.")
    'A jar stands alone. Rose petals fall.'
    """
    return re.sub(r"(^|[.!?] )([a-z])", lambda found: found[1] + found[2].upper(), mended(text))
