"""A batch goes stage by stage, and what was denoised is never denoised again."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from kiln.nulls import GPU, LED, null_card, null_shot, ticking
from reelkiln.backends.null import NullFamily
from reelkiln.errors import PlanRefused, RenderFailed, UsageError
from reelkiln.kiln.checkpoints import KEPT_DAYS, Checkpoints, latents_key
from reelkiln.kiln.fire import fire
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.phases import BATCH, Charge, fire_all
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Size


def burn(folder, card, shots, *, kept=None, machine=GPU):
    """All outcomes in the order they came, and (clip, phase) as the stages began."""
    told, notes = [], []
    watch = Watch(lambda p: told.append((p.clip, p.phase, p.done)), notes.append)
    charges = [
        Charge(
            shot=shot,
            plan=plan_shot(shot, card, GPU),
            clock=PhaseClock(ticking(), watch, clip=number, clips=len(shots)),
        )
        for number, shot in enumerate(shots, 1)
    ]
    with Furnace(NullFamily(), card, {}) as furnace:
        outcomes = list(fire_all(charges, furnace, machine=machine, scratch=folder, kept=kept))
    began = [(clip, phase) for clip, phase, done in told if done == 0]
    return outcomes, list(dict.fromkeys(began)), notes


def three(card, **changes):
    return [null_shot(card, seed=7 + number, **changes) for number in range(3)]


def kept_in(folder, maker="nobody"):
    return Checkpoints(folder / "latents", maker)


def denoised(began):
    return [clip for clip, phase in began if phase == "denoise"]


def test_all_segments_are_denoised_before_the_first_is_decoded(tmp_path):
    outcomes, began, _ = burn(tmp_path, null_card(), three(null_card()))
    assert [outcome.index for outcome in outcomes] == [0, 1, 2]
    phases = [phase for _, phase in began]
    assert phases == [
        "load", "encode", "denoise", "denoise", "denoise",
        *("decode", "check") * 3,
    ]  # fmt: skip
    assert [clip for clip, phase in began if phase == "decode"] == [1, 2, 3]


def test_a_batch_gives_the_takes_that_each_shot_gives_alone(tmp_path):
    card = null_card()
    outcomes, _, _ = burn(tmp_path, card, three(card))
    for shot, outcome in zip(three(card), outcomes, strict=True):
        with Furnace(NullFamily(), card, {}) as furnace:
            alone = fire(
                shot,
                plan_shot(shot, card, GPU),
                furnace,
                machine=GPU,
                scratch=tmp_path,
                clock=PhaseClock(ticking(), Watch()),
            )
        assert [take.sha256 for take in alone.chosen] == [
            take.sha256 for take in outcome.fired.chosen
        ]


def test_refused_segments_come_again_together_in_further_rounds(tmp_path):
    card = null_card(picture="black")
    outcomes, _, notes = burn(tmp_path, card, three(card))
    assert [len(outcome.fired.takes) for outcome in outcomes] == [3, 3, 3]
    assert len(notes) == 6
    firsts = [outcome.fired.takes[0].seed for outcome in outcomes]
    assert firsts == [7, 8, 9]


def test_led_segments_come_one_round_after_the_other(tmp_path):
    card = null_card(reach=LED)
    shots = three(card, seconds=2)
    outcomes, _, _ = burn(tmp_path, card, shots)
    for outcome in outcomes:
        assert [take.segment for take in outcome.fired.chosen] == list(
            range(len(outcome.fired.plan.segments))
        )
    assert len(outcomes[0].fired.plan.segments) > 1


def test_a_shot_that_fails_keeps_nobody_from_being_rendered(tmp_path):
    card = null_card()
    strange = replace(card.presets["draft"], schedule={"picture": "cubist"})
    card = replace(card, presets={**card.presets, "draft": strange})
    shots = three(card)
    shots[1] = replace(shots[1], preset="draft")
    outcomes, _, _ = burn(tmp_path, card, shots)
    by_index = {outcome.index: outcome for outcome in outcomes}
    assert isinstance(by_index[1].error, RenderFailed)
    assert all(by_index[index].fired.whole for index in (0, 2))


def test_a_start_picture_that_is_gone_ends_its_own_shot_alone(tmp_path):
    card = null_card(reach=LED)
    shots = three(card)
    shots[1] = replace(shots[1], image=str(tmp_path / "gone.png"))
    outcomes, _, _ = burn(tmp_path, card, shots)
    by_index = {outcome.index: outcome for outcome in outcomes}
    assert isinstance(by_index[1].error, UsageError)
    assert "gone.png" in by_index[1].error.message
    assert all(by_index[index].fired.whole for index in (0, 2))


def test_a_long_batch_goes_in_bundles(tmp_path):
    card = null_card()
    shots = [null_shot(card, seed=number) for number in range(BATCH + 2)]
    outcomes, began, _ = burn(tmp_path, card, shots)
    assert [outcome.index for outcome in outcomes] == list(range(BATCH + 2))
    assert began.index((BATCH, "decode")) < began.index((BATCH + 1, "denoise"))


def test_latents_of_a_finished_batch_are_forgotten_when_it_is_safe(tmp_path):
    kept = kept_in(tmp_path)
    outcomes, _, _ = burn(tmp_path, null_card(), three(null_card()), kept=kept)
    assert len(list(kept.folder.iterdir())) == 3
    for outcome in outcomes:
        outcome.forget()
    assert not kept.folder.exists()


def test_what_lies_on_the_disk_is_not_denoised_again(tmp_path):
    card, kept = null_card(), kept_in(tmp_path)
    first, began, _ = burn(tmp_path, card, three(card), kept=kept)
    assert denoised(began) == [1, 2, 3]
    again, began, _ = burn(tmp_path, card, three(card), kept=kept)
    assert denoised(began) == []
    assert "encode" not in {phase for _, phase in began}
    for one, other in zip(first, again, strict=True):
        assert one.fired.chosen[0].sha256 == other.fired.chosen[0].sha256


def test_a_damaged_checkpoint_is_denoised_again(tmp_path):
    card, kept = null_card(), kept_in(tmp_path)
    burn(tmp_path, card, three(card), kept=kept)
    sorted(kept.folder.iterdir())[0].write_bytes(b"half")
    _, began, _ = burn(tmp_path, card, three(card), kept=kept)
    assert len(denoised(began)) == 1


def test_latents_of_other_weights_are_not_taken(tmp_path):
    card = null_card()
    burn(tmp_path, card, three(card), kept=kept_in(tmp_path, "these"))
    _, began, _ = burn(tmp_path, card, three(card), kept=kept_in(tmp_path, "those"))
    assert denoised(began) == [1, 2, 3]


def test_an_edited_card_does_not_take_latents_of_the_old_schedule(tmp_path):
    card, kept = null_card(), kept_in(tmp_path)
    burn(tmp_path, card, three(card), kept=kept)
    for changes in ({"scheduler": "DDIMScheduler"}, {"schedule": {"eta": 1.0}}):
        preset = replace(card.presets["standard"], **changes)
        edited = replace(card, presets={**card.presets, "standard": preset})
        _, began, _ = burn(tmp_path, edited, three(edited), kept=kept)
        assert denoised(began) == [1, 2, 3]


def test_out_of_memory_while_decoding_costs_no_denoising(tmp_path):
    card = null_card(decodes_from="streamed")
    outcomes, began, notes = burn(tmp_path, card, three(card))
    assert sorted(outcome.index for outcome in outcomes) == [0, 1, 2]
    # Each rung is told once a shot; the second round finds every latent.
    assert denoised(began) == [1, 2, 3]
    assert all(outcome.fired.plan.rung.residence == "streamed" for outcome in outcomes)
    assert notes


def test_out_of_memory_on_the_last_rung_ends_the_shot_not_the_batch(tmp_path):
    card = null_card(fits_from="cpu")
    outcomes, _, _ = burn(tmp_path, card, three(card), machine=replace(GPU, ram_free=0))
    assert [type(outcome.error) for outcome in outcomes] == [PlanRefused] * 3


def test_a_key_says_what_decides_the_numbers_and_nothing_else():
    card = null_card()
    plan = plan_shot(null_shot(card), card, GPU)
    (segment,) = plan.segments

    preset = card.presets[plan.preset]

    def key(segment=segment, preset=preset, tokens=card.tokens, **changes):
        edited = replace(card, presets={plan.preset: preset}, tokens=tokens)
        return latents_key(segment, replace(plan, **changes), edited, None, "us")

    same = key()
    assert key(rung=replace(plan.rung, residence="streamed", decode="frames")) == same
    assert key(peak_bytes=5, because=("so",)) == same
    assert key(preset=replace(preset, decode_bytes=5)) == same
    others = [
        key(preset=replace(preset, scheduler="DDIMScheduler")),
        key(preset=replace(preset, schedule={"timestep_spacing": "trailing"})),
        key(preset=replace(preset, sigmas=(1.0, 0.5))),
        key(replace(segment, seed=8)),
        key(replace(segment, prompt="a blue can")),
        key(tokens=card.tokens - 1),
        key(dtype="float32"),
        key(steps=plan.steps + 1),
        key(size=Size(128, 64)),
        key(rung=replace(plan.rung, storage_bits=8)),
        latents_key(segment, plan, card, None, "them"),
    ]
    assert len({same, *others}) == len(others) + 1


def test_old_checkpoints_are_swept(tmp_path):
    kept = kept_in(tmp_path)
    burn(tmp_path, null_card(), three(null_card()), kept=kept)
    written = next(kept.folder.iterdir()).stat().st_mtime
    kept.sweep(written + 60)
    assert len(list(kept.folder.iterdir())) == 3
    kept.sweep(written + 60 + KEPT_DAYS * 86_400)
    assert not kept.folder.exists()


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import kiln.test_phases as here
here.child(Path({folder!r}))
"""


