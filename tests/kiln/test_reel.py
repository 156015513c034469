"""Storyboards to reels, with the family that needs no weights: every file, every promise."""

import json
import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from film.test_logo import png_of
from kiln import boards
from kiln.boards import BOARD, SMALL, ordered, starter
from kiln.nulls import LED, null_bench, null_card
from reelkiln.backends.seam import WORDS
from reelkiln.errors import FilmError, GateRefused, PlanRefused, ScriptError, UsageError
from reelkiln.film.facts import probe
from reelkiln.film.label import verify
from reelkiln.film.loudness import measure_loudness
from reelkiln.film.read import read
from reelkiln.film.survey import survey
from reelkiln.film.tags import RECIPE, TITLE, read_tags
from reelkiln.kiln import reel as room
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.dress import cutlist_of, seconds_of
from reelkiln.kiln.edit import reel_from_json, reel_to_json
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.reel import make_reels
from reelkiln.kiln.remake import find_recipe, reel_order, same_pixels
from reelkiln.kiln.watch import Watch
from reelkiln.models.layout import words_folder

CHOICE = Choice(null_card(), "you asked for it")


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "find_platform", lambda name: SMALL)
    with null_bench(tmp_path) as found:
        yield found


@pytest.fixture
def folder(tmp_path):
    return starter(tmp_path / "glow")


def made(order, bench, choice=CHOICE, **more):
    told = []
    (delivery,) = make_reels([order], choice, bench, Watch(on_note=told.append), **more)
    return delivery, told


def left():
    return sorted(path.name for path in Path().iterdir())


def test_a_reel_has_all_its_files_and_they_say_what_it_is(folder, bench):
    delivery, _ = made(ordered(folder, bench), bench)
    assert left() == ["a.captions.srt", "a.mp4", "a.mp4.json", "a.poster.png", "a.sheet.png"]
    facts = probe(Path("a.mp4"))
    assert (facts.frames, facts.fps, str(facts.size)) == (62, 24, "216x384")  # 1.2 + 1 + 1 - 0.6
    assert measure_loudness(Path("a.mp4")).lufs == pytest.approx(-14, abs=0.5)
    assert delivery.report.ok
    report = verify(Path("a.mp4"))
    assert report.ok and report.state == "issuer unknown"
    assert (report.recipe, report.words) == (delivery.digest, "")
    sidecar = json.loads(Path("a.mp4.json").read_text("utf-8"))
    assert {one["name"] for one in sidecar["overlays"]} == {
        "caption 1", "caption 2", "logo", "disclosure", "end card",
    }  # fmt: skip
    assert survey(Path("a.mp4")).overlays.items
    assert sidecar["sound"] == {
        "music": "made by reelkiln (bed 'bright')",
        "lufs": pytest.approx(-14, abs=0.1),
    }
    assert sidecar["disclosure"]["note"] == "Made with AI"
    (licence,) = sidecar["licences"]
    assert licence["state"] == "not verified" and licence["duties"] is None
    assert licence["weights"][0]["revision"] == "0" * 40
    assert reel_from_json(sidecar["recipe"]) == delivery.recipe
    assert reel_from_json(reel_to_json(delivery.recipe)) == delivery.recipe
    said = Path("a.captions.srt").read_bytes().decode()
    assert "Meet Rose Face Cream" in said and "00:00:01,104 --> 00:00:01,583" in said


def test_a_film_for_a_platform_carries_no_word_of_its_prompts_unless_asked(folder, bench):
    delivery, _ = made(ordered(folder, bench), bench)
    assert read_tags(Path("a.mp4"))[RECIPE] == delivery.digest
    prompt = delivery.recipe.clips[0].shot.prompt
    film = Path("a.mp4").read_bytes()
    assert prompt.encode() not in film and b"hero-reveal" not in film and b"Rose" not in film
    open_one, _ = made(ordered(folder, bench, movie=Path("b.mp4")), bench, embed=True)
    tags = read_tags(Path("b.mp4"))
    assert reel_from_json(json.loads(tags[RECIPE])).edit == open_one.recipe.edit
    assert tags[TITLE] == "Ethereal Glow"
    assert prompt in verify(Path("b.mp4")).words
    assert find_recipe(Path("b.mp4"), bench.ledger).where == "the file"


