"""Headers of safetensors files: what is read, what is refused, what a name promises."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import safetensors

from reelkiln.errors import WeightsBroken
from reelkiln.models.header import HEADER_MAX, false_variant, parse_header, read_header

KINDS = st.sampled_from(["F32", "F16", "BF16", "F8_E4M3"])
SHAPES = st.lists(st.integers(0, 9), max_size=3).map(tuple)
TENSORS = st.dictionaries(st.text(min_size=1, max_size=9), st.tuples(KINDS, SHAPES), max_size=5)


def put(folder: Path, data: bytes, name: str = "w.safetensors") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@given(TENSORS.filter(lambda tensors: "__metadata__" not in tensors))
def test_names_types_and_shapes_come_back(tensors: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    data = safetensors(tensors)
    length = struct.unpack("<Q", data[:8])[0]
    header = parse_header(data[8 : 8 + length], "x")
    assert {n: (t.dtype, t.shape) for n, t in header.tensors.items()} == tensors
    assert header.file_bytes == len(data)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(text: bytes) -> None:
    try:
        header = parse_header(text, "x")
    except WeightsBroken as broken:
        assert broken.message.startswith("x is not a safetensors file")
    else:
        assert header.data_bytes >= 0


def test_the_bundled_weights_have_headers_that_fit() -> None:
    from importlib.resources import files

    folder = Path(str(files("reelkiln.models"))) / "bundled" / "spark"
    for path in folder.rglob("*.safetensors"):
        header = read_header(path)
        assert header.file_bytes == path.stat().st_size
        assert header.params > 100_000


@pytest.mark.parametrize("cut", [1, 3000, 5100, 5139])
def test_a_truncated_file_is_named(tmp_path: Path, cut: int) -> None:
    path = put(tmp_path, safetensors({"layer.weight": ("F32", (32, 40))}, cut=cut))
    with pytest.raises(WeightsBroken, match=r"w\.safetensors is truncated"):
        read_header(path)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "truncated"),
        (b"\1\2\3", "truncated"),
        (struct.pack("<Q", 2**60) + b"{}", "header would be"),
        (struct.pack("<Q", HEADER_MAX + 1) + b"{}", "header would be"),
        (struct.pack("<Q", 5) + b"[1,2]", "cannot be read"),
        (struct.pack("<Q", 4) + b"nope", "cannot be read"),
        (safetensors({"w": ("F32", (3,))}) + b"tail", "4 bytes too many"),
        (b"<!DOCTYPE html><html>", "header would be"),
    ],
)
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(WeightsBroken, match=why) as caught:
        read_header(put(tmp_path, data))
    assert "w.safetensors" in caught.value.message


@pytest.mark.parametrize(
    "entry",
    [
        '{"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}',
        '{"w": {"dtype": "F32", "shape": [-2], "data_offsets": [0, -8]}}',
        '{"w": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}}',
        '{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},'
        ' "b": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]}}',
        '{"w": {"dtype": "F32", "shape": [2]}}',
    ],
)
def test_entries_must_fill_the_data_exactly(entry: str) -> None:
    with pytest.raises(WeightsBroken, match="x is not a safetensors file"):
        parse_header(entry.encode(), "x")


@pytest.mark.parametrize("name", ["m.ckpt", "m.pt", "m.bin", "M.PTH", "m.pkl"])
def test_a_pickle_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, safetensors({"w": ("F32", (1,))}), name)
    with pytest.raises(WeightsBroken, match="pickle"):
        read_header(path)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_by_its_content(tmp_path: Path, protocol: int) -> None:
    path = put(tmp_path, pickle.dumps({"w": [1.0] * 99}, protocol=protocol))
    with pytest.raises(WeightsBroken, match="holds a pickle whatever its name says"):
        read_header(path)


def test_a_zipped_checkpoint_is_refused_by_its_content(tmp_path: Path) -> None:
    with pytest.raises(WeightsBroken, match="holds a pickle"):
        read_header(put(tmp_path, b"PK\3\4" + b"\0" * 99))


@pytest.mark.parametrize(
    ("name", "dtype", "untrue"),
    [
        ("diffusion_pytorch_model.fp16.safetensors", "F32", True),
        ("diffusion_pytorch_model.fp16.safetensors", "F16", False),
        ("model.bf16.safetensors", "F32", True),
        ("t5_fp8_e4m3.safetensors", "BF16", True),
        ("t5_fp8_e4m3.safetensors", "F8_E4M3", False),
        ("model.safetensors", "F32", False),
    ],
)
def test_names_that_promise_fewer_bits(name: str, dtype: str, *, untrue: bool) -> None:
    data = safetensors({"w": (dtype, (64, 64))})
    header = parse_header(data[8 : 8 + int.from_bytes(data[:8], "little")], name)
    assert (false_variant(name, header) is not None) is untrue
