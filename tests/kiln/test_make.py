"""Shots to files, rows and back: with the family that needs no weights."""

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from kiln.nulls import GPU, NO_GPU, NOON, null_bench, null_card, null_shot
from reelkiln.errors import DiskFull, GateRefused, PlanRefused, UsageError
from reelkiln.film.facts import probe
from reelkiln.film.label import open_signer, verify
from reelkiln.film.tags import RECIPE, read_tags
from reelkiln.film.xmp import MADE_BY_AI
from reelkiln.kiln.bench import remembering
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.deliver import file_sha256
from reelkiln.kiln.make import Order, make, orders_for
from reelkiln.kiln.names import family
from reelkiln.kiln.recipe import digest, recipe_from_text, recipe_to_text
from reelkiln.kiln.remake import check_fit, find_recipe, same_pixels
from reelkiln.kiln.watch import Watch
from reelkiln.reel import Size
from reelkiln.store.ran_out import REMEMBERED


def produce(bench, card, movies, *, seeds=None, private=False, watch=None, **changes):
    shots = [null_shot(card, seed=7 + n, **changes) for n in range(len(movies))]
    choice = Choice(card, "you asked for it")
    orders = orders_for(shots, movies, choice, bench, private=private)
    return make(orders, choice, bench, watch or Watch())


@pytest.fixture
def bench(tmp_path):
    with null_bench(tmp_path) as made:
        yield made


