"""What every model family owes production. A new family is one more case here, and green."""

import gc
import shutil
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reelkiln.backends.latents import Latents, load_latents, save_latents
from reelkiln.backends.registry import FAMILIES, find_backend
from reelkiln.backends.seam import Folders, Step
from reelkiln.errors import Cancelled, RenderFailed
from reelkiln.plan.card import Card, Preset
from reelkiln.reel import Clip
from tiny_models import EULER, FEW, GUIDED, Case, make_card, make_ltx_card, nothing, ruin

PHASES = ("encode", "denoise", "decode")


def null_case(request: pytest.FixtureRequest) -> Case:
    card = make_card("null")
    ruined = make_card("null", Preset(**{**_fields(EULER), "schedule": {"gain": float("inf")}}))
    return Case("null", "null", card, {}, lambda _: (ruined, {}))


def animatediff_case(request: pytest.FixtureRequest) -> Case:
    folders = request.getfixturevalue("tiny")
    return _with_weights("animatediff", make_card("animatediff"), folders)


def few_step_case(request: pytest.FixtureRequest) -> Case:
    folders = request.getfixturevalue("tiny")
    folders = {"model": folders["model"], "motion": folders["lightning"]}
    return _with_weights("few-step", make_card("animatediff", FEW), folders)


def ltx_case(request: pytest.FixtureRequest) -> Case:
    return _ltx("ltx", make_ltx_card(), request)


def guided_ltx_case(request: pytest.FixtureRequest) -> Case:
    return _ltx("guided-ltx", make_ltx_card(GUIDED), request)


def _ltx(name: str, card: Card, request: pytest.FixtureRequest) -> Case:
    folders = request.getfixturevalue("tiny_ltx")

    def ruined(root: Path) -> tuple[Card, Folders]:
        model = shutil.copytree(folders["model"], root / "ruined")
        (file,) = model.glob("*.safetensors")
        ruin(file, "vae.decoder.conv_out.conv.bias")
        return card, {**folders, "model": model}

    return Case(name, "ltx", card, folders, ruined)


def _with_weights(name: str, card: Card, folders: Folders) -> Case:
    def ruined(root: Path) -> tuple[Card, Folders]:
        model = shutil.copytree(folders["model"], root / "ruined")
        ruin(model / "vae" / "diffusion_pytorch_model.safetensors")
        return card, {**folders, "model": model}

    return Case(name, card.family, card, folders, ruined)


def _fields(preset: Preset) -> dict[str, object]:
    return {name: getattr(preset, name) for name in Preset.__dataclass_fields__}


MAKERS: dict[str, Callable[[pytest.FixtureRequest], Case]] = {
    "null": null_case,
    "animatediff": animatediff_case,
    "few-step": few_step_case,
    "ltx": ltx_case,
    "guided-ltx": guided_ltx_case,
}
PARAMS = [
    pytest.param(name, marks=() if name == "null" else (pytest.mark.torch,)) for name in MAKERS
]


@pytest.fixture(params=PARAMS)
def case(request: pytest.FixtureRequest) -> Case:
    return MAKERS[request.param](request)


def render(case: Case, on_step: Callable[[Step], None] = nothing, **changes: object) -> Clip:
    segment = replace(case.segment, **changes)
    backend = find_backend(case.family)
    with backend.open(case.plan, case.card, case.folders, on_step) as session:
        return session.render(segment, on_step)


def test_every_registered_family_is_a_case_here():
    assert {"animatediff", "ltx", "null"} == set(FAMILIES)
    assert set(FAMILIES) <= set(MAKERS)


def test_a_sound_model_is_found_sound(case):
    assert find_backend(case.family).check(case.card, case.folders) == ()


