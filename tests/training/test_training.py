"""The whole training at smoke size: it learns, goes on where it stopped, and leaves a model."""

import json

import numpy as np
import pytest
import torch

from reelkiln.backends.score import open_scorer
from reelkiln.errors import WeightsBroken
from training.spark.commands import MINUTES, main
from training.spark.evaluate import ask, evaluate, generate, load_pipeline
from training.spark.export import check_export, load_joint
from training.spark.fit import Fit
from training.spark.judging import load_judge
from training.spark.networks import SMOKE, Joint
from training.spark.sheet import write_sheet
from training.spark.tokenizer import load_tokenizer
from training.spark.world import HELD_OUT, column

pytestmark = pytest.mark.torch


def command(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["training.spark", *map(str, words)])
    main()


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """What a training of a few steps leaves."""
    root = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch:
        base = ("--smoke", "--device", "cpu", "--work", root / "work")
        few = ("--frames", 2, "--clips", 4, "--judge-clips", 1, "--batch", 1)
        one = [f"--{stage}-steps=1" for stage in MINUTES]
        command(patch, *base, "train", *few, *one)
        command(patch, *base, "export", "--folder", root / "export")
    return root / "export"


@pytest.fixture
def copy(export, tmp_path):
    """A copy that may be broken."""
    for path in export.rglob("*"):
        if path.is_file():
            target = tmp_path / path.relative_to(export)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return tmp_path


def test_the_export_loads_and_renders_through_the_real_pipeline(export):
    check_export(export)
    pipe = load_pipeline(export, torch.device("cpu"))
    asked = ask(1, natural=False)
    clips = generate(pipe, asked.prompts, shape="square", steps=1)
    assert (clips.shape, clips.dtype) == ((1, 16, 3, 160, 160), torch.uint8)
    judge = load_judge(export / "judge", torch.device("cpu"))
    figures = evaluate(judge, clips, asked.factors)
    assert {"product", "motion", "all_four", "frozen", "flicker"} <= figures.keys()
    assert all(figures[k] in (0.0, 1.0) for k in ("product", "all_four", "frozen"))


def test_questions_are_held_out():
    asked = ask(64, natural=True)
    assert HELD_OUT[column(asked.factors, "product"), column(asked.factors, "colour")].all()
    assert asked.prompts == ask(64, natural=True).prompts


def test_going_on_takes_weights_and_optimiser_along(tmp_path):
    def fresh():
        torch.manual_seed(0)
        return Fit(torch.nn.Linear(4, 2), rate=0.1, warm=1)

    def step(fit):
        fit.module(torch.arange(12.0).view(3, 4)).square().sum().backward()
        fit.update(0.5)

    through, stopped = fresh(), fresh()
    for _ in range(2):
        step(through)
        step(stopped)
    stopped.save(tmp_path / "a.safetensors", seconds=1.0)
    again = fresh()
    assert again.load(tmp_path / "a.safetensors") == {"steps": 2, "seconds": 1.0}
    step(through)
    step(again)
    assert torch.equal(through.values, again.values)
    assert torch.equal(through.average, again.average)
    assert torch.equal(through.module.weight.flatten(), through.values[:8])


@pytest.mark.parametrize(
    "name", ["model/unet/diffusion_pytorch_model.safetensors", "judge/config.json"]
)
def test_a_changed_file_is_refused_by_name(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[-3] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(WeightsBroken, match=name):
        check_export(copy)


def test_a_truncated_part_is_refused_by_name(copy):
    name = "motion/diffusion_pytorch_model.safetensors"
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsBroken, match=name):
        check_export(copy)
    with pytest.raises(WeightsBroken, match=name):
        load_joint(Joint(SMOKE, load_tokenizer()), copy)


def test_a_wrong_tokenizer_is_refused_by_name(copy):
    name = "model/tokenizer/vocab.json"
    words = json.loads((copy / name).read_text(encoding="utf-8"))
    words["intruder</w>"] = len(words)
    (copy / name).write_text(json.dumps(words), encoding="utf-8")
    record = json.loads((copy / "MANIFEST.json").read_text(encoding="utf-8"))
    del record["files"][name]
    (copy / "MANIFEST.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(WeightsBroken, match=name):
        check_export(copy)


def test_weights_of_other_sizes_are_refused(copy):
    other = Joint(
        SMOKE.__class__((16, 16, 16), (2, 2, 2), 8, (8, 8, 16, 16), 32, 1), load_tokenizer()
    )
    with pytest.raises(WeightsBroken, match="other sizes"):
        load_joint(other, copy)


def test_the_exported_judge_is_a_scorer(export, clip):
    scorer = open_scorer(export / "judge")
    score = scorer(clip(np.zeros((16, 64, 48, 3), np.uint8)), "a red mug rotating")
    assert -1 <= score <= 1


@pytest.fixture
def clip():
    from fractions import Fraction

    from reelkiln.reel import Clip

    return lambda frames: Clip(frames, Fraction(8))


def test_a_sheet_holds_every_clip(tmp_path):
    from PIL import Image

    clips = torch.zeros(3, 16, 3, 24, 16, dtype=torch.uint8)
    write_sheet(clips, tmp_path / "plain.png", columns=2)
    write_sheet(clips, tmp_path / "said.png", columns=2, captions=["a", "b", "c"])
    with Image.open(tmp_path / "plain.png") as plain, Image.open(tmp_path / "said.png") as said:
        assert plain.size == (2 * (4 * 16 + 8), 2 * (24 + 8))
        assert said.size[1] > plain.size[1]
