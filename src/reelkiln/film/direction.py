"""Which way text runs: the levels of Unicode's bidirectional algorithm (UAX #9).

The steps are python-bidi's own. It keeps to the rules of before Unicode 6.3, so the one rule that
captions meet is added here: both brackets of a pair take one direction (N0). Embeddings, overrides
and isolates, which nobody can see in a file, are refused before (`text.clean`).
"""

from collections.abc import Sequence
from typing import Any

from bidi import algorithm

__all__ = ["base_level", "levels", "visual_order"]

_PAIRS = {")": "(", "]": "[", "}": "{", "⟩": "⟨", "」": "「", "』": "『", "】": "【"}
_STRONG = {"L": "L", "R": "R", "EN": "R", "AN": "R"}


def base_level(text: str) -> int:
    """0 where the first strong character runs left to right, or there is none; else 1."""
    return int(algorithm.get_base_level(text))


def levels(text: str, base: int) -> tuple[int, ...]:
    """The level of each character: even runs to the right, odd to the left.

    >>> levels("a 1 \u05d0 2", 0)
    (0, 0, 0, 0, 1, 1, 2)
    """
    storage: dict[str, Any] = algorithm.get_empty_storage()
    storage |= {"base_level": base, "base_dir": "LR"[base]}
    algorithm.get_embedding_levels(text, storage)
    for at, one in enumerate(storage["chars"]):
        one["at"] = at
    algorithm.explicit_embed_and_overrides(storage)
    algorithm.resolve_weak_types(storage)
    for run in storage["runs"]:
        end = run["start"] + run["length"]
        _pair_brackets(storage["chars"][run["start"] : end], run["sor"])
    algorithm.resolve_neutral_types(storage, False)
    algorithm.resolve_implicit_levels(storage, False)
    found: list[int | None] = [None] * len(text)
    for one in storage["chars"]:
        found[one["at"]] = one["level"]
    return _filled(found, base)


def visual_order(line: Sequence[int]) -> list[int]:
    """The indices of one line's runs or characters from left to right, by their levels (rule L2).

    >>> visual_order([1, 2, 2, 1])
    [3, 1, 2, 0]
    """
    order = list(range(len(line)))
    for level in range(max(line, default=0), 0, -1):
        start = 0
        while start < len(order):
            end = start
            while end < len(order) and line[order[end]] >= level:
                end += 1
            order[start:end] = order[start:end][::-1]
            start = end + 1
    return order


def _filled(found: Sequence[int | None], base: int) -> tuple[int, ...]:
    """Characters that the algorithm drops (joiners) stand with the one before."""
    filled, last = [], base
    for level in found:
        last = last if level is None else level
        filled.append(last)
    return tuple(filled)


def _pair_brackets(chars: list[dict[str, Any]], before: str) -> None:
    """Rule N0, on one run whose weak types are resolved."""
    for opening, closing in sorted(_bracket_pairs(chars)):
        ours = "LR"[chars[opening]["level"] % 2]
        inside = {_STRONG.get(one["type"]) for one in chars[opening + 1 : closing]} - {None}
        if not inside:
            continue
        direction = ours
        if ours not in inside:
            strong = (_STRONG.get(one["type"]) for one in reversed(chars[:opening]))
            context = next((kind for kind in strong if kind), before)
            direction = context if context != ours else ours
        chars[opening]["type"] = chars[closing]["type"] = direction


def _bracket_pairs(chars: list[dict[str, Any]]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    opened: list[tuple[str, int]] = []
    for at, one in enumerate(chars):
        if one["type"] != "ON":
            continue
        if one["ch"] in _PAIRS.values():
            opened.append((one["ch"], at))
        elif one["ch"] in _PAIRS:
            for depth in range(len(opened) - 1, -1, -1):
                if opened[depth][0] == _PAIRS[one["ch"]]:
                    pairs.append((opened[depth][1], at))
                    del opened[depth:]
                    break
    return pairs
