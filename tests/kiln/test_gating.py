"""What a film is held against: what a person asks for, else what the film says of itself."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gate.defects import seam
from gate.sources import product
from kiln.boards import SMALL, ordered, photographed, starter
from kiln.nulls import GPU, LED, null_bench, null_card, null_shot
from kiln.test_inspect import encode
from kiln.test_recipe import RECIPE
from reelkiln.film.sidecar import write_sidecar
from reelkiln.gate.limits import FIXED
from reelkiln.kiln import reel as room
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.edit import Cut, Edit, ReelRecipe, reel_to_json
from reelkiln.kiln.gating import Asked, gate_films
from reelkiln.kiln.inspect import inspect
from reelkiln.kiln.known import Known, known_of
from reelkiln.kiln.looks import Tools
from reelkiln.kiln.make import make, orders_for
from reelkiln.kiln.recipe import recipe_to_json
from reelkiln.kiln.reel import make_reels
from reelkiln.kiln.watch import Watch
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Clip, Origin, Size
from reelkiln.script.starter import write_starter
from reelkiln.script.workspace import read_workspace

BOTTLE = product((180, 40, 50), (225, 205, 170))
SKU = "rose-face-cream"


@pytest.fixture
def space():
    """A workspace whose rose cream has a photo: the bottle of the film, cut out."""
    write_starter(Path("glow"))
    photographed(Path("glow"), BOTTLE.frames[0][60:260, 110:210])
    return read_workspace(Path("glow"))


def ours(clip: Clip, name: str) -> Path:
    """A film of two segments, 8 frames each, with its sidecar."""
    film = encode(clip, name)
    card = null_card(reach=LED)
    plan = plan_shot(null_shot(card, seconds=Fraction(7, 4)), card, GPU)
    assert [(one.frames, one.lead_frames) for one in plan.segments[:2]] == [(8, 0), (8, 2)]
    origin = Origin(template="hero-reveal", variant="v", product=SKU, number=0)
    recipe = replace(RECIPE, plan=plan, origin=origin)
    write_sidecar(film, {"recipe": recipe_to_json(recipe)})
    return film


def test_a_film_says_its_words_and_where_its_segments_meet(space):
    film = ours(BOTTLE, "ours.mp4")
    assert known_of(film) == Known("a red jar", "null", (Fraction(1),))
    known = known_of(film, space)
    assert known.palette == space.brand.palette
    assert known.photo == Path("glow/photo.png")
    assert known_of(encode(BOTTLE, "theirs.mp4"), space) == Known()


def test_a_product_is_named_by_its_whole_name_or_number_alone(space):
    names = [space.products[sku].name for sku in space.products]
    assert space.named(f"a jar of {names[0].upper()}, turning").name == names[0]
    assert space.named("ROSE-face-cream on marble").sku == SKU
    for words in ("a rose face creamy", "a jar", "", f"{names[0]} beside {names[1]}"):
        assert space.named(words) is None


def test_typed_words_are_measured_by_the_brand_and_by_the_product_that_they_name(space):
    for words, photo in (("Rose-face-cream turns", Path("glow/photo.png")), ("a jar", None)):
        film = encode(BOTTLE, "typed.mp4")
        recipe = replace(RECIPE, shot=replace(RECIPE.shot, prompt=words), origin=None)
        write_sidecar(film, {"recipe": recipe_to_json(recipe)})
        known = known_of(film, space)
        assert (known.palette, known.photo) == (space.brand.palette, photo)


def test_a_take_of_typed_words_is_measured_while_it_is_made(space, tmp_path):
    card = null_card()
    shots = [null_shot(card, prompt=words) for words in ("a Rose-face-cream", "a jar")]
    movies = [Path("cream.mp4"), Path("jar.mp4")]
    with null_bench(tmp_path) as bench:
        choice = Choice(card, "you asked for it")
        orders = orders_for(shots, movies, choice, bench, private=False, space=space)
        cream, jar = (one.recipe.takes[0].marks for one in make(orders, choice, bench, Watch()))
    assert {"palette", "product_colour", "product_shape"} <= cream.keys()
    assert "palette" in jar
    assert "product_colour" not in jar


def test_words_that_nobody_can_read_are_no_recipe():
    film = encode(BOTTLE, "film.mp4")
    for text in ("", "{}", '{"recipe": 3}', "not json", '{"recipe": {"format": 1}}'):
        Path("film.mp4.json").write_text(text, "utf-8")
        assert known_of(film) == Known()


def test_brand_product_and_joins_are_measured_from_the_films_own_recipe(space):
    film = ours(seam(BOTTLE, 1, 0), "seam.mp4")
    (seen,) = gate_films([film], Asked(), space=space, cache=Path("none"))
    marks = seen.verdict.marks
    assert {"palette", "product_colour", "product_shape", "join", "join_jump"} <= marks.keys()
    assert marks["product_shape"] > 0.3
    assert any("two segments meet" in reason for reason in seen.verdict.reasons)
    assert not any("palette" in reason for reason in seen.verdict.reasons)
    assert seen.unmeasured == ("writing", "nudity", "fit to the words")
    assert seen.words == "a red jar"


def test_what_a_person_asks_for_wins_and_is_judged(space):
    film = ours(BOTTLE, "ours.mp4")
    asked = Asked(prompt="a green jar", palette=("#00ff00",))
    (seen,) = gate_films([film], asked, space=space, cache=Path("none"))
    assert seen.words == "a green jar"
    assert any("off the palette" in reason for reason in seen.verdict.reasons)


@pytest.mark.torch
def test_a_film_of_spark_is_scored_by_its_judge_and_refused_for_other_words():
    film = encode(Clip(BOTTLE.frames[:, ::4, ::4], BOTTLE.fps), "spark.mp4")
    for words, fits in (
        ("a red bottle, beige background", True),
        ("a black ball falling, navy background", False),
    ):
        shot = replace(RECIPE.shot, model="spark", prompt=words)
        write_sidecar(film, {"recipe": recipe_to_json(replace(RECIPE, shot=shot))})
        (seen,) = gate_films([film], Asked(), space=None, cache=Path("none"))
        assert (seen.verdict.marks["score"] > 0) == fits
        assert any("words say" in reason for reason in seen.verdict.reasons) != fits
        assert "fit to the words" not in seen.unmeasured


@pytest.mark.torch
def test_a_scorer_that_was_pulled_measures_any_film():
    from reelkiln.backends.tiny_scorer import write_siglip
    from reelkiln.models.layout import snapshot_folder
    from reelkiln.models.scorers import find_scorer

    (source,) = find_scorer("siglip").sources
    write_siglip(snapshot_folder(Path("cache"), source.repo, source.revision))
    film = encode(BOTTLE, "theirs.mp4")
    asked = Asked(prompt="a bottle")
    (seen,) = gate_films([film], asked, space=None, cache=Path("cache"))
    assert seen.verdict.kept, seen.verdict.reasons
    assert -1 <= seen.verdict.marks["alignment"] <= 1
    (silent,) = gate_films([film], Asked(), space=None, cache=Path("cache"))
    assert "fit to the words" in silent.unmeasured


CUTS = """
storyboard: tiny
title: A cut and two fades
platform: youtube-shorts
shots:
  - {template: hero-reveal, seconds: 1.2}
  - {template: packshot-cta, seconds: 1}
  - {template: hero-reveal, seconds: 1, transition: {crossfade: 0.25}}
