"""Reading one part of a model from a local folder, whole or not at all. Never the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reelkiln.backends.weights import Part
from reelkiln.errors import WeightsBroken

__all__ = ["load_part"]


def load_part(kind: Any, root: Path, part: Part, dtype: str, model: str) -> Any:
    """A network of the class `kind` in host memory, in `dtype`, ready to infer.

    Raises:
        WeightsBroken: a tensor is missing or of another shape. The libraries fill such a tensor
            with random numbers and say so in a log.
    """
    import torch

    network, told = kind.from_pretrained(
        root / part.folder,
        dtype=getattr(torch, dtype),
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
    )
    lost = sorted(str(key) for key in {*told["missing_keys"], *told["mismatched_keys"]})
    if lost:
        raise WeightsBroken(
            f"{root / part.folder} lacks {len(lost)} tensors of a {part.class_name}: {lost[0]}",
            hint=f"Fetch it again with `reelkiln models pull {model}`.",
        )
    return network.eval().requires_grad_(False)
