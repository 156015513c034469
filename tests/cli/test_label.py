"""`label` as a process, and what `make` leaves for it to read."""

import shutil
from pathlib import Path

import pytest

from cli.running import refused, result, run
from film.scenes import made_by_ffmpeg, make
from film.signers import NOON, issued
from reelkiln.film.certificate import own
from reelkiln.film.label import Claim, label

RECIPE = "5e" * 32


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    chain, key, _ = issued(folder)
    make(folder / "plain.mp4")
    shutil.copy(folder / "plain.mp4", folder / "good.mp4")
    label(folder / "good.mp4", Claim(recipe=RECIPE), own(chain, key, NOON))
    data = bytearray((folder / "good.mp4").read_bytes())
    data[data.rindex(b"mdat") + 400] ^= 1
    (folder / "changed.mp4").write_bytes(data)
    (folder / "cut.mp4").write_bytes(data[:3000])
    made_by_ffmpeg(folder / "copied.mp4", "-i", str(folder / "good.mp4"), "-c", "copy")
    return folder


@pytest.fixture(autouse=True)
def here(films):
    for film in films.iterdir():
        shutil.copy(film, Path.cwd())


def test_a_labelled_film_ends_with_0():
    done = run("label", "good.mp4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "good.mp4: labelled as made by AI; signed, issuer unknown, unchanged since",
        "  says: created: trainedAlgorithmicMedia, XMP: trainedAlgorithmicMedia",
        "  signs as: Studio Nine",
        f"  recipe: {RECIPE}",
    ]
    assert done.stderr == ""
    told = run("label", "good.mp4", "--trust", "es256.root.pem")
    assert told.returncode == 0
    assert "signed, issuer trusted, unchanged since" in told.stdout


@pytest.mark.parametrize(
    ("film", "said"),
    [
        ("changed.mp4", "LABEL BROKEN: the film was changed after it was signed"),
        ("copied.mp4", "not labelled"),
        ("plain.mp4", "not labelled"),
        ("cut.mp4", "cannot be read: cut.mp4 is cut short or damaged"),
    ],
)
def test_any_other_film_ends_with_1_and_says_why(film, said):
    done = run("label", film)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith(f"{film}: {said}")
    assert done.stderr == ""


def test_every_film_is_told_as_json():
    done = run("label", "good.mp4", "changed.mp4", "cut.mp4", "--json")
    assert done.returncode == 1
    good, broken, cut = result(done)["films"]
    assert good == {
        "path": "good.mp4",
        "ok": True,
        "state": "issuer unknown",
        "reason": "",
        "signed": True,
        "signer": "Studio Nine",
        "made_by_ai": True,
        "claims": ["created: trainedAlgorithmicMedia", "XMP: trainedAlgorithmicMedia"],
        "recipe": RECIPE,
        "words": "",
    }
    assert (broken["ok"], broken["state"], broken["signed"]) == (False, "broken", True)
    assert (cut["ok"], cut["error"]["code"]) == (False, "film_error")
    assert run("label", "good.mp4", "good.mp4", "--json").returncode == 0


def test_what_cannot_be_looked_at_is_refused():
    assert "gone.mp4 is missing" in refused(run("label", "gone.mp4"), 2)
    told = refused(run("label", "good.mp4", "--trust", "plain.mp4"), 2)
    assert "holds no certificates" in told


def test_what_make_delivers_is_labelled_by_this_machine_or_by_whom_the_settings_name(films):
    short = ("--model", "null", "--seconds", "1", "--size", "64x64", "--seed", 5, "--private")
    made = run("make", "a red jar", *short, "-o", "ours.mp4")
    assert made.returncode == 0, made.stderr
    told = run("label", "ours.mp4")
    assert told.returncode == 0
    assert "signs as: reelkiln on this machine" in told.stdout
    chain, key = films / "es256.pem", films / "es256.key"
    own_one = {"REELKILN_SIGNING_CHAIN": str(chain), "REELKILN_SIGNING_KEY": str(key)}
    made = run("make", "a red jar", *short, "-o", "theirs.mp4", env=own_one)
    assert made.returncode == 0, made.stderr
    assert "signs as: Studio Nine" in run("label", "theirs.mp4").stdout
    half = run("make", "a red jar", *short, "-o", "c.mp4", env={"REELKILN_SIGNING_KEY": str(key)})
    assert "one of them is not named" in refused(half, 2)