def test_kept_takes_are_not_rendered_again_and_broken_ones_are(folder, bench):
    first, told = made(ordered(folder, bench), bench)
    assert not told
    again, told = made(ordered(folder, bench, movie=Path("b.mp4"), language="hi"), bench)
    assert told == [f"shot {n}: its takes are kept from before" for n in (1, 2)]
    assert same_pixels(first.recipe, again.recipe)
    assert first.digest != again.digest
    take = next(bench.shelf.glob("*/*.npy"))
    take.write_bytes(take.read_bytes()[:-1] + b"\0")
    third, told = made(ordered(folder, bench, movie=Path("c.mp4")), bench)
    assert len(told) == 1
    assert (third.digest, same_pixels(first.recipe, third.recipe)) == (first.digest, True)
    frames = [
        np.concatenate([clip.frames for clip in read(Path(name))]) for name in ("a.mp4", "c.mp4")
    ]
    assert (frames[0] == frames[1]).all()


def test_words_are_kept_in_the_cache_that_was_chosen(folder, bench, monkeypatch):
    folders = []

    class Noting(Furnace):
        def __init__(self, *given, **named):
            super().__init__(*given, **named)
            folders.append(self._folders[WORDS])

    monkeypatch.setattr("reelkiln.kiln.shoot.Furnace", Noting)
    made(ordered(folder, bench), bench)
    assert folders == [words_folder(bench.cache)]


def test_a_refused_shot_makes_no_reel_and_is_kept_to_be_looked_at(folder, bench):
    black = null_card("null-black", picture="black")
    with pytest.raises(GateRefused, match="2 of 2 shots were refused; no reel was made") as caught:
        made(ordered(folder, bench, card=black), bench, Choice(black, "so"))
    assert "a-shot-1.refused.mp4" in caught.value.details[0]
    assert "seed:" in caught.value.hint
    assert "a.mp4" not in left() and "a-shot-2.refused.mp4" in left()
    assert verify(Path("a-shot-1.refused.mp4")).ok


def test_a_reel_is_made_again_from_its_sidecar_or_the_ledger(folder, bench):
    first, _ = made(ordered(folder, bench), bench)
    found = find_recipe(Path("a.mp4"), bench.ledger)
    assert (found.where, found.recipe.edit) == ("the sidecar", first.recipe.edit)
    Path("a.mp4.json").unlink()
    found = find_recipe(Path("a.mp4"), bench.ledger)
    assert found.where == "the ledger"
    order = reel_order(found.recipe, Path("b.mp4"), folder, null_card(), bench, replan=False)
    again, told = made(order, bench, anew=True)
    assert not told
    assert same_pixels(first.recipe, again.recipe) and first.digest == again.digest
    row = bench.ledger.find_delivery(sha256=first.sha256)
    assert [(take.segment, take.verdict.kept) for take in bench.ledger.takes_of(row.id)] == [
        (0, True), (1, True),
    ]  # fmt: skip
    with pytest.raises(PlanRefused, match="cannot be rendered again"):
        other = replace(bench, versions={"torch": "9"})
        reel_order(found.recipe, Path("c.mp4"), folder, null_card(), other, replan=False)
    (folder / "logo.png").write_bytes(b"another")
    with pytest.raises(UsageError) as caught:
        reel_order(found.recipe, Path("c.mp4"), folder, null_card(), bench, replan=True)
    assert caught.value.details == ("logo.png: it is another file by now",)


def test_a_shot_begins_from_a_picture_and_the_reel_tells_its_name_alone(folder, bench):
    """The folder is nobody's business; made again, the picture is looked for by name and hash."""
    led = null_card("null-led", reach=LED)
    pictured = BOARD.replace("seconds: 1.2,", "seconds: 1.2, image: photos/jar.png,")
    board = folder / "storyboards" / "tiny.yaml"
    board.write_text(pictured, encoding="utf-8")
    with pytest.raises(ScriptError) as caught:
        ordered(folder, bench, card=led)
    assert "there is no picture photos/jar.png" in caught.value.details[0]
    picture = folder / "photos" / "jar.png"
    picture.parent.mkdir(exist_ok=True)
    picture.write_bytes(b"no pixels")
    with pytest.raises(UsageError, match="start picture"):
        ordered(folder, bench, card=led)
    spots = np.random.default_rng(3).integers(0, 256, (8, 4, 3), dtype=np.uint8)
    Image.fromarray(spots).resize((100, 200), Image.Resampling.BICUBIC).save(picture)
    with pytest.raises(UsageError, match="takes no start picture"):
        ordered(folder, bench, card=null_card())
    choice = Choice(led, "so")
    first, _ = made(ordered(folder, bench, card=led), bench, choice)
    one, two = first.recipe.clips
    assert (one.shot.image, two.shot.image) == ("jar.png", None)
    assert len(one.picture) == 64
    assert str(folder) not in Path("a.mp4.json").read_text("utf-8")

    found = find_recipe(Path("a.mp4"), bench.ledger)
    with pytest.raises(
        UsageError, match=r"^shot 1 begins from the picture jar\.png, and it is not"
    ):
        found.with_pictures((), (folder,))
    ready = found.with_pictures((), (folder, picture.parent)).recipe
    order = reel_order(ready, Path("b.mp4"), folder, led, bench, replan=False)
    again, _ = made(order, bench, choice, anew=True)
    assert same_pixels(first.recipe, again.recipe) and first.digest == again.digest


