"""`models pull` and `models check` as processes: what is refused before a byte of weights moves."""

import json
import os
import pty
import random
import struct
import subprocess
from contextlib import suppress

import pytest

from cli.running import command, refused, result, run
from loopback import hub, hub_environment  # noqa: F401

HEAD = json.dumps({"w": {"dtype": "U8", "shape": [4_000_000], "data_offsets": [0, 4_000_000]}})
WEIGHTS = struct.pack("<Q", len(HEAD)) + HEAD.encode() + random.Random(5).randbytes(4_000_000)
FILES = {"config.json": b"{}", "net/w.safetensors": WEIGHTS}
INDEX = {"_class_name": "LTXPipeline", "net": ["diffusers", "LTXVideoTransformer9DModel"]}
TORCH = pytest.mark.torch


@pytest.fixture
def ground(hub, tmp_path):  # noqa: F811
    env = hub_environment(hub, tmp_path / "cache") | {"HF_HUB_OFFLINE": "0"}
    return {"env": env}


def weights_moved(hub):  # noqa: F811
    return hub.gets("safetensors")


# ── the four failures ────────────────────────────────────────────────────────────────────────────


def test_a_variant_that_does_not_exist(hub, ground):  # noqa: F811
    hub.add("nobody/null-fp16", FILES)
    told = refused(run("models", "pull", "null-fp16", **ground), 1)
    assert "nobody/null-fp16 has no variant 'fp16'" in told
    assert "Name net/w.safetensors in the card" in told
    assert not weights_moved(hub)


def test_a_set_that_does_not_exist_is_refused_before_the_hub_is_asked(hub, ground):  # noqa: F811
    told = refused(run("models", "pull", "spark", "--set", "fp16", **ground), 2)
    assert "no set is called 'fp16'" in told
    assert not hub.asked


@TORCH
def test_a_tokenizer_that_nothing_here_can_read(hub, ground):  # noqa: F811
    hub.add("nobody/null-words", {"tokenizer/spiece.model": b"pieces", **FILES})
    done = run("models", "pull", "null-words", ground="no-pieces", **ground)
    told = refused(done, 2)
    assert "tokenizer/spiece.model of null-words needs sentencepiece" in told
    assert "pip install sentencepiece" in told
    assert "tiktoken" not in told
    assert not weights_moved(hub)
    assert run("models", "pull", "null-words", **ground).returncode == 0


@TORCH
def test_a_class_that_the_library_lacks(hub, ground):  # noqa: F811
    hub.add("nobody/null-class", {"model_index.json": json.dumps(INDEX).encode(), **FILES})
    told = refused(run("models", "pull", "null-class", **ground), 2)
    assert "net in nobody/null-class/model_index.json is a LTXVideoTransformer9DModel" in told
    assert "which diffusers 0.42" in told
    assert not weights_moved(hub)


@TORCH
def test_code_of_the_repository_is_never_run(hub, ground):  # noqa: F811
    own = {"net": ["my_network", "MyNetwork"]}
    hub.add("nobody/null-class", {"model_index.json": json.dumps(own).encode(), **FILES})
    told = refused(run("models", "pull", "null-class", "--yes", **ground), 1)
    assert "Python code in the repository, which is never run" in told
    assert not weights_moved(hub)


def test_libraries_outside_the_known_range(hub, ground):  # noqa: F811
    done = run("models", "pull", "epicrealism", ground="no-torch", **ground)
    told = refused(done, 2)
    assert "epicrealism needs torch, which is not installed" in told
    assert "diffusers" in told
    assert not weights_moved(hub)


# ── room, size and progress ──────────────────────────────────────────────────────────────────────


def test_size_time_and_room_are_said_first(hub, ground):  # noqa: F811
    hub.add("nobody/null-large", FILES)
    done = run("models", "pull", "null-large", **ground)
    assert done.returncode == 0, done.stderr
    first, second, *_ = done.stderr.splitlines()
    assert first == "null-large: 2 files, 4 MB (the card expects 1 MB)"
    assert second.startswith("4 MB to download into ")
    assert second.endswith("1 s over a line of 50 Mbit a second")
    assert "fetching net/w.safetensors: 4 of 4 MB" in done.stderr


