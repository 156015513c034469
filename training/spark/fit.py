"""Fitting a network: one flat parameter, a captured step, an average of weights, many GPUs.

All parameters of a network become views of one tensor. So the gradient is one tensor to average
over GPUs, the optimiser has one parameter, the running average is one `lerp_`, and a checkpoint is
four tensors. On CUDA the forward and backward pass is captured once as a graph and replayed: the
networks are so small that launching their kernels one by one would cost more than running them.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist
from torch import nn

__all__ = ["Clock", "Fit", "Place", "Step", "amp", "is_first", "log", "world"]


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this process writes files and lines."""
    return not dist.is_initialized() or dist.get_rank() == 0


def log(*words: object) -> None:
    """One line from the first process."""
    if is_first():
        print(time.strftime("%H:%M:%S"), *words, flush=True)


def amp(device: torch.device) -> torch.autocast:
    """bfloat16 arithmetic on a GPU, float32 on a CPU."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process works: its device, its number among those that train together, its folder."""

    device: torch.device
    rank: int
    work: Path


class Clock:
    """How much of a budget of minutes is spent, the same on every process.

    Processes may not disagree on when to stop, or the others would wait for the one that left.
    """

    def __init__(self, minutes: float, device: torch.device, steps: int | None = None) -> None:
        self.seconds, self.device, self.steps = minutes * 60, device, steps
        self.start, self.share, self.count = time.monotonic(), 0.0, 0

    def tick(self) -> bool:
        """Count a step; False when the budget is spent."""
        self.count += 1
        if self.steps is not None:
            self.share = self.count / self.steps
        elif self.count % 10 == 1:
            share = (time.monotonic() - self.start) / self.seconds
            agreed = torch.tensor(share, device=self.device)
            if dist.is_initialized():
                dist.broadcast(agreed, 0)
            self.share = agreed.item()
        return self.share < 1.0

    def lag(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start


class Fit:
    """A network being trained.

    On a GPU the network itself is held in bfloat16 and follows weights kept in float32: its norms
    and sums then move half the bytes that automatic casting would.

    Args:
        module: the network, on its device; its parameters become views of one flat tensor.
        rate: highest learning rate, reached after `warm` steps, falling as a cosine to 3 %.
        ema: how slowly the running average follows (it follows faster at the beginning).
        half: hold the network in bfloat16.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        rate: float,
        ema: float = 0.999,
        warm: int = 200,
        half: bool = False,
    ) -> None:
        self.module, self.rate, self.ema_rate, self.warm = module, rate, ema, warm
        exact = torch.cat([p.detach().float().flatten() for p in module.parameters()])
        if dist.is_initialized():
            dist.broadcast(exact, 0)
        if half:
            module.bfloat16()
        self.working = exact.to(next(module.parameters()).dtype)
        if self.working is exact:
            self.working = exact.clone()
        self.grad = torch.zeros_like(self.working)
        for p, piece, slope in zip(
            module.parameters(),
            _pieces(module, self.working),
            _pieces(module, self.grad),
            strict=True,
        ):
            p.data, p.grad = piece, slope
        self.values = nn.Parameter(exact)
        self.values.grad = torch.zeros_like(self.values)
        self.average = self.values.detach().clone()
        device = exact.device
        fused = device.type == "cuda"
        self.optimiser = torch.optim.AdamW(
            [self.values], lr=rate, betas=(0.9, 0.99), weight_decay=1e-3, fused=fused
        )
        self.steps = 0
        self.norm = torch.zeros((), device=device)

    def update(self, share: float, limit: float = 1.0) -> None:
        """Average the gradient over GPUs, clip it, step, and let the average follow."""
        grad = self.values.grad
        assert grad is not None  # noqa: S101  set in __init__
        grad.copy_(self.grad)
        self.grad.zero_()
        if dist.is_initialized():
            dist.all_reduce(grad, dist.ReduceOp.AVG)
        self.norm = grad.norm()
        grad.mul_((limit / self.norm.clamp(min=limit)).nan_to_num(0.0))
        grad.nan_to_num_(0.0)
        warm = min(1.0, (self.steps + 1) / self.warm)
        fall = 0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
        self.optimiser.param_groups[0]["lr"] = self.rate * warm * fall
        self.optimiser.step()
        self.steps += 1
        follow = min(self.ema_rate, (1 + self.steps) / (20 + self.steps))
        self.average.lerp_(self.values.detach(), 1 - follow)
        self.working.copy_(self.values.detach())

    def averaged(self) -> Any:
        """A copy of the network in float32, with the running average for weights."""
        copy = deepcopy(self.module).float()
        for p, piece in zip(copy.parameters(), _pieces(copy, self.average), strict=True):
            p.data.copy_(piece)
        return copy

    def save(self, path: Path, **facts: float) -> None:
        """Write weights, average and moments; nothing half-written under the final name."""
        from safetensors.torch import save_file  # noqa: PLC0415

        if not is_first():
            return
        state = self.optimiser.state.get(self.values, {})
        tensors = {"values": self.values.detach(), "average": self.average}
        tensors |= {k: state[k] for k in ("exp_avg", "exp_avg_sq", "step") if k in state}
        tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
        part = path.with_suffix(".part")
        save_file(tensors, part, {"facts": json.dumps({"steps": self.steps, **facts})})
        part.replace(path)

    def load(self, path: Path) -> dict[str, float]:
        """Go on from a checkpoint; returns the facts it was saved with."""
        from safetensors import safe_open  # noqa: PLC0415

        with safe_open(path, "pt", device=str(self.values.device)) as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts: dict[str, float] = json.loads(file.metadata()["facts"])
        self.values.data.copy_(tensors["values"])
        self.average.copy_(tensors["average"])
        self.working.copy_(self.values.detach())
        if "step" in tensors:
            self.optimiser.state[self.values] = {
                k: tensors[k] for k in ("exp_avg", "exp_avg_sq", "step")
            }
        self.steps = int(facts["steps"])
        return facts


def _pieces(module: nn.Module, flat: torch.Tensor) -> list[torch.Tensor]:
    """Views of a flat tensor, one for each parameter."""
    params = list(module.parameters())
    parts = flat.split([p.numel() for p in params])
    return [part.view(p.shape) for part, p in zip(parts, params, strict=True)]


class Step:
    """A forward and backward pass over fixed input tensors, captured as a graph on CUDA.

    Args:
        run: computes the loss from the inputs and calls `backward` on it; returns figures to log.
        inputs: tensors that keep their place; fill them with `copy_` before each call.
        grad: the flat gradient, emptied after the passes that warm up.
        pool: the memory pool of another step that never runs at the same time.
    """

    def __init__(
        self,
        run: Callable[[Mapping[str, torch.Tensor]], torch.Tensor],
        inputs: dict[str, torch.Tensor],
        grad: torch.Tensor,
        pool: tuple[int, int] | None = None,
    ) -> None:
        self.run, self.inputs = run, inputs
        self.graph: torch.cuda.CUDAGraph | None = None
        device = grad.device
        self.figures = torch.zeros_like(run(inputs).detach())
        if device.type == "cuda":
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(2):
                    run(inputs)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
                    self.figures.copy_(run(inputs).detach())
                self.graph = graph
            except RuntimeError as wrong:
                log("this step cannot be captured and runs kernel by kernel:", wrong)
        grad.zero_()

    @property
    def pool(self) -> tuple[int, int] | None:
        """The graph's memory pool, to share."""
        return self.graph.pool() if self.graph else None

    def __call__(self, **inputs: torch.Tensor) -> torch.Tensor:
        """Run on new inputs; the gradient is added to the flat one. Returns the figures."""
        for name, value in inputs.items():
            self.inputs[name].copy_(value)
        if self.graph is None:
            self.figures.copy_(self.run(self.inputs).detach())
        else:
            self.graph.replay()
        return self.figures
