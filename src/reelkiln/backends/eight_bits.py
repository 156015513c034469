"""Linear layers whose weights lie in 8 bits and compute in 16: half the memory, the same inputs.

The library has casting of its own, which moves each whole module to the computing type before its
call and back after it. Two conversions and an allocation per layer cost more than half of a step on
a fast GPU (0.91 s for 0.42 s over 8 steps of LTX); here the weight is read in 8 bits, widened where
it is used and forgotten.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

__all__ = ["is_narrow", "keep_narrow", "narrow_names"]


def narrow_names(network: Any, within: str) -> frozenset[str]:
    """The weights that may lie in 8 bits: those of linear layers inside the child `within`.

    What stands outside the blocks (projections in and out, time and caption embeddings, norms) is
    small and loses most: it keeps its width.
    """
    import torch

    return frozenset(
        f"{name}.weight"
        for name, module in network.named_modules()
        if name.startswith(f"{within}.") and isinstance(module, torch.nn.Linear)
    )


def is_narrow(network: Any) -> bool:
    """Whether a network holds 8-bit weights and widens them itself."""
    return any(value.element_size() == 1 for value in network.parameters())


def keep_narrow(network: Any) -> None:
    """Teach the linear layers whose weights are 8-bit floats to widen them as they compute."""
    import torch

    for module in network.modules():
        if isinstance(module, torch.nn.Linear) and module.weight.element_size() == 1:
            module.forward = MethodType(_widened, module)


def _widened(layer: Any, given: Any) -> Any:
    import torch

    return torch.nn.functional.linear(given, layer.weight.to(given.dtype), layer.bias)
