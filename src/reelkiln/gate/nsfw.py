"""Nudity in the picture. Needs the extra `nsfw` (nudenet, whose licence is AGPL-3.0: never part of
the default installation)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from reelkiln.errors import MissingLibrary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reelkiln.gate.view import Plane
    from reelkiln.reel import Clip

__all__ = ["Detector", "nsfw_marks", "open_detector"]

_NAKED = (
    "FEMALE_BREAST_EXPOSED",
    "FEMALE_GENITALIA_EXPOSED",
    "MALE_GENITALIA_EXPOSED",
    "BUTTOCKS_EXPOSED",
    "ANUS_EXPOSED",
)


class Detector(Protocol):
    """Finds parts of bodies in one RGB picture, uint8 (height, width, 3)."""

    def __call__(self, picture: Plane) -> Sequence[Mapping[str, Any]]:
        """Findings with `class` and `score` (0 to 1), named as nudenet names them."""
        ...


def open_detector() -> Detector:
    """The detector of the extra `nsfw`; its weights travel in the wheel.

    Raises:
        MissingLibrary: the extra is not installed.
    """
    try:
        from nudenet import NudeDetector  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingLibrary(
            "looking for nudity needs the extra `nsfw`",
            hint="Read its licence (AGPL-3.0), then run `pip install reelkiln[nsfw]`.",
        ) from error
    engine: Any = NudeDetector()

    def detect(picture: Plane) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = engine.detect(np.ascontiguousarray(picture[..., ::-1]))
        return found

    return detect


def nsfw_marks(clip: Clip, detector: Detector | None) -> dict[str, float]:
    """`nsfw`: the greatest certainty (0 to 1) of naked skin in three frames. No detector or no
    frames: empty, not measured."""
    if detector is None or not len(clip.frames):
        return {}
    places = sorted({0, len(clip.frames) // 2, len(clip.frames) - 1})
    sure = [
        float(finding["score"])
        for at in places
        for finding in detector(clip.frames[at])
        if finding["class"] in _NAKED
    ]
    return {"nsfw": max(sure, default=0.0)}