def here(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_clip_lies_there_whole_with_all_that_belongs_to_it(bench):
    movie = Path("jar.mp4")
    (delivery,) = produce(bench, null_card(), [movie])
    assert here(Path()) == sorted(path.name for path in family(movie))
    facts = probe(movie)
    assert (facts.frames, facts.size, facts.seconds) == (24, Size(64, 64), 1)
    assert delivery.facts == facts
    assert delivery.sha256 == file_sha256(movie)
    assert not list(bench.scratch.iterdir())


def test_the_recipe_stands_in_the_file_the_sidecar_and_the_ledger(bench):
    movie = Path("jar.mp4")
    (delivery,) = produce(bench, null_card(), [movie])
    inside = recipe_from_text(read_tags(movie)[RECIPE])
    assert digest(inside) == delivery.digest
    assert inside.shot.prompt == "a red jar"
    sidecar = json.loads(Path("jar.mp4.json").read_text("utf-8"))
    assert sidecar["recipe"] == json.loads(recipe_to_text(delivery.recipe))
    assert sidecar["sha256"] == delivery.sha256
    assert sidecar["recipe"]["seconds"]["finish"] > 0
    row = bench.ledger.find_delivery(sha256=delivery.sha256)
    assert recipe_from_text(row.recipe) == delivery.recipe
    assert row.delivered_at == NOON
    assert row.path == str(movie.absolute())
    (take,) = bench.ledger.takes_of(row.id)
    assert take.sha256 == delivery.recipe.takes[0].sha256


def test_several_clips_come_from_one_loaded_model(bench):
    loads = []
    watch = Watch(lambda p: loads.append(p) if (p.phase, p.done) == ("load", 1) else None)
    movies = [Path("a.mp4"), Path("b.mp4"), Path("c.mp4")]
    made = produce(bench, null_card(), movies, watch=watch)
    assert len(loads) == 1
    assert [delivery.recipe.shot.seed for delivery in made] == [7, 8, 9]
    assert len({delivery.recipe.takes[0].sha256 for delivery in made}) == 3


def test_a_private_file_carries_the_hash_alone(bench):
    movie = Path("jar.mp4")
    (delivery,) = produce(bench, null_card(), [movie], private=True, prompt="our secret serum")
    assert read_tags(movie)[RECIPE] == delivery.digest
    assert b"secret" not in movie.read_bytes()
    assert "our secret serum" in Path("jar.mp4.json").read_text("utf-8")


@pytest.mark.parametrize("private", [False, True])
def test_every_clip_is_labelled_also_a_private_one(bench, private):
    movies = [Path("a.mp4"), Path("b.mp4")]
    for delivery in produce(bench, null_card(), movies, private=private, prompt="secret words"):
        report = verify(delivery.movie)
        assert report.ok
        assert (report.recipe, report.words) == (delivery.digest, "")
        assert delivery.facts.bytes == delivery.movie.stat().st_size
        assert delivery.sha256 == file_sha256(delivery.movie)
        for beside in (delivery.beside.poster, delivery.beside.sheet):
            with Image.open(beside) as image:
                assert MADE_BY_AI in image.text["XML:com.adobe.xmp"]


def test_a_refused_clip_is_labelled_too(bench):
    with pytest.raises(GateRefused):
        produce(bench, null_card(picture="black"), [Path("jar.mp4")])
    assert verify(Path("jar.refused.mp4")).ok


def test_a_certificate_that_cannot_sign_is_refused_before_anything_is_rendered(bench, tmp_path):
    missing = tmp_path / "gone.pem"
    seen = []
    strict = replace(bench, signer=lambda: open_signer(tmp_path, NOON, chain=missing, key=missing))
    with pytest.raises(UsageError, match=r"gone\.pem is missing"):
        produce(strict, null_card(), [Path("jar.mp4")], watch=Watch(seen.append))
    assert seen == []
    assert here(Path()) == []


def test_a_refused_clip_is_kept_under_another_name_and_is_an_error(bench):
    with pytest.raises(GateRefused, match=r"jar\.refused\.mp4"):
        produce(bench, null_card(picture="black"), [Path("jar.mp4")])
    assert not Path("jar.mp4").exists()
    assert probe(Path("jar.refused.mp4")).frames == 24
    recipe = json.loads(Path("jar.refused.mp4.json").read_text("utf-8"))["recipe"]
    assert [take["kept"] for take in recipe["takes"]] == [False] * 3
    assert bench.ledger.find_delivery(sha256=file_sha256(Path("jar.refused.mp4"))) is None


def test_lost_values_are_never_kept_under_any_name(bench):
    with pytest.raises(GateRefused, match="nothing was kept"):
        produce(bench, null_card(gain=float("inf")), [Path("jar.mp4")])
    assert here(Path()) == []


def test_one_refused_clip_does_not_keep_the_others_from_being_made(bench):
    card = null_card()
    good, bad = null_shot(card), null_shot(card, seed=8)
    choice = Choice(card, "")
    first, second = orders_for(
        [good, bad], [Path("a.mp4"), Path("b.mp4")], choice, bench, private=False
    )
    black = null_card(picture="black")
    with pytest.raises(GateRefused) as caught:
        make([second], Choice(black, ""), bench, Watch())
    assert "b.refused.mp4" in caught.value.message
    (delivery,) = make([first], choice, bench, Watch())
    assert delivery.movie == Path("a.mp4")


@pytest.mark.parametrize("phase", ["load", "encode", "denoise", "decode", "check", "finish"])
def test_a_stop_in_any_phase_leaves_nothing_behind_but_latents(bench, phase):
    def stop(progress):
        if progress.phase == phase and progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        produce(bench, null_card(), [Path("jar.mp4")], watch=Watch(stop))
    assert here(Path()) == []
    denoised = phase in ("decode", "check", "finish")
    assert here(bench.scratch) == (["latents"] if denoised else [])
    # The same clip takes them up, and then they go.
    steps = []
    produce(bench, null_card(), [Path("jar.mp4")], watch=Watch(steps.append))
    assert any(step.phase == "denoise" for step in steps) != denoised
    assert here(bench.scratch) == []


def test_a_full_disk_while_the_files_are_put_in_place_leaves_no_film(bench, monkeypatch):
    real = os.fsync

    def full(handle):
        real(handle)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull):
        produce(bench, null_card(), [Path("jar.mp4")])
    assert here(Path()) == []


# ── remaking ─────────────────────────────────────────────────────────────────────────────────────


def remade(bench, movie, card):
    found = find_recipe(movie, bench.ledger)
    check_fit(found.recipe, card, bench)
    order = Order(shot=found.recipe.shot, plan=found.recipe.plan, movie=Path("again.mp4"))
    (delivery,) = make([order], Choice(card, ""), bench, Watch())
    return found, delivery


def test_the_same_recipe_and_plan_give_the_same_pixels_and_the_same_digest(bench):
    card = null_card()
    (first,) = produce(bench, card, [Path("jar.mp4")])
    found, again = remade(bench, Path("jar.mp4"), card)
    assert found.where == "the file"
    assert again.digest == first.digest
    assert same_pixels(first.recipe, again.recipe)


def test_a_clip_whose_second_take_was_kept_is_remade_in_one(bench):
    card = null_card(gain=1e5)
    (first,) = produce(bench, card, [Path("jar.mp4")])
    assert len(first.recipe.takes) == 2
    _, again = remade(bench, Path("jar.mp4"), card)
    assert len(again.recipe.takes) == 1
    assert same_pixels(first.recipe, again.recipe)


