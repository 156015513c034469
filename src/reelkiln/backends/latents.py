"""Latents on the disk: what denoising made, kept until it is decoded.

One safetensors file per segment: numbers and short texts, nothing that could run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelkiln.errors import RenderFailed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Latents", "load_latents", "save_latents"]


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """One denoised segment, before it is decoded: plain arrays in host memory.

    `tensors` maps a name to an array; floats are float32 (or wider), which holds every float16 and
    bfloat16 exactly, so that a file read back decodes to the same pixels. `about` holds what else
    the family needs to decode, as text. Only the family that made them knows their shapes.
    """

    tensors: Mapping[str, NDArray[Any]]
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def finite(self) -> bool:
        """Whether every number is one: latents that are not need not be decoded."""
        import numpy as np

        return all(bool(np.isfinite(array).all()) for array in self.tensors.values())

    def array(self, name: str) -> NDArray[np.float32]:
        """The tensor of that name.

        Raises:
            RenderFailed: there is none: the latents are of another family.
        """
        if name not in self.tensors:
            raise RenderFailed(
                f"the latents hold {', '.join(sorted(self.tensors)) or 'nothing'}, not {name}",
                hint="They are of another model family: denoise the segment again.",
            )
        return self.tensors[name]


def save_latents(latents: Latents, path: Path) -> None:
    """Write latents to `path`, whole or not at all, and durably.

    Raises:
        OSError: the system refused; the caller knows what the file is for.
    """
    import numpy as np
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in latents.tensors.items()}
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(save(arrays, metadata=dict(latents.about)))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load_latents(path: Path) -> Latents:
    """The latents that `save_latents` wrote, equal in every bit.

    Raises:
        RenderFailed: the file is missing, cut short or no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            about = dict(file.metadata() or {})
            names = file.keys()  # the only way that its class offers to list them
            tensors = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError, ValueError) as error:
        raise RenderFailed(
            f"the latents {path} cannot be read", hint="The segment must be denoised again."
        ) from error
    return Latents(tensors, about)
