"""`reelkiln reel` as a process: what it writes, what it refuses, where it goes on."""

from pathlib import Path

import pytest

from cli.running import here, refused, result, run
from kiln.boards import BOARD, SKU, starter


@pytest.fixture
def brand(monkeypatch):
    """The current folder is a workspace with a small storyboard."""
    monkeypatch.chdir(starter(Path("glow").absolute()))
    return here()


def reel(*more, **options):
    return run("reel", "tiny", "--product", SKU, "--model", "null", *more, **options)


def test_a_reel_is_stopped_goes_on_and_passes_its_platform(brand):
    stopped = reel("-o", "a.mp4", ground="stop-finish")
    assert stopped.returncode == 130, stopped.stderr
    assert here() == sorted([*brand, ".reelkiln"])
    done = reel("-o", "a.mp4", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("its takes are kept from before") == 2
    (made,) = result(done)["reels"]
    assert made["takes_it"] is True
    assert (made["size"], made["platform"], made["frames"]) == ("1080x1920", "youtube-shorts", 62)
    assert run("validate", "a.mp4", "--platform", "youtube-shorts").returncode == 0
    assert run("label", "a.mp4").returncode == 0
    assert "exists already" in refused(reel("-o", "a.mp4"), 2)
    effect = run("review", "a.mp4", "--approve", "--by", "ada")
    assert effect.returncode == 0, effect.stderr


@pytest.mark.once
def test_a_dry_run_names_every_reel_and_renders_nothing(brand):
    assert "2.58333 s; TikTok takes 3 to" in refused(reel("--platform", "tiktok", "--dry-run"), 2)
    longer = BOARD.replace("seconds: 1.2", "seconds: 3")
    Path("storyboards/tiny.yaml").write_text(longer, encoding="utf-8")
    done = reel("--platform", "tiktok", "--platform", "square-feed", "--language", "en",
                "--language", "hi", "--dry-run", "--json", "-o", "x.mp4")  # fmt: skip
    plan = result(done)
    assert [Path(one["film"]).name for one in plan["reels"]] == [
        "x-en-tiktok.mp4", "x-en-square-feed.mp4", "x-hi-tiktok.mp4", "x-hi-square-feed.mp4",
    ]  # fmt: skip
    assert [one["size"] for one in plan["reels"][:2]] == ["1080x1920", "1080x1080"]
    assert plan["reels"][2]["shots"][0]["caption"] == "मिलिए"
    table = reel("--dry-run")
    assert f"reels/{SKU}-tiny-youtube-shorts.mp4" in table.stdout.replace("\\", "/")
    assert "nothing was rendered" in table.stdout
    assert not Path("reels").exists() and not Path(".reelkiln/takes").exists()


def test_the_preview_shows_the_safe_zone_without_rendering(brand):
    done = reel("--show-safe-zone", "-o", "a.mp4")
    assert done.returncode == 0, done.stderr
    assert "a.safe-zone.png" in done.stdout
    assert "a.mp4" not in here() and Path("a.safe-zone.png").read_bytes()[:4] == b"\x89PNG"
    assert "exists already" in refused(reel("--show-safe-zone", "-o", "a.mp4"), 2)


def test_a_storyboard_is_found_by_its_file_from_anywhere(brand, monkeypatch):
    monkeypatch.chdir("..")
    done = run("reel", "glow/storyboards/tiny.yaml", "--product", SKU, "--model", "null",
               "--dry-run", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    lost = Path("lost.yaml")
    lost.write_text(BOARD, encoding="utf-8")
    said = refused(run("reel", "lost.yaml", "--product", SKU), 2)
    assert "no brand.yaml" in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--platform", "tiktoc"), "no platform is called 'tiktoc'"),
        (("--embed-recipe", "--private"), "two answers"),
        (("--language", "de"), "has no words in de"),
        (("-o", "a.mov"), "must end in .mp4"),
        pytest.param(
            ("--upscale",), "the weights for --upscale are not installed", marks=pytest.mark.upscale
        ),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(brand, more, said):
    assert said in refused(reel(*more), 2)


def test_boards_without_platform_music_or_sense_are_named(brand):
    board = Path("storyboards/nowhere.yaml")
    board.write_text("storyboard: nowhere\ntitle: x\nshots: [{template: hero-reveal}]\n", "utf-8")
    assert "names no platform" in refused(run("reel", "nowhere", "--product", SKU), 2)
    assert "did you mean launch?" in refused(run("reel", "lunch", "--product", SKU), 2)
    assert "there is no storyboard" in refused(run("reel", "x.yaml", "--product", SKU), 2)
    board = Path("storyboards/tiny.yaml")
    for music, wrong in [
        ("{bed: brihgt}", "no music bed is called"),
        ("{file: song.mp3}", "storyboards/tiny.yaml:5:15: there is no file song.mp3"),
        ("{bed: calm, tempo: 90}", "a bed has its own licence, source and tempo"),
        ("{file: logo.png, licence: MIT}", "state licence and source, or neither"),
        ("{file: logo.png, snap: true}", "snap needs the track's tempo"),
    ]:
        board.write_text(BOARD.replace("{bed: bright}", music), encoding="utf-8")
        assert wrong in refused(reel("--dry-run"), 2), music
