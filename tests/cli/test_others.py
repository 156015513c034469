"""`plan`, `models`, `remake`, `--help`, `--version` as processes, and the page of all commands."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from cli.running import here, refused, result, run
from loopback import hub, hub_environment  # noqa: F401
from reelkiln import __version__
from reelkiln.cli.reference import commands, reference
from reelkiln.plan.codec import plan_from_json
from reelkiln.plan.plan import Plan

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "numpy", "pydantic", "huggingface_hub", "diffusers", "av", "sqlalchemy", "cv2"}


def modules_after(*arguments):
    """The top-level modules a process has imported when the command is done."""
    code = (
        "import sys, json\n"
        "from reelkiln.cli.main import run\n"
        f"code = run({list(arguments)!r})\n"
        "print(json.dumps([code, sorted({name.partition('.')[0] for name in sys.modules})]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    code, names = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    return set(names)


@pytest.mark.parametrize("arguments", [["--help"], ["make", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    # Below the first level typer itself reads options with pydantic.
    theirs = {"pydantic"} if len(arguments) > 1 else set()
    assert not (HEAVY - theirs) & modules_after(*arguments)


def test_planning_needs_no_torch():
    loaded = modules_after(
        "plan", "a jar", "--model", "epicrealism", "--vram", "4GiB", "--ram", "9GiB"
    )
    assert not {"torch", "diffusers", "transformers"} & loaded


def test_the_version():
    assert run("--version").stdout == f"reelkiln {__version__}\n"


def test_no_command_shows_the_help():
    done = run()
    assert "Commands:" in done.stdout + done.stderr
    assert done.returncode in (0, 2)


# ── plan ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_plan_shows_the_ladder_walked_and_the_choice():
    done = run("plan", "a jar", "--model", "epicrealism", "--vram", "4GiB", "--ram", "16GiB")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("model   epicrealism")
    refused_rung = done.stdout.index("resident, decoded in one go: needs")
    assert refused_rung < done.stdout.index("which is there")
    assert "GPU memory" in done.stdout


def test_the_plan_as_json_has_the_fields_of_a_plan():
    done = run("plan", "a jar", "--model", "epicrealism", "--vram", "4", "--ram", "16", "--json")
    told = result(done)
    assert told.pop("figures") and told.pop("last") is None
    assert {field.name for field in fields(Plan)} <= told.keys()
    assert plan_from_json(told).model == "epicrealism"
    assert 0 < told["peak_bytes"] < 4 * 2**30


def test_a_machine_that_is_too_small_is_refused_with_the_ladder():
    told = refused(
        run("plan", "a jar", "--model", "epicrealism", "--vram", "1GiB", "--ram", "1GiB"), 1
    )
    assert told.count("needs") > 1


def test_planning_for_a_gpu_without_weights_names_both_ways():
    told = refused(run("plan", "a jar", "--vram", "4GiB", "--ram", "16GiB"), 1)
    assert "--model spark" in told
    assert run("plan", "a jar", "--vram", "0", "--ram", "8GiB").stdout.startswith("model   spark")


@pytest.mark.parametrize("amount", ["", "lots", "-4GiB", "nan", "4TiBit", "9" * 30, "999999 GiB"])
def test_what_is_no_amount_of_memory_is_refused(amount):
    assert "memory" in refused(run("plan", "a", f"--vram={amount}"), 2)


# ── models ───────────────────────────────────────────────────────────────────────────────────────


def test_the_list_says_what_is_here_and_what_was_not_verified():
    lines = {line.split()[0]: line for line in run("models", "list").stdout.splitlines()}
    assert "bundled" in lines["spark"]
    assert "not verified" in lines["epicrealism"]
    told = {model["name"]: model for model in result(run("models", "list", "--json"))["models"]}
    assert told["spark"]["here"] == "bundled"
    assert told["epicrealism"]["here"] == "no"


def test_a_model_shows_its_licence_honestly_and_what_each_preset_costs():
    shown = run("models", "show", "epicrealism").stdout
    assert "not verified" in shown
    assert "allowed" not in shown
    assert "emilianJR/epiCRealism" in shown
    spark = run("models", "show", "spark").stdout
    for preset in ("draft", "standard (default)", "final"):
        assert preset in spark
    assert "about" in spark
    told = result(run("models", "show", "epicrealism", "--json"))
    assert told["licence"]["state"] == "not verified"
    assert told["licence"]["commercial"] == "unknown"
    assert len(told["presets"]) == 3


@pytest.mark.torch
def test_the_bundled_model_is_in_order_and_needs_no_pull():
    assert run("models", "check", "spark").stdout.endswith("\nspark: in order\n")
    pulled = run("models", "pull", "spark")
    assert pulled.returncode == 0, pulled.stderr
    assert "bundled" in pulled.stdout


def test_a_model_is_missing_then_pulled_then_rendered_with(hub, tmp_path):  # noqa: F811
    hub.add("nobody/null-far", {"config.json": b"{}", "net.bin.json": b"[]", "other": b"x" * 99})
    ground = {"env": hub_environment(hub, tmp_path / "cache") | {"HF_HUB_OFFLINE": "0"}}
    short = ("--model", "null-far", "--seconds", "1", "--size", "64x64", "-o", "a.mp4")
    assert "reelkiln models pull null-far" in refused(run("make", "a", *short, **ground), 1)
    pulled = run("models", "pull", "null-far", **ground)
    assert pulled.returncode == 0, pulled.stderr
    assert "4 bytes to download" in pulled.stderr
    assert "fetching config.json" in pulled.stderr
    done = run("make", "a", *short, **ground)
    assert done.returncode == 0, done.stderr
    (weights,) = json.loads(Path("a.mp4.json").read_text("utf-8"))["recipe"]["weights"]
    assert len(weights["revision"]) == 40
    assert set(weights["sha256"]) == {"config.json", "net.bin.json"}
    assert not hub.gets("other")


def test_checking_what_is_not_here_says_how_to_get_it():
    done = run("models", "check", "epicrealism", ground="no-torch")
    assert done.returncode == 2
    assert "not on this disk, and the hub did not answer" in done.stdout
    assert "sprak" in refused(run("models", "check", "sprak"), 2)


def test_checking_without_torch_says_what_to_install():
    done = run("models", "check", "spark", ground="no-torch")
    assert done.returncode == 2
    assert "spark needs torch, which is not installed" in done.stderr
    assert 'pip install ".[gpu]"' in done.stderr


# ── remake ───────────────────────────────────────────────────────────────────────────────────────

SHORT = ("--model", "null", "--seconds", "1", "--size", "64x64")


def test_a_film_is_remade_with_the_same_pixels():
    assert run("make", "a red jar", *SHORT, "-o", "jar.mp4").returncode == 0
    done = run("remake", "jar.mp4")
    assert done.returncode == 0, done.stderr
    assert "are the same as" in done.stderr
    assert "jar-again.mp4" in here()
    told = result(run("remake", "jar.mp4", "-o", "third.mp4", "--json"))
    assert told["same_pixels"] is True
    assert "exists already" in refused(run("remake", "jar.mp4"), 2)


def test_a_plan_for_a_gpu_stops_without_one_and_is_planned_anew_on_request():
    assert run("make", "a red jar", *SHORT, "-o", "jar.mp4", ground="gpu").returncode == 0
    told = refused(run("remake", "jar.mp4"), 1)
    assert "another machine" in told
    assert "--replan" in told.splitlines()[-1]
    done = run("remake", "jar.mp4", "--replan")
    assert done.returncode == 0, done.stderr
    assert "the pixels will differ" in done.stderr


def test_a_film_without_a_recipe_says_what_is_missing():
    told = refused(run("remake", "none.mp4"), 2)
    assert "there is no film" in told
    Path("text.mp4").write_text("no film")
    told = refused(run("remake", "text.mp4"), 2)
    for place in ("the file:", "the sidecar:", "the ledger:"):
        assert place in told


def test_a_damaged_ledger_is_said_before_anything_is_rendered(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "ledger.db").write_bytes(b"no database " * 400)
    done = run("make", "a", *SHORT, env={"REELKILN_STATE": str(state)})
    assert "damaged" in refused(done, 1)
    assert "loading" not in done.stderr
    assert here() == []


def test_a_state_folder_that_cannot_be_written_is_named():
    assert "/proc/x" in refused(run("make", "a", *SHORT, env={"REELKILN_STATE": "/proc/x"}), 1)


# ── help ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_of_commands_is_up_to_date():
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert page == reference(), "run: python -m reelkiln.cli.reference > docs/cli.md"


def test_every_command_and_every_option_has_help():
    pages = dict(commands())
    assert len(pages) >= 9
    for path, words in pages.items():
        _, _, rest = words.partition("\n\n")
        assert rest.strip(), path
        for line in rest.splitlines():
            if line.strip().startswith("-") and not line.startswith("   "):
                assert len(line.split("  ")) > 2 or line.endswith((">", "FILE")), f"{path}: {line}"


def test_a_plan_takes_the_model_that_make_would_take():
    """Without what drafts need, a model on the disk is none for a draft."""
    ground = "gpu,half-pulled"
    usual = run("plan", "a jar", "--json", ground=ground)
    assert result(usual)["model"] == "epicrealism-lightning"
    draft = run("plan", "a jar", "--preset", "draft", "--json", ground=ground)
    assert result(draft)["model"] == "ltx-2b-distilled"
    told = run("make", "a jar", "--preset", "draft", ground=ground)
    assert "ltx-2b-distilled" in told.stderr
    assert told.returncode != 0  # its weights are not really there
