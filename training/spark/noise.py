"""The noise schedule, in the words of the sampler that renders later.

Scaled-linear betas rescaled to zero terminal signal (Lin et al. 2023, arXiv:2305.08891), velocity
prediction (Salimans and Ho 2022, arXiv:2202.00512): with signal `a` and noise `s` (a² + s² = 1),
x = a·x0 + s·e and v = a·e - s·x0. The Euler sampler of diffusers takes the same steps as
deterministic DDIM here.
"""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["SCHEDULE", "TRAIN_STEPS", "Noise", "scheduler", "timesteps"]

TRAIN_STEPS = 1000
SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": TRAIN_STEPS,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}


def scheduler() -> Any:
    """The `EulerDiscreteScheduler` that the model is shipped with."""
    from diffusers import EulerDiscreteScheduler  # noqa: PLC0415

    return EulerDiscreteScheduler(**SCHEDULE)


def timesteps(steps: int) -> torch.Tensor:
    """Trailing timesteps, int64 (steps + 1,), from 999 down; -1 stands for the clean clip."""
    taken = torch.arange(TRAIN_STEPS, 0, -TRAIN_STEPS / steps).round().long() - 1
    return torch.cat([taken, torch.tensor([-1])])


class Noise:
    """Signal and noise levels on a device."""

    def __init__(self, device: torch.device | str) -> None:
        alphas = scheduler().alphas_cumprod.clone()
        alphas[-1] = 0.0
        levels = torch.cat([alphas, torch.ones(1)])  # index -1: the clean clip
        self.signal = levels.sqrt().float().to(device)
        self.noise = (1 - levels).sqrt().float().to(device)

    def at(self, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Signal and noise at t (clips,), as (clips, 1, 1, 1, 1)."""
        return self.signal[t].view(-1, 1, 1, 1, 1), self.noise[t].view(-1, 1, 1, 1, 1)

    def clean(self, x: torch.Tensor, v: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """The clean clip that a velocity at t implies."""
        a, s = self.at(t)
        return a * x - s * v

    def step(
        self, x: torch.Tensor, v: torch.Tensor, t: torch.Tensor, to: torch.Tensor
    ) -> torch.Tensor:
        """One deterministic step from t to the lower `to` (-1: clean)."""
        a, s = self.at(t)
        b, r = self.at(to)
        return b * (a * x - s * v) + r * (a * v + s * x)

    def velocity(
        self, x: torch.Tensor, landed: torch.Tensor, t: torch.Tensor, to: torch.Tensor
    ) -> torch.Tensor:
        """The velocity at t with which one step to `to` lands on `landed`; inverse of `step`.

        From landed = b·(a·x - s·v) + r·(a·v + s·x): v = (landed - (a·b + r·s)·x) / (a·r - b·s).
        """
        a, s = self.at(t)
        b, r = self.at(to)
        return (landed - (a * b + r * s) * x) / (a * r - b * s)
