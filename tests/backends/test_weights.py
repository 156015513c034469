"""Damaged, foreign and missing files are named before anything is loaded."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Folders
from reelkiln.backends.weights import check_safetensors
from reelkiln.errors import UsageError, WeightsBroken, WeightsMissing
from reelkiln.plan.card import Card, Preset
from tiny_models import EULER, make_card, make_plan, nothing

CARD = make_card("animatediff")
UNET = Path("unet/diffusion_pytorch_model.safetensors")


@pytest.fixture
def copies(tiny: Folders, tmp_path: Path) -> Folders:
    return {name: shutil.copytree(folder, tmp_path / name) for name, folder in tiny.items()}


def first_finding(folders: Folders, card: Card = CARD) -> str:
    """What the check says, which is also what opening raises."""
    backend = find_backend("animatediff")
    findings = backend.check(card, folders)
    assert findings
    with (
        pytest.raises((WeightsBroken, WeightsMissing, UsageError)) as raised,
        backend.open(make_plan(card), card, folders, nothing),
    ):
        pass
    assert (raised.value.message, raised.value.hint) == (findings[0].message, findings[0].hint)
    assert raised.value.hint
    return raised.value.message


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def garbage(file: Path) -> None:
    file.write_bytes(b"not a safetensors file at all")


def longer(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("harm", [cut, garbage, longer, empty, Path.unlink])
@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("model", UNET),
        ("model", Path("vae/diffusion_pytorch_model.safetensors")),
        ("model", Path("text_encoder/model.safetensors")),
        ("motion", Path("diffusion_pytorch_model.safetensors")),
    ],
)
def test_a_damaged_weight_file_is_named(copies, source, file, harm: Callable[[Path], None]):
    harm(copies[source] / file)
    message = first_finding(copies)
    named = file.parent if harm is Path.unlink else file
    assert str(copies[source] / named) in message


def test_a_damaged_few_step_file_is_named(copies):
    (file,) = copies["lightning"].glob("*.safetensors")
    cut(file)
    assert str(file) in first_finding({**copies, "motion": copies["lightning"]})


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_part_of_another_class_is_named(copies, part):
    file = copies["model"] / part / "config.json"
    config = json.loads(file.read_text("utf-8"))
    config.update({"_class_name": "Transformer3D", "architectures": ["T5EncoderModel"]})
    file.write_text(json.dumps(config), "utf-8")
    message = first_finding(copies)
    assert str(file) in message
    assert "Transformer3D" in message


@pytest.mark.parametrize(
    "file",
    [
        "unet/config.json",
        "vae/config.json",
        "text_encoder/config.json",
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
    ],
)
def test_a_missing_small_file_is_named(copies, file):
    (copies["model"] / file).unlink()
    assert str(copies["model"] / file) in first_finding(copies)


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "\x00"])
def test_a_configuration_that_is_no_json_object_is_named(copies, text):
    file = copies["model"] / "unet" / "config.json"
    file.write_text(text, "utf-8")
    assert str(file) in first_finding(copies)


def test_pickled_weights_alone_are_refused(copies):
    (copies["model"] / UNET).unlink()
    assert (copies["model"] / "unet" / "diffusion_pytorch_model.bin").is_file()
    assert "pickled" in first_finding(copies)


@pytest.mark.parametrize("source", ["model", "motion"])
def test_a_missing_source_is_weights_missing(copies, source):
    shutil.rmtree(copies[source])
    assert f"({source})" in first_finding(copies)
    del copies[source]
    assert f"({source})" in first_finding(copies)


def test_two_few_step_files_are_one_too_many(copies):
    (file,) = copies["lightning"].glob("*.safetensors")
    shutil.copy(file, file.with_name("other.safetensors"))
    assert "2 safetensors files" in first_finding({**copies, "motion": copies["lightning"]})


def test_an_unknown_scheduler_is_named(tiny):
    card = make_card("animatediff", Preset(steps=2, guidance=1.0, scheduler="PickleScheduler"))
    assert "PickleScheduler" in first_finding(tiny, card)


def test_a_setting_that_the_scheduler_lacks_is_named(tiny):
    preset = Preset(
        steps=2, guidance=1.0, scheduler=EULER.scheduler, schedule={"beta_schedul": "linear"}
    )
    card = make_card("animatediff", preset)
    opening = find_backend("animatediff").open(make_plan(card), card, tiny, nothing)
    with pytest.raises(UsageError, match="beta_schedul"), opening:
        pass


# ── what only loading can find ───────────────────────────────────────────────────────────────────


def rewrite(file: Path, change: Callable[[dict[str, object]], None]) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(file)
    change(weights)
    save_file(weights, file)


def broken_by(folders: Folders) -> str:
    backend = find_backend("animatediff")
    assert backend.check(CARD, folders) == ()
    opening = backend.open(make_plan(CARD), CARD, folders, nothing)
    with pytest.raises(WeightsBroken) as raised, opening:
        pass
    assert "\n" not in raised.value.message
    return raised.value.message


@pytest.mark.parametrize(
    ("source", "file", "tensor"),
    [
        ("model", str(UNET), "conv_in.weight"),
        ("model", "vae/diffusion_pytorch_model.safetensors", "decoder.conv_in.weight"),
        ("model", "text_encoder/model.safetensors", "text_model.final_layer_norm.weight"),
        ("motion", "diffusion_pytorch_model.safetensors", "mid_block.motion_modules.0.norm.weight"),
    ],
)
def test_a_tensor_that_is_missing_is_not_filled_with_noise(copies, source, file, tensor):
    from safetensors.numpy import load_file

    path = copies[source] / file
    names = [name for name in load_file(path) if name.endswith(tensor.removeprefix("text_model."))]
    rewrite(path, lambda weights: weights.pop(names[0]))
    message = broken_by(copies)
    assert tensor.removeprefix("text_model.") in message
    assert str(path.parent).rstrip(".") in message


def test_a_tensor_of_another_shape_names_the_folder(copies):
    path = copies["model"] / UNET
    rewrite(path, lambda w: w.update({"conv_in.weight": w["conv_in.weight"][:, :2].copy()}))
    assert str(copies["model"] / "unet") in broken_by(copies)


def test_a_few_step_file_without_a_tensor_is_broken(copies):
    (file,) = copies["lightning"].glob("*.safetensors")
    rewrite(file, lambda weights: weights.pop("mid_block.motion_modules.0.norm.weight"))
    assert "unet" in broken_by({**copies, "motion": copies["lightning"]})


def test_a_configuration_that_makes_no_sense_is_weights_broken(copies):
    file = copies["model"] / "text_encoder" / "config.json"
    config = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**config, "hidden_size": "wide"}), "utf-8")
    assert "hidden_size" in broken_by(copies)


# ── properties of the header check ───────────────────────────────────────────────────────────────

HEADER = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
SOUND = struct.pack("<Q", len(HEADER)) + HEADER + bytes(8)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=64) | st.just(SOUND).map(bytes))
def test_any_bytes_are_sound_or_weights_broken(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "any.safetensors"
    file.write_bytes(data)
    if data == SOUND:
        check_safetensors(file, "tiny")
        return
    with pytest.raises(WeightsBroken, match=r"any\.safetensors"):
        check_safetensors(file, "tiny")


@settings(max_examples=100, deadline=None)
@given(header=st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_any_header_that_is_no_table_of_tensors_is_weights_broken(tmp_path_factory, header):
    file = tmp_path_factory.getbasetemp() / "header.safetensors"
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(WeightsBroken):
        check_safetensors(file, "tiny")


@given(length=st.integers(min_value=0, max_value=len(SOUND) - 1))
def test_a_file_cut_anywhere_is_weights_broken(tmp_path_factory, length):
    file = tmp_path_factory.getbasetemp() / "cut.safetensors"
    file.write_bytes(SOUND[:length])
    with pytest.raises(WeightsBroken):
        check_safetensors(file, "tiny")
