"""Latents on the disk: whole, or not there, or said to be broken."""

import numpy as np
import pytest

from reelkiln.backends.latents import Latents, load_latents, save_latents
from reelkiln.errors import RenderFailed

SOME = Latents({"latents": np.arange(24, dtype=np.float32).reshape(2, 3, 4)}, {"seed": "7"})


def test_nothing_but_the_file_stays(tmp_path):
    folder = tmp_path / "latents"
    folder.mkdir()
    for _ in range(2):
        save_latents(SOME, folder / "a.safetensors")
    assert [path.name for path in folder.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_numbers_that_are_none_are_kept_and_known(tmp_path, value):
    array = SOME.tensors["latents"].copy()
    array[0, 0, 0] = value
    save_latents(Latents({"latents": array}), tmp_path / "a.safetensors")
    back = load_latents(tmp_path / "a.safetensors")
    assert not back.finite
    assert np.array_equal(back.array("latents"), array, equal_nan=True)


def test_every_cut_is_noticed(tmp_path):
    file = tmp_path / "a.safetensors"
    save_latents(SOME, file)
    whole = file.read_bytes()
    for length in (0, 4, 8, 20, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(RenderFailed, match=r"a\.safetensors"):
            load_latents(file)


def test_a_missing_file_and_a_folder_are_said(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(RenderFailed, match="cannot be read"):
            load_latents(path)


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="none"):
        save_latents(SOME, tmp_path / "none" / "a.safetensors")
