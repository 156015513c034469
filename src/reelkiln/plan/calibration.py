"""What was measured on this machine against what was counted: factors that plans are told by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Calibration", "Device", "Measured"]

Device: TypeAlias = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One model on one device: measured divided by counted, on the date `on` (ISO 8601).

    `start` holds for the seconds before rendering begins (libraries, weights), `render` for the
    rest. `vram` and `ram` hold for peaks in bytes and are the largest that were seen, with a
    margin. 1.0 is what was counted.
    """

    on: str
    start: float = 1.0
    render: float = 1.0
    vram: float = 1.0
    ram: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All that is known of one machine, by "model/device"."""

    models: Mapping[str, Measured] = field(default_factory=dict)

    def of(self, model: str, device: Device) -> Measured | None:
        """What was measured of a model on a device. Its sets of files count as one model."""
        return self.models.get(self.key(model, device))

    @staticmethod
    def key(model: str, device: Device) -> str:
        """The name under which a model's figures stand."""
        return f"{model.partition('@')[0]}/{device}"
