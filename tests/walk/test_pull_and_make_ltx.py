"""LTX as a person uses it: pulled from a hub, then a clip from a sentence and a picture. Tiny
weights of the real classes, the real card, layout and loading code, real processes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from cli.running import refused, run
from loopback import LoopbackHub, hub, hub_environment  # noqa: F401
from reelkiln.backends.seam import Folders
from reelkiln.film.facts import probe
from reelkiln.models.cards import find_card
from reelkiln.reel import Size

MODEL = "ltx-2b-distilled"


def serve(hub: LoopbackHub, tiny_ltx: Folders) -> None:  # noqa: F811
    """The card's repositories at the commits it names, with more in them than anybody needs."""
    for source in find_card(MODEL).used_sources:
        root = tiny_ltx[source.name]
        files = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*.*")}
        others = {"ltx-video-2b-v0.9.safetensors": b"another version", "model_index.json": b"{}"}
        hub.add(source.repo, {**files, **others}, source.branch, source.revision)


def start_picture(path: Path) -> None:
    spots = np.random.default_rng(3).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(spots).resize((600, 600), Image.Resampling.BICUBIC).save(path)


def test_pull_then_make_from_a_picture_gives_a_film(
    hub: LoopbackHub,  # noqa: F811
    tmp_path: Path,
    tiny_ltx: Folders,
) -> None:
    serve(hub, tiny_ltx)
    cache = tmp_path / "hub"
    env = {**hub_environment(hub, cache), "HF_HUB_OFFLINE": "0"}
    pulled = run("models", "pull", MODEL, env=env)
    assert pulled.returncode == 0, pulled.stderr
    assert not hub.gets("ltx-video-2b-v0.9.safetensors")

    start_picture(Path("start.png"))
    words = "a red jar on a table " + "of old oak wood " * 10
    wish = ("make", words, "--model", MODEL, "--image", "start.png", "--seconds", "1.25")
    offline = {**env, "HF_HUB_OFFLINE": "1"}
    made = run(*wish, "--aspect", "1:1", "--seed", "3", "-o", "a.mp4", ground="memory", env=offline)
    assert made.returncode == 0, made.stderr
    assert "reads 128 tokens of a sentence" in made.stderr
    assert "oak wood” was left out" in made.stderr
    facts = probe(Path("a.mp4"))
    assert (facts.size, float(facts.seconds)) == (Size(720, 720), 1.25)
    recipe = json.loads(Path("a.mp4.json").read_text("utf-8"))["recipe"]
    assert recipe["plan"]["segments"][0]["frames"] == 33
    assert any("8n + 1" in line and "cut off" in line for line in recipe["plan"]["because"])
    (unread,) = recipe["unread"]
    assert unread.endswith("oak wood")
    assert list((cache / ".locks" / "reelkiln" / "words").glob("*.safetensors"))


def test_without_its_weights_it_says_what_to_pull() -> None:
    told = refused(run("make", "a red jar", "--model", MODEL, ground="memory"), 1)
    assert f"reelkiln models pull {MODEL}" in told