def child(folder: Path) -> None:
    """Denoises three shots, says so as the first is to be decoded, and waits to be killed."""
    card = null_card()

    def watch(progress):
        if progress.phase == "decode":
            print("decoding", flush=True)  # noqa: T201 - the parent listens
            sys.stdin.read()

    charges = [
        Charge(shot=s, plan=plan_shot(s, card, GPU), clock=PhaseClock(ticking(), Watch(watch)))
        for s in three(card)
    ]
    with Furnace(NullFamily(), card, {}) as furnace:
        list(fire_all(charges, furnace, machine=GPU, scratch=folder, kept=kept_in(folder)))


def test_a_process_killed_after_denoising_never_denoises_again(tmp_path):
    words = CHILD.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().strip() == "decoding"
        process.kill()  # SIGKILL; under Windows TerminateProcess
        assert process.wait() != 0
    card = null_card()
    outcomes, began, _ = burn(tmp_path, card, three(card), kept=kept_in(tmp_path))
    assert denoised(began) == []
    whole, _, _ = burn(tmp_path, card, three(card))
    for one, other in zip(outcomes, whole, strict=True):
        assert one.fired.chosen[0].sha256 == other.fired.chosen[0].sha256


def test_each_clip_of_a_batch_keeps_the_words_that_found_no_place(tmp_path):
    """Also where its latents lay on the disk already, so that no word was encoded again."""
    card = null_card()
    long = " ".join(["jar"] * card.tokens + ["beyond", "reach"])
    shots = [*three(card)[:2], null_shot(card, prompt=long)]
    kept = kept_in(tmp_path)
    for _ in range(2):
        outcomes, began, _ = burn(tmp_path, card, shots, kept=kept)
        assert [one.fired.unread for one in outcomes] == [(), (), ("beyond reach",)]
    assert denoised(began) == []


def test_checkpoints_that_go_while_they_are_swept_are_no_mistake(tmp_path):
    kept = kept_in(tmp_path)
    burn(tmp_path, null_card(), three(null_card()), kept=kept)
    # A name whose file is gone, as between the listing of a folder and the look at what is in it.
    try:
        (kept.folder / "a.latents").symlink_to(tmp_path / "nowhere")
    except OSError:
        return  # this system lets nobody make links
    written = max(path.lstat().st_mtime for path in kept.folder.iterdir())
    kept.sweep(written + 60 + KEPT_DAYS * 86_400)
    assert [path.name for path in kept.folder.iterdir()] == ["a.latents"]
