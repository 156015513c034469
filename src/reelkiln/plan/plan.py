"""The one decision everything else obeys: how a shot is rendered on a machine."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from reelkiln.plan.card import Reach
from reelkiln.plan.ladder import Rung
from reelkiln.reel import Segment, Size

__all__ = ["Plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one shot will be rendered. Printable, storable, comparable.

    `device` is "cuda" or "cpu". `size` is the size the model renders; the film room crops and
    scales it to the shot's. `fps` is the model's own rate. `peak_bytes` is the predicted peak on
    the device (0 without a GPU), `ram_bytes` the predicted peak of the process. `because` gives the
    reasons in the order they were decided. `kept_bytes` of a streamed network's weights stay on the
    device; it changes no pixel.

    `motion` is how freely frames may differ, 0 to 1 (1: as the model was trained); `tiling` is the
    number of the way in which tiles are laid, where the rung decodes in tiles (0: the usual one).
    Both change only after a take was refused (`plan.retry`).
    """

    model: str
    preset: str
    device: Literal["cuda", "cpu"]
    dtype: Literal["float32", "float16", "bfloat16"]
    rung: Rung
    steps: int
    guidance: float
    size: Size
    fps: Fraction
    segments: tuple[Segment, ...]
    reach: Reach
    peak_bytes: int
    ram_bytes: int
    seconds_estimate: float
    because: tuple[str, ...]
    kept_bytes: int = 0
    motion: float = 1.0
    tiling: int = 0