def test_other_pixels_are_seen(bench):
    one, other = produce(bench, null_card(), [Path("a.mp4"), Path("b.mp4")])
    assert not same_pixels(one.recipe, other.recipe)
    assert not same_pixels(replace(one.recipe, takes=()), replace(one.recipe, takes=()))


def test_the_recipe_is_sought_in_the_file_the_sidecar_and_the_ledger(bench):
    movie = Path("jar.mp4")
    (delivery,) = produce(bench, null_card(), [movie], private=True)
    assert find_recipe(movie, bench.ledger).where == "the sidecar"
    Path("jar.mp4.json").unlink()
    found = find_recipe(movie, bench.ledger)
    assert found.where == "the ledger"
    assert found.recipe == delivery.recipe


def test_a_recipe_that_is_nowhere_is_an_error_that_names_all_three(bench, tmp_path):
    movie = Path("jar.mp4")
    produce(bench, null_card(), [movie], private=True)
    Path("jar.mp4.json").write_text("{}")
    with null_bench(tmp_path / "elsewhere") as other, pytest.raises(UsageError) as caught:
        find_recipe(movie, other.ledger)
    file, sidecar, ledger = caught.value.details
    assert "only the hash" in file
    assert "jar.mp4.json" in sidecar
    assert "ledger.db" in ledger
    assert caught.value.exit_code == 2


def test_the_sidecar_of_another_clip_is_not_believed(bench, tmp_path):
    produce(bench, null_card(), [Path("a.mp4"), Path("b.mp4")], private=True)
    Path("b.mp4.json").replace("a.mp4.json")
    assert find_recipe(Path("a.mp4"), bench.ledger).where == "the ledger"


def test_a_missing_film_and_a_file_that_is_none(bench):
    with pytest.raises(UsageError, match="there is no film"):
        find_recipe(Path("none.mp4"), bench.ledger)
    with pytest.raises(UsageError, match="there is no film"):
        find_recipe(Path("x" * 999), bench.ledger)
    Path("text.mp4").write_text("no film")
    with pytest.raises(UsageError, match="nowhere to be found"):
        find_recipe(Path("text.mp4"), bench.ledger)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"machine": replace(GPU, gpu="another GPU")}, "another machine"),
        ({"machine": NO_GPU}, "no GPU"),
        ({"machine": replace(GPU, vram_free=0)}, "its plan does not fit"),
        ({"versions": {"torch": "2.11.0"}}, "torch was 2.13.0 then and is 2.11.0 now"),
        ({"versions": {}}, "torch was 2.13.0 then and is none now"),
    ],
)
def test_a_plan_that_no_longer_fits_offers_to_replan(bench, change, says):
    card = null_card()
    (delivery,) = produce(bench, card, [Path("jar.mp4")])
    check_fit(delivery.recipe, card, bench)
    with pytest.raises(PlanRefused) as caught:
        check_fit(delivery.recipe, card, replace(bench, **change))
    assert any(says in detail for detail in caught.value.details)
    assert "--replan" in caught.value.hint
    assert "differ" in caught.value.hint


def test_other_weights_and_another_version_are_seen(bench):
    card = null_card()
    (delivery,) = produce(bench, card, [Path("jar.mp4")])
    (source,) = delivery.recipe.weights
    for recipe in (
        replace(delivery.recipe, weights=(replace(source, revision="f" * 40),)),
        replace(delivery.recipe, weights=(replace(source, sha256={"x": "y"}),)),
        replace(delivery.recipe, weights=()),
        replace(delivery.recipe, reelkiln="0.0.1"),
    ):
        with pytest.raises(PlanRefused):
            check_fit(recipe, card, bench)


def test_what_ran_out_of_memory_is_not_planned_again(bench):
    card = null_card(fits_from="streamed")
    (first,) = produce(bench, card, [Path("a.mp4")])
    assert first.recipe.plan.rung.residence == "streamed"
    assert any("ran out of memory" in reason for reason in first.recipe.plan.because)
    # The next run of the program plans what the last one learnt.
    again = replace(bench, machine=remembering(bench.machine, bench.ledger, NOON))
    notes = []
    (second,) = produce(again, card, [Path("b.mp4")], watch=Watch(on_note=notes.append))
    assert notes == []
    assert second.recipe.plan.rung.residence == "streamed"
    other = replace(bench.machine, gpu="another GPU")
    assert remembering(other, bench.ledger, NOON).ran_out == {}
    later = NOON + REMEMBERED + timedelta(days=1)
    assert remembering(bench.machine, bench.ledger, later).ran_out == {}
