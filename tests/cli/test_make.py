"""`reelkiln make` as a process: files, words, JSON, and every way it can be misused."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.running import command, here, refused, result, run
from reelkiln.film.facts import probe

SHORT = ("--model", "null", "--seconds", "1", "--size", "64x64")
FILES = [
    "a-red-jar-5.mp4",
    "a-red-jar-5.mp4.json",
    "a-red-jar-5.poster.png",
    "a-red-jar-5.sheet.png",
]


def test_words_become_files_named_by_words_and_seed():
    done = run("make", "a red jar", *SHORT, "--seed", 5)
    assert done.returncode == 0, done.stderr
    assert here() == FILES
    assert probe(Path(FILES[0])).frames == 24
    film, poster, sheet, recipe = done.stdout.splitlines()
    for line, name in zip(
        (film, poster, sheet, recipe), (FILES[0], *FILES[2:], FILES[1]), strict=True
    ):
        assert name in line
    for line in (
        "model null: you asked for it",
        "seed 5",
        "loading the model",
        "rendering",
        "finishing",
    ):
        assert line in done.stderr.splitlines()
    assert "too short for" in done.stderr
    assert "on the processor" in done.stderr


def test_json_is_one_object_and_nothing_else():
    done = run("make", "a red jar", *SHORT, "--seed", 5, "--count", 2, "-o", "jar.mp4", "--json")
    assert done.returncode == 0, done.stderr
    told = result(done)
    assert told["model"] == "null"
    assert [clip["seed"] for clip in told["clips"]] == [5, 6]
    assert [clip["film"] for clip in told["clips"]] == ["jar-1.mp4", "jar-2.mp4"]
    for clip in told["clips"]:
        assert all(Path(clip[file]).is_file() for file in ("film", "poster", "sheet", "sidecar"))
        assert (clip["frames"], clip["seconds"], clip["size"]) == (24, 1.0, "64x64")
    assert "rendering" in done.stderr


def test_quiet_prints_the_film_alone_and_a_drawn_seed_is_recorded():
    done = run("make", "-", *SHORT, "--quiet", input="a red jar from stdin\n")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (name,) = done.stdout.splitlines()
    seed = json.loads(Path(f"{name}.json").read_text("utf-8"))["recipe"]["shot"]["seed"]
    assert name == f"a-red-jar-from-stdin-{seed}.mp4"


def test_an_existing_file_is_refused_before_rendering_unless_forced():
    Path("jar.poster.png").write_text("mine")
    done = run("make", "a red jar", *SHORT, "-o", "jar.mp4")
    assert "jar.poster.png exists already" in refused(done, 2)
    assert "loading" not in done.stderr
    assert here() == ["jar.poster.png"]
    assert Path("jar.poster.png").read_text() == "mine"
    assert run("make", "a red jar", *SHORT, "-o", "jar.mp4", "--force").returncode == 0
    assert Path("jar.mp4").is_file()


BAD = {
    "empty prompt": (["make", "  "], "the prompt is empty"),
    "long prompt": (["make", "x" * 4001], "4,001 characters"),
    "surrogates": (["make", os.fsdecode(b"a \xff jar")], "no UTF-8 text"),
    "surrogates in negative": (["make", "a", "--negative", os.fsdecode(b"\xff")], "no UTF-8 text"),
    "seconds nan": (["make", "a", "--seconds", "nan"], "no number of seconds"),
    "seconds inf": (["make", "a", "--seconds", "inf"], "no number of seconds"),
    "seconds 0": (["make", "a", "--seconds", "0"], "out of bounds"),
    "seconds 9": (["make", "a", "--seconds", "9"], "out of bounds"),
    "seconds abc": (["make", "a", "--seconds", "abc"], "no number of seconds"),
    "size": (["make", "a", "--size", "3x3"], "out of bounds"),
    "odd size": (["make", "a", "--size", "641x640"], "odd side"),
    "no size": (["make", "a", "--size", "big"], "no size"),
    "aspect": (["make", "a", "--aspect", "2:1"], "no aspect"),
    "both": (["make", "a", "--aspect", "1:1", "--size", "64x64"], "two answers"),
    "model": (["make", "a", "--model", "sprak"], "sprak"),
    "preset": (["make", "a", "--preset", "fast"], "fast"),
    "seed": (["make", "a", "--seed", "-1"], "--seed"),
    "seed word": (["make", "a", "--seed", "x"], "--seed"),
    "count": (["make", "a", "--count", "0"], "--count"),
    "option": (["make", "a", "--fast"], "--fast"),
    "no prompt": (["make"], "PROMPT"),
    "no command": (["mkae"], "mkae"),
    "folder missing": (["make", "a", "-o", "nowhere/a.mp4"], "does not exist"),
    "folder is a file": (["make", "a", "-o", "file/a.mp4"], "is a file"),
    "folder read-only": (["make", "a", "-o", "/proc/a.mp4"], "/proc/a.mp4"),
    "no mp4": (["make", "a", "-o", "a.avi"], "must end in .mp4"),
    "device": (["make", "a", "-o", "nul.mp4"], "Windows"),
    "long name": (["make", "a", "-o", "x" * 400 + ".mp4"], "too long"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_a_hint(case):
    arguments, says = BAD[case]
    Path("file").write_text("")
    told = refused(run(*arguments), 2)
    assert says in told
    assert "loading" not in told
    assert here() == ["file"]


def test_a_current_folder_that_is_gone_is_said(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os, sys; os.rmdir({str(gone)!r}); os.execv(sys.executable, sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, *command("make", "a", *SHORT)],
        cwd=gone,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert "no longer there" in refused(done, 2)


def test_a_strange_model_gets_the_nearest_name():
    assert "spark" in refused(run("make", "a", "--model", "sparkk"), 2).splitlines()[-1]


def test_nul_bytes_come_through_stdin_and_are_refused():
    done = subprocess.run(
        command("make", "-"), input=b"a \0 jar", capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 2
    assert b"NUL" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (["make", " ", "--json"], 2, "usage"),
        (["make", "a", "--seed", "x", "--json"], 2, "usage"),
        (["make", "a", "--nonsense", "--json"], 2, "usage"),
        (["make", "a", "--model", "sprak", "--json"], 2, "unknown_name"),
        (["make", "a", "--model", "epicrealism", "--json"], 1, "weights_missing"),
        pytest.param(
            ["models", "pull", "epicrealism", "--json"],
            75,
            "hub_unreachable",
            marks=pytest.mark.torch,  # without it, the missing library is said first
        ),
    ],
)
def test_failures_as_json_are_one_object_on_stdout(arguments, exit_code, code):
    done = run(*arguments)
    assert done.returncode == exit_code
    error = result(done)["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["hint"]
    assert "Traceback" not in done.stderr


def test_a_model_that_is_not_here_names_its_size_and_both_ways():
    told = refused(run("make", "a", "--model", "epicrealism"), 1)
    assert "GB to download" in told
    assert "seed" not in told
    assert "reelkiln models pull epicrealism" in told
    assert "--model spark" in told


@pytest.mark.torch
def test_a_hub_that_cannot_be_reached_is_said_and_spark_is_named():
    told = refused(run("models", "pull", "epicrealism", env={"HF_HUB_OFFLINE": "0"}), 75)
    assert "--model spark" in told


def test_auto_on_a_gpu_without_weights_never_takes_the_bundled_model():
    told = refused(run("make", "a", ground="gpu"), 1)
    assert "reelkiln models pull epicrealism-lightning" in told
    assert "--model spark" in told


def test_torch_that_is_not_installed_is_a_usage_error():
    done = run("make", "a bottle", "--model", "spark", ground="no-torch")
    assert "torch" in refused(done, 2)
    assert here() == []


def test_a_full_disk_is_said_and_leaves_nothing():
    assert "disk is full" in refused(run("make", "a", *SHORT, ground="full-disk"), 75)
    assert here() == []


def test_lost_values_are_refused_and_nothing_is_kept():
    done = run("make", "a", *SHORT[2:], "--model", "null-nan", "-o", "a.mp4")
    assert "nothing was kept" in refused(done, 1)
    assert here() == []


def test_a_refused_clip_is_kept_beside():
    done = run("make", "a", *SHORT[2:], "--model", "null-black", "-o", "a.mp4")
    assert "a.refused.mp4" in refused(done, 1)
    assert "a.refused.mp4" in here()
    assert "a.mp4" not in here()
    assert done.stderr.count("again with seed") == 2


@pytest.mark.parametrize("phase", ["load", "encode", "denoise", "decode", "check", "finish"])
def test_ctrl_c_in_any_phase_ends_at_once_and_leaves_nothing(phase):
    done = run("make", "a", *SHORT, ground=f"stop-{phase}")
    assert done.returncode == 130
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == "reelkiln: stopped"
    assert "Traceback" not in done.stderr
    assert here() == []


def test_ctrl_c_during_the_cleaning_up_does_not_cut_it_short():
    done = run("make", "a", *SHORT, ground="stop-finish,again")
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert here() == []


def wait_for(process, words):
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"{words!r} was never told")


@pytest.mark.parametrize(
    ("model", "seconds", "words"), [("null-slow", "1", "rendering"), ("null", "8", "finishing")]
)
def test_ctrl_c_from_a_terminal_reaches_every_child_and_may_be_pressed_twice(model, seconds, words):
    process = subprocess.Popen(
        command("make", "a", "--model", model, "--seconds", seconds, "-o", "a.mp4"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(process, words)
    time.sleep(0.3)  # into the phase: the encoder, a child, is running by now
    os.killpg(process.pid, signal.SIGINT)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert here() == []


def test_ctrl_c_as_json():
    done = run("make", "a", *SHORT, "--json", ground="stop-denoise")
    assert done.returncode == 130
    assert result(done)["error"]["code"] == "cancelled"


def test_on_a_terminal_there_is_a_bar_with_phase_and_step():
    screen, inside = pty.openpty()
    done = subprocess.run(
        command("make", "a", *SHORT, "-o", "a.mp4"),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
        timeout=120,
        check=False,
    )
    os.close(inside)
    shown = b""
    while True:
        try:
            piece = os.read(screen, 65536)
        except OSError:
            break
        shown += piece
    os.close(screen)
    assert done.returncode == 0
    text = shown.decode()
    assert "rendering" in text
    assert "━" in text
    assert "film    a.mp4" in text


def test_a_reader_that_goes_away_is_no_traceback():
    process = subprocess.Popen(
        command("models", "list"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(timeout=180)