def test_a_clip_is_what_the_plan_says(case):
    clip, size = render(case), case.plan.size
    assert clip.frames.shape == (case.segment.frames, size.height, size.width, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.fps == case.plan.fps
    assert clip.finite_share == 1.0
    assert clip.frames.std() > 0


def test_words_without_a_place_are_told_and_change_nothing(case):
    """What a model does not read is known by its words, without rendering anything."""
    words = " ".join(["a jar"] * 60)
    with find_backend(case.family).open(case.plan, case.card, case.folders, nothing) as session:
        assert session.unread(case.segment) == ""
        unread = session.unread(replace(case.segment, prompt=f"{words} zzz qqq"))
    assert unread.replace(" ", "").endswith("zzzqqq")
    assert len(unread) < len(words)


def test_equal_arguments_give_equal_pixels_in_and_across_sessions(case):
    with find_backend(case.family).open(case.plan, case.card, case.folders, nothing) as session:
        first = session.render(case.segment, nothing)
        session.render(replace(case.segment, seed=8), nothing)
        again = session.render(case.segment, nothing)
    assert np.array_equal(first.frames, again.frames)
    assert np.array_equal(first.frames, render(case).frames)


@pytest.mark.parametrize("change", [{"seed": 8}, {"seed": 2**32 - 1}, {"prompt": "a blue can"}])
def test_another_seed_or_sentence_gives_other_pixels(case, change):
    assert not np.array_equal(render(case).frames, render(case, **change).frames)


def test_steps_come_in_order_and_add_up(case):
    steps: list[Step] = []
    render(case, steps.append)
    phases = list(dict.fromkeys(step.phase for step in steps))
    assert phases == ["load", *PHASES]
    for phase in phases:
        own = [step for step in steps if step.phase == phase]
        assert own == steps[steps.index(own[0]) : steps.index(own[0]) + len(own)]
        assert len({step.total for step in own}) == 1
        assert own[0].done == 0
        assert own[-1].done == own[-1].total
        assert [step.done for step in own] == sorted({step.done for step in own})
    totals = {step.phase: step.total for step in steps}
    assert totals["denoise"] == case.plan.steps
    assert totals["decode"] == case.segment.frames


@pytest.mark.parametrize(
    ("phase", "moment", "kind"),
    [(phase, moment, Cancelled) for phase in ("load", *PHASES) for moment in ("first", "last")]
    + [("denoise", "last", kind) for kind in (KeyboardInterrupt, OSError, RuntimeError)]
    + [("load", "last", OSError)],
)
def test_what_on_step_raises_stops_the_render_and_arrives_unchanged(case, phase, moment, kind):
    stop = kind("enough")

    def on_step(step: Step) -> None:
        due = 0 if moment == "first" else step.total
        if step.phase == phase and step.done == due:
            raise stop

    with pytest.raises(kind) as raised:
        render(case, on_step)
    assert raised.value is stop


def test_a_session_goes_on_after_a_cancelled_render(case):
    def on_step(step: Step) -> None:
        if step.phase == "denoise" and step.done == 1:
            raise Cancelled("enough")

    with find_backend(case.family).open(case.plan, case.card, case.folders, nothing) as session:
        with pytest.raises(Cancelled):
            session.render(case.segment, on_step)
        clip = session.render(case.segment, nothing)
    assert np.array_equal(clip.frames, render(case).frames)


def test_stage_by_stage_gives_the_same_pixels_also_from_the_disk(case, tmp_path):
    segments = [
        case.segment,
        replace(case.segment, seed=8),
        replace(case.segment, prompt="a blue can", negative="blurry"),
    ]
    backend = find_backend(case.family)
    files = [tmp_path / f"{index}.safetensors" for index in range(len(segments))]
    with backend.open(case.plan, case.card, case.folders, nothing) as session:
        session.encode(segments, nothing)
        for segment, file in zip(segments, files, strict=True):
            save_latents(session.denoise(segment, nothing), file)
    assert sorted(tmp_path.glob("*.safetensors*")) == files
    with backend.open(case.plan, case.card, case.folders, nothing) as session:
        clips = [session.decode(load_latents(file), nothing) for file in files]
    for segment, clip in zip(segments, clips, strict=True):
        whole = render(case, seed=segment.seed, prompt=segment.prompt, negative=segment.negative)
        assert np.array_equal(clip.frames, whole.frames)


def test_latents_come_back_equal_in_every_bit(case, tmp_path):
    backend = find_backend(case.family)
    with backend.open(case.plan, case.card, case.folders, nothing) as session:
        made = session.denoise(case.segment, nothing)
    save_latents(made, tmp_path / "kept.safetensors")
    back = load_latents(tmp_path / "kept.safetensors")
    assert made.finite
    assert back.about == made.about
    assert back.tensors.keys() == made.tensors.keys()
    for name, array in made.tensors.items():
        assert array.dtype == back.tensors[name].dtype
        assert array.tobytes() == back.tensors[name].tobytes()


def test_every_word_is_encoded_once(case):
    steps: list[Step] = []
    segments = [case.segment, replace(case.segment, prompt="a blue can")]
    backend = find_backend(case.family)
    with backend.open(case.plan, case.card, case.folders, nothing) as session:
        session.encode(segments, nothing)
        for segment in segments:
            session.denoise(segment, steps.append)
    assert {step.phase for step in steps} == {"denoise"}


def test_latents_of_another_family_are_refused(case):
    backend = find_backend(case.family)
    with (
        backend.open(case.plan, case.card, case.folders, nothing) as session,
        pytest.raises(RenderFailed, match="stranger"),
    ):
        session.decode(Latents({"stranger": np.zeros(3, np.float32)}), nothing)


def test_numbers_that_are_none_are_counted_before_the_cast(case, tmp_path):
    card, folders = case.ruined(tmp_path)
    clip = render(replace_case(case, card, folders))
    assert 0 <= clip.finite_share < 1
    assert clip.frames.dtype == np.uint8


def replace_case(case: Case, card: Card, folders: Folders) -> Case:
    return replace(case, card=card, folders=folders)


def test_a_session_knows_its_peak(case):
    with find_backend(case.family).open(case.plan, case.card, case.folders, nothing) as session:
        before = session.peak()
        session.render(case.segment, nothing)
        after = session.peak()
    assert 0 < before.ram <= after.ram + (1 << 20)  # the kernel's mark is right to about a MiB
    assert after.vram == 0


def test_leaving_lets_go_of_the_session(case):
    with find_backend(case.family).open(case.plan, case.card, case.folders, nothing) as session:
        session.render(case.segment, nothing)
        ghost = weakref.ref(session)
    del session
    gc.collect()
    assert ghost() is None


def test_nothing_is_printed(case, capfd):
    render(case)
    assert capfd.readouterr() == ("", "")
