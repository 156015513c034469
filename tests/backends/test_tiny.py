"""The tiny weights have the layout of the real repositories, and are the same every time."""

import json
from pathlib import Path

import pytest
from transformers import CLIPTokenizer

from reelkiln.backends.tiny import FULL, TINY, write_animatediff

MODEL = [
    "feature_extractor/preprocessor_config.json",
    "model_index.json",
    "safety_checker/config.json",
    "safety_checker/model.safetensors",
    "safety_checker/pytorch_model.bin",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "text_encoder/pytorch_model.bin",
    "tokenizer/merges.txt",
    "tokenizer/special_tokens_map.json",
    "tokenizer/tokenizer_config.json",
    "tokenizer/vocab.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.bin",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.bin",
    "vae/diffusion_pytorch_model.safetensors",
]
MOTION = [
    "config.json",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors",
]


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_layout_is_that_of_the_repositories(tiny):
    assert sorted(files(tiny["model"])) == MODEL
    assert sorted(files(tiny["motion"])) == MOTION
    assert list(files(tiny["lightning"])) == ["animatediff_lightning_4step_diffusers.safetensors"]


def test_equal_seeds_write_equal_bytes(tiny, tmp_path):
    again = write_animatediff(tmp_path / "again")
    other = write_animatediff(tmp_path / "other", seed=1)
    unet = "unet/diffusion_pytorch_model.safetensors"
    for name, folder in tiny.items():
        assert files(folder) == files(again[name])
    assert files(tiny["model"])[unet] != files(other["model"])[unet]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_weights_are_written_in_the_dtype_asked(tmp_path, dtype):
    from safetensors.numpy import load_file

    folders = write_animatediff(tmp_path, dtype=dtype)
    for folder in folders.values():
        for file in folder.rglob("*model.safetensors"):
            if file.parent.name != "safety_checker":
                assert {str(array.dtype) for array in load_file(file).values()} == {dtype}


def test_every_letter_is_a_word_of_the_tokenizer(tiny):
    folder = tiny["model"] / "tokenizer"
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    words = json.loads((folder / "vocab.json").read_text("utf-8"))
    assert len(words) == TINY.words
    ids = tokenizer("a jar, été")["input_ids"]
    assert ids[0] == words["<|startoftext|>"]
    assert ids[-1] == words["<|endoftext|>"]
    assert ids[1:5] == [words["a</w>"], words["j"], words["a"], words["r</w>"]]
    assert words["<|endoftext|>"] not in ids[1:-1]


def test_the_full_scale_counts_as_many_parameters_as_the_real_networks():
    import torch

    from reelkiln.backends import tiny as room

    with torch.device("meta"):
        networks = {
            859_520_964: room._unet(FULL),
            83_653_863: room._vae(FULL),
            123_060_480: room._text_encoder(FULL),
            453_209_280: room._adapter(FULL),
        }
    for expected, network in networks.items():
        assert sum(parameter.numel() for parameter in network.parameters()) == expected