def test_an_older_reel_s_captions_do_not_stay(folder, bench):
    Path("a.captions.srt").write_text("old")
    silent = BOARD.replace('caption: {en: "Meet {product.name}", hi: "मिलिए"}', "seed: 7").replace(
        ', caption: "{product.benefit}"', ""
    )
    (folder / "storyboards" / "tiny.yaml").write_text(silent, encoding="utf-8")
    delivery, _ = made(ordered(folder, bench, mute=True, disclosure=False), bench)
    assert "a.captions.srt" not in left()
    assert delivery.recipe.clips[0].shot.seed == 7
    assert measure_loudness(Path("a.mp4")).silent
    assert json.loads(Path("a.mp4.json").read_text("utf-8"))["sound"]["music"] == "silent"
    assert verify(Path("a.mp4")).ok  # no option takes the mark away
    note = json.loads(Path("a.mp4.json").read_text("utf-8"))["disclosure"]
    assert note["note"] == "" and note["because"][0] == "left out because the command says so"


def test_a_loop_ends_where_it_begins(folder, bench):
    plain, _ = made(ordered(folder, bench), bench)
    looped, _ = made(ordered(folder, bench, movie=Path("b.mp4"), loop=True), bench)
    assert plain.facts.frames - looped.facts.frames == 12
    frames = np.concatenate([clip.frames for clip in read(Path("b.mp4"))]).astype(int)
    below = frames[:, 200:330]  # under the captions and the logo, which come and go
    steps = np.abs(np.diff(below, axis=0)).mean(axis=(1, 2, 3))
    assert np.abs(below[-1] - below[0]).mean() < 3 * max(1, np.median(steps))


def music(folder, path, **more):
    words = ", ".join(f"{key}: {value}" for key, value in {"file": path, **more}.items())
    board = BOARD.replace("{bed: bright}", f"{{{words}}}")
    (folder / "storyboards" / "tiny.yaml").write_text(board, encoding="utf-8")


def wav(path, seconds, rate=48_000):
    time = np.arange(round(seconds * rate)) / rate
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((9000 * np.sin(2760 * time)).astype("<i2").tobytes())


def test_a_person_s_track_is_used_with_its_rights_or_without(folder, bench):
    wav(folder / "song.wav", 4)
    music(folder, "song.wav", licence="CC BY 4.0", source="example.org/song", start=0.5)
    made(ordered(folder, bench), bench)
    said = json.loads(Path("a.mp4.json").read_text("utf-8"))["sound"]
    assert said == {"music": "CC BY 4.0, example.org/song", "lufs": pytest.approx(-14, abs=0.1)}
    music(folder, "song.wav")
    made(ordered(folder, bench, movie=Path("b.mp4")), bench)
    said = json.loads(Path("b.mp4.json").read_text("utf-8"))["sound"]["music"]
    assert said == "music rights not stated"


def spoil(folder, what):
    """One bad input; returns what its message must name."""
    board = folder / "storyboards" / "tiny.yaml"
    if what == "a letter that no font has":
        board.write_text(BOARD.replace("Meet {", "Meet \U00012345 {"), encoding="utf-8")
        return UsageError, "caption 1"
    if what == "a logo of 200 megapixels":
        (folder / "logo.png").write_bytes(png_of(20_000, 10_000))
        return UsageError, "logo.png: far too many pixels"
    if what == "a logo that is none":
        (folder / "logo.png").write_text("logo")
        return UsageError, "logo.png: no PNG"
    if what == "a font that is none":
        (folder / "my.ttf").write_text("font")
        brand = folder / "brand.yaml"
        brand.write_text(brand.read_text("utf-8") + "fonts: {body: my.ttf}\n", encoding="utf-8")
        return UsageError, "my.ttf: no font"
    return spoil_music(folder, what)