end_card: {headline: "{brand.name}", seconds: 1}
"""
# The pattern of the family without weights is as soft as enlarged 64 pixels are.
CRISP = Asked(limits=FIXED.without("softness"))


@pytest.fixture
def reel(tmp_path, monkeypatch):
    """Makes the film `a.mp4` with a cut and two fades."""
    monkeypatch.setattr(room, "find_platform", lambda name: SMALL)
    with null_bench(tmp_path) as bench:
        order = ordered(starter(tmp_path / "glow", CUTS), bench)
        yield lambda **more: make_reels(
            [order], Choice(null_card(), "asked"), bench, Watch(), **more
        )


def gated(film: Path):
    (seen,) = gate_films([film], CRISP, space=None, cache=Path("none"))
    return seen.verdict


def test_cuts_and_fades_of_a_reel_are_no_fault_where_its_edit_list_has_them(reel):
    reel()
    film, sidecar = Path("a.mp4"), Path("a.mp4.json")
    frames = [29, *range(47, 54), *range(61, 72)]  # a cut, and fades of 6 and 10 frames
    assert known_of(film).cuts == tuple(Fraction(at, 24) for at in frames)
    assert gated(film).kept, gated(film).reasons
    told = sidecar.read_text("utf-8")
    assert '"6/5"' in told
    sidecar.write_text(told.replace('"6/5"', '"11/10"'), "utf-8")  # a cut that is not there
    assert not gated(film).kept


def test_a_reel_that_carries_its_recipe_needs_no_sidecar(reel):
    reel(embed=True)
    Path("a.mp4.json").unlink()
    assert gated(Path("a.mp4")).kept


def test_the_end_of_a_loop_comes_with_its_beginning():
    cuts = (Cut(seconds=Fraction(1)), Cut(seconds=Fraction(1)))
    edit = Edit(
        storyboard="tiny", product=SKU, language="en", platform="tiktok", size=Size(216, 384),
        fps=Fraction(24), cuts=cuts, palette=("#000000",), loop=Fraction(1, 6),
    )  # fmt: skip
    recipe = reel_to_json(ReelRecipe(edit=edit, clips=(RECIPE, RECIPE), reelkiln="1"))
    write_sidecar(Path("a.mp4"), {"recipe": recipe})
    assert [at * 24 for at in known_of(Path("a.mp4")).cuts] == [20, 40, 41, 42, 43]


def test_a_cut_where_it_is_meant_is_no_fault_and_elsewhere_is_one():
    from reelkiln.gate.judge import judge
    from reelkiln.gate.measure import Wanted, measure

    other = product((30, 90, 180), (250, 250, 250), 3.0)
    film = Clip(np.concatenate([BOTTLE.frames, other.frames]), BOTTLE.fps)
    assert not judge(measure(film)).kept
    meant = judge(measure(film, Wanted(cuts=(16,))))
    assert meant.kept, meant.reasons
    assert not judge(measure(film, Wanted(cuts=(9,)))).kept


def test_each_shot_of_a_reel_is_measured_alone_where_it_is_made_and_where_it_is_gated(reel):
    (delivery,) = reel()
    film = Path("a.mp4")
    scenes = known_of(film).scenes
    frames = [(0, 29), (29, 47), (53, 61)]  # after the cut and the fades, before the next ones
    assert [(24 * one.start, 24 * one.end) for one in scenes] == frames
    assert [one.words for one in scenes] == [one.shot.prompt for one in delivery.recipe.clips]
    (seen,) = gate_films([film], CRISP, space=None, cache=Path("none"))
    marks = [one.marks["palette"] for one in seen.scenes]
    assert len(set(marks)) > 1
    assert seen.verdict.marks["palette"] == max(marks)
    assert not any("palette" in reason for reason in seen.verdict.reasons)
    told = json.loads(Path("a.mp4.json").read_text("utf-8"))["shots"]
    assert [one["marks"]["palette"] for one in told] == pytest.approx(marks)


def test_a_shot_is_scored_by_its_own_words_and_the_reel_by_its_poorest(reel):
    reel()
    heard = []

    class Counting:
        mark = "alignment"

        def __call__(self, clip, words):
            heard.append((len(clip.frames), words))
            return float(len(heard))

    scenes = known_of(Path("a.mp4")).scenes
    seen = inspect(Path("a.mp4"), tools=Tools(scorer=Counting()), scenes=scenes)
    assert heard == [(16, scenes[0].words), (16, scenes[1].words), (8, scenes[2].words)]
    assert [one.marks["alignment"] for one in seen.scenes] == [1, 2, 3]
    assert seen.verdict.marks["alignment"] == 1
    assert "fit to the words" not in seen.unmeasured


def test_words_that_a_person_types_are_about_the_whole_reel(reel):
    reel()
    (seen,) = gate_films(
        [Path("a.mp4")], replace(CRISP, prompt="a jar"), space=None, cache=Path("none")
    )
    assert seen.scenes == ()
    assert seen.words == "a jar"
