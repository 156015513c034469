"""Files that a card names and its repository does not hold: which, and what is there instead.

The libraries call another precision of the same weights a variant and put its name before the
ending: `unet/diffusion_pytorch_model.fp16.safetensors`. Most repositories publish none.
"""

from __future__ import annotations

import re

from reelkiln.errors import WeightsMissing
from reelkiln.models.hub import Hub, HubFile, Pinned, find_files

__all__ = ["list_files", "variant_of"]

_VARIANT = re.compile(
    r"(?P<stem>(?:.*/)?[\w-]+)\.(?P<name>[a-z]\w*?)(?P<rest>(-\d+-of-\d+)?\.safetensors)"
)


def list_files(hub: Hub, at: Pinned, paths: tuple[str, ...]) -> tuple[HubFile, ...]:
    """Size and hash of each path at a commit, in the order asked.

    Raises:
        HubUnreachable: no answer, or not the hub's.
        WeightsMissing: a path is not there; the message names the first, details name all, and a
            variant that does not exist is called one.
    """
    found = find_files(hub, at, paths)
    missing = tuple(path for path in paths if path not in found)
    if missing:
        raise _absent(hub, at, missing)
    return tuple(found[path] for path in paths)


def variant_of(path: str) -> tuple[str, str] | None:
    """The variant that a path names and the path without it; None for a plain path.

    >>> variant_of("unet/diffusion_pytorch_model.fp16.safetensors")
    ('fp16', 'unet/diffusion_pytorch_model.safetensors')
    >>> variant_of("text_encoder/model.fp16-00001-of-00002.safetensors")
    ('fp16', 'text_encoder/model-00001-of-00002.safetensors')
    >>> variant_of("ltx-video-2b-v0.9.safetensors")
    """
    found = _VARIANT.fullmatch(path)
    return (found["name"], found["stem"] + found["rest"]) if found else None


def _absent(hub: Hub, at: Pinned, missing: tuple[str, ...]) -> WeightsMissing:
    details = tuple(f"missing: {path}" for path in missing) if len(missing) > 1 else ()
    variants = {path: named for path in missing if (named := variant_of(path))}
    plain = find_files(hub, at, tuple(path for _, path in variants.values())) if variants else {}
    for path, (name, without) in variants.items():
        if without in plain:
            return WeightsMissing(
                f"{at.repo} has no variant {name!r}: there is {without}, and no {path}",
                hint=f"Name {without} in the card: weights are cast when they are loaded,"
                " a variant is not needed for that.",
                details=details,
            )
    return WeightsMissing(
        f"{at.repo} has no file {missing[0]} at {at.commit[:7]}",
        hint=f"Compare the card's list of files with {hub.endpoint}/{at.repo}/tree/{at.commit}.",
        details=details,
    )