def test_a_disk_without_room_is_refused_where_nobody_can_be_asked(hub, ground):  # noqa: F811
    hub.add("nobody/null-large", FILES)
    told = refused(run("models", "pull", "null-large", ground="small-disk", **ground), 75)
    assert "null-large needs 4 MB more in" in told
    assert "the disk has 1 MB free" in told
    assert not weights_moved(hub)
    done = run("models", "pull", "null-large", "--yes", ground="small-disk", **ground)
    assert done.returncode == 0, done.stderr
    assert "going on all the same" in done.stderr
    told = result(run("models", "check", "null-large", "--json", **ground))
    assert told["models"][0]["ok"]


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 75)])
def test_a_disk_without_room_is_asked_about_on_a_terminal(hub, ground, answer, code):  # noqa: F811
    hub.add("nobody/null-large", FILES)
    screen, inside = pty.openpty()
    running = subprocess.Popen(
        command("models", "pull", "null-large", ground="small-disk"),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env=ground["env"] | {"TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(inside)
    seen = ""
    while "all the same?" not in seen:
        seen += os.read(screen, 4096).decode("utf-8", "replace")
    assert "the disk has 1 MB free" in seen
    os.write(screen, f"{answer}\n".encode())
    with suppress(OSError):  # the terminal is gone with the process
        while more := os.read(screen, 4096).decode("utf-8", "replace"):
            seen += more
    assert running.wait(timeout=180) == code
    os.close(screen)
    assert bool(weights_moved(hub)) is (code == 0)


def test_a_killed_pull_is_finished_by_the_next_process(hub, ground):  # noqa: F811
    hub.add("nobody/null-large", FILES)
    hub.faults.pause = 0.02
    first = subprocess.Popen(
        command("models", "pull", "null-large"),
        env=ground["env"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        encoding="utf-8",
    )
    for line in first.stderr:
        if line.startswith("fetching net/w.safetensors: 2 of 4 MB"):
            break
    first.kill()
    first.communicate()
    assert first.returncode != 0
    hub.faults.pause = 0.0
    hub.asked.clear()
    done = run("models", "pull", "null-large", **ground)
    assert done.returncode == 0, done.stderr
    assert "of it is here" in done.stderr
    (again,) = {a.headers["range"] for a in hub.gets("w.safetensors") if a.server == "storage"}
    assert int(again.removeprefix("bytes=").rstrip("-")) > 1_000_000
    checked = run("models", "check", "null-large", "--hashes", **ground)
    assert checked.returncode == 0, checked.stderr


def test_a_file_with_the_wrong_content_never_counts_as_here(hub, ground, tmp_path):  # noqa: F811
    hub.add("nobody/null-large", FILES)
    hub.faults.wrong = {"net/w.safetensors": 2}
    told = refused(run("models", "pull", "null-large", "--quiet", **ground), 1)
    assert "arrived twice with the wrong content" in told
    assert run("models", "pull", "null-large", "--quiet", **ground).returncode == 0
    (blob,) = [path for path in (tmp_path / "cache").rglob("blobs/*") if path.stat().st_size > 1000]
    blob.write_bytes(WEIGHTS[:-1] + b"?")
    done = run("models", "check", "null-large", "--hashes", **ground)
    assert done.returncode == 1
    assert "net/w.safetensors has the sha256" in done.stderr


# ── check, before a download ─────────────────────────────────────────────────────────────────────


def test_what_can_be_pulled_is_told_with_its_size(hub, ground):  # noqa: F811
    hub.add("nobody/null-large", FILES)
    done = run("models", "check", "null-large", **ground)
    assert done.returncode == 0, done.stderr
    assert "2 on the hub, 4 MB (the card expects 1 MB)" in done.stdout
    assert "null-large: can be used here: reelkiln models pull null-large" in done.stdout
    assert not weights_moved(hub)


def test_without_a_hub_what_is_known_is_told(ground):
    closed = {"env": ground["env"] | {"HF_HUB_OFFLINE": "1"}}
    done = run("models", "check", "null-large", **closed)
    assert done.returncode == 75
    assert "not known  files" in done.stdout
    assert "offline mode is on" in done.stderr
    told = run("models", "check", "null-large", "--offline", **closed)
    assert told.returncode == 0
    assert "as far as it can be known, in order" in told.stdout