def spoil_music(folder, what):
    if what == "music that ends first":
        wav(folder / "song.wav", 3)
        music(folder, "song.wav", start=9)
        return UsageError, "cannot start at 9.0 s"
    ten_hours = what == "music of ten hours"
    wav(folder / "song.wav", 36_000 if ten_hours else 0, rate=60)
    music(folder, "song.wav")
    return FilmError, "song.wav lasts 10:00:00 h" if ten_hours else "song.wav"


@pytest.mark.parametrize(
    "what",
    [
        "a letter that no font has", "a logo of 200 megapixels", "a logo that is none",
        "a font that is none", "music of no length", "music of ten hours", "music that ends first",
    ],
)  # fmt: skip
def test_bad_input_is_named_before_anything_is_rendered(folder, bench, what):
    error, named = spoil(folder, what)
    with pytest.raises(error) as caught:
        made(ordered(folder, bench), bench)
    assert named in caught.value.message and caught.value.hint
    assert left() == [] and not bench.shelf.exists()


def test_words_that_a_filter_would_interpret_are_only_drawn(folder, bench):
    odd = BOARD.replace("Meet {product.name}", "a:b=c,[x];'y'%{{z}}\\\\n")
    (folder / "storyboards" / "tiny.yaml").write_text(odd, encoding="utf-8")
    delivery, _ = made(ordered(folder, bench), bench)
    assert delivery.recipe.edit.cuts[0].caption in Path("a.captions.srt").read_text("utf-8")


def test_what_a_platform_would_not_take_is_refused_while_it_is_planned(folder, bench, monkeypatch):
    limits = replace(SMALL.limits, seconds=replace(SMALL.limits.seconds, least=60, most=90))
    monkeypatch.setattr(boards, "SMALL", replace(SMALL, limits=limits))
    with pytest.raises(UsageError, match=r"lasts 2.58333 s; YouTube Shorts takes 60 to 90 s"):
        ordered(folder, bench)


def test_a_reel_that_fails_its_own_check_never_gets_its_name(folder, bench, monkeypatch):
    order = ordered(folder, bench)
    limits = replace(SMALL.limits, seconds=replace(SMALL.limits.seconds, most=2))
    strict = replace(SMALL, limits=limits)
    monkeypatch.setattr(room, "find_platform", lambda name: strict)
    with pytest.raises(FilmError, match="would not be taken by YouTube Shorts") as caught:
        made(order, bench)
    assert "seconds: 2.5" in caught.value.details[0]
    assert left() == []


def test_cuts_snap_to_the_beats_that_are_known(folder, bench):
    def cuts():
        edit = ordered(folder, bench).edit
        places, half = cutlist_of(edit), Fraction(1, 2)
        return [(span.start + span.overlap * half) / edit.fps for span in places.spans[1:]], edit

    before, edit = cuts()
    wav(folder / "song.wav", 4)
    music(folder, "song.wav", tempo=60, snap="true")
    after, snapped = cuts()
    assert before == [Fraction(53, 48), Fraction(43, 24)]
    assert after == [1, Fraction(43, 24)]  # at 2 the end card would be too short
    assert seconds_of(edit) == seconds_of(snapped)


@pytest.mark.parametrize(
    ("markets", "shown"),
    [("[DE]", True), ("[EU]", True), ("[IN, US]", True), ("[US]", False), ("[BR]", False)],
)
def test_the_markets_say_whether_the_note_is_shown(folder, bench, markets, shown):
    brand = folder / "brand.yaml"
    brand.write_text(brand.read_text("utf-8").replace("[DE, US, IN]", markets), encoding="utf-8")
    assert bool(ordered(folder, bench).edit.disclosure) is shown
    person = folder / "templates" / "hero-reveal.yaml"
    words = person.read_text("utf-8").replace("seconds:", "shows_person: true\nseconds:", 1)
    person.write_text(words, encoding="utf-8")
    assert bool(ordered(folder, bench).edit.disclosure) is (shown or markets == "[US]")
    assert ordered(folder, bench, disclosure=True).edit.disclosure == "Made with AI"
