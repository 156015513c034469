"""How many tokens a text costs, from above, without the encoders' vocabularies.

CLIP and T5 break rare words into pieces, so an exact count needs files that come with the weights.
These formulas count at least as much as the real tokenizers on every prompt that the starter
templates make (checked against CLIP's own vocabulary: `benchmarks/token_lengths.py`).
"""

import re
from math import ceil

__all__ = ["token_count", "unweighted"]

_WEIGHT = re.compile(r"\(([^():]+):[0-9.]+\)")
_WORD = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_")


def token_count(text: str, dialect: str) -> int:
    """Tokens of a text, with the encoder's begin and end marks; weights like `(x:1.2)` are free.

    A word costs one token for its first 5 letters (T5: 4) and one for each 3 further ones; letters
    outside ASCII cost two each; digits and signs cost one each.
    """
    first = 4 if dialect == "paragraph" else 5
    plain = unweighted(text)
    marks = 1 if dialect == "paragraph" else 2
    return marks + sum(_word_cost(word, first) for word in _WORD.findall(plain))


def unweighted(text: str) -> str:
    """A prompt without its weights.

    >>> unweighted("(amber jar:1.3), soft light")
    'amber jar, soft light'
    """
    return _WEIGHT.sub(r"\1", text)


def _word_cost(word: str, first: int) -> int:
    if not word.isascii():
        return 2 * len(word)
    return 1 + max(0, ceil((len(word) - first) / 3))
