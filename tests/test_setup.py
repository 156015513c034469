"""Setting up: what is wrong is said in one line with the way out, before anything is made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import setup
import setup_plan
from setup_plan import Python, SetupError

ROOT = Path(__file__).resolve().parent.parent

OLD = Python("/usr/bin/python3", (3, 10, 12), True)
FINE = Python("/opt/py311/bin/python3", (3, 11, 2), True)
NEWER = Python("/opt/py313/bin/python3", (3, 13, 0), True)
BARE = Python("/usr/bin/python3.12", (3, 12, 3), False)
FUTURE = Python("/opt/py314/bin/python3", (3, 14, 0), True)


# ── what it decides ──────────────────────────────────────────────────────────────────────────────
def test_the_interpreter_everything_is_tested_on_comes_first():
    assert setup_plan.choose([NEWER, OLD, FINE, BARE], "make demo") is FINE
    assert setup_plan.choose([FUTURE, NEWER, BARE], "make demo") is NEWER


@pytest.mark.parametrize("found", [[], [OLD], [OLD, FUTURE]])
def test_no_fitting_python_is_one_line_with_the_way_out(found):
    with pytest.raises(SetupError) as caught:
        setup_plan.choose(found, "make test")
    line = str(caught.value)
    assert "3.11 to 3.13" in line and "make test PYTHON=" in line and "\n" not in line
    assert all(python.label in line for python in found)


def test_a_python_without_venv_is_one_line_with_the_package_to_install():
    with pytest.raises(SetupError, match=r"apt install python3\.12-venv\), then run make demo"):
        setup_plan.choose([OLD, BARE], "make demo")


def test_a_short_disk_names_the_folder_and_what_to_free():
    line = setup_plan.disk_problem("/home/me/reelkiln", 10**9, 25 * 10**8, "make demo")
    assert line.startswith("The disk is short: 1.0 GB free in /home/me/reelkiln, 2.5 GB needed")
    assert "Free 1.5 GB" in line and line.endswith("run make demo again")
    assert setup_plan.disk_problem("/", 25 * 10**8, 25 * 10**8, "make demo") == ""


@pytest.mark.parametrize(
    ("index", "system", "wheels", "cuda"),
    [
        ("", "linux", [], True),
        ("", "linux", ["torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"], False),
        ("", "darwin", [], False),
        ("https://download.pytorch.org/whl/cpu", "linux", [], False),
        ("https://download.pytorch.org/whl/cpu/", "linux", [], False),
        ("https://download.pytorch.org/whl/cu130", "linux", [], True),
    ],
)
def test_the_gigabytes_of_cuda_are_foreseen(index, system, wheels, cuda):
    assert setup_plan.gives_cuda(index, system, wheels) is cuda


def test_the_announcement_says_how_much_from_where_and_how_to_take_less():
    def said(kind, index="", *, cuda):
        return "\n".join(
            setup_plan.announce(kind, FINE, sources=["pypi.org"], torch_index=index, cuda=cuda)
        )

    assert "about 440 MB from pypi.org (1.9 GB" in said("demo", cuda=False)
    assert "TORCH_INDEX" not in said("demo", cuda=False)
    assert f"make demo TORCH_INDEX={setup_plan.CPU_INDEX}" in said("demo", cuda=True)
    assert "about 2940 MB" in said("demo", cuda=True)
    assert "torch comes from example.org." in said(
        "test", "https://me:secret@example.org/w", cuda=False
    )
    assert "secret" not in said("test", "https://me:secret@example.org/w", cuda=True)
    assert "NVIDIA" not in said("core", cuda=True)


# ── what it does ─────────────────────────────────────────────────────────────────────────────────
def fake_python(folder, version):
    """A program that answers the question of its version, as an interpreter would."""
    file = folder / "python"
    answer = f"echo '[{version}, true, \"{file}\"]'"
    rest = f'exec {sys.executable} "$@"'
    file.write_text(f'#!/bin/sh\ncase "$*" in *ensurepip*) {answer} ;; *) {rest} ;; esac\n')
    file.chmod(0o755)
    return str(file)


@pytest.fixture
def clone(tmp_path):
    """The files of a fresh clone that setting up reads, in a folder of their own."""
    for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("scripts", "constraints"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def make(clone, *arguments, **environment):
    base = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments],
        cwd=clone,
        env=base | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_help_names_every_public_target(clone):
    done = make(clone)
    assert done.returncode == 0
    for target in ("demo", "test", "check", "bench", "wheel-walk", "clean", "TORCH_INDEX"):
        assert target in done.stdout


@pytest.mark.parametrize("target", ["demo", "test"])
def test_make_with_an_old_python_ends_before_anything_is_made(clone, tmp_path, target):
    old = fake_python(tmp_path, [3, 10, 13])
    done = make(clone, target, f"PYTHON={old}")
    assert done.returncode == 2
    assert done.stderr.startswith(f"reelkiln needs Python 3.11 to 3.13; found 3.10.13 ({old}).")
    assert not (clone / ".venv").exists()


def test_make_without_any_python_says_so(clone):
    done = make(clone, "demo", "PYTHON=/no/such/python")
    assert done.returncode == 2
    assert done.stderr.startswith("reelkiln needs Python 3.11 to 3.13, and /no/such/python is")


def test_a_failed_install_says_why_and_the_next_run_begins_afresh(clone):
    nowhere = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PYTHON": sys.executable}
    first = make(clone, "set-up-demo", **nowhere)
    assert first.returncode == 2
    assert "Downloading about" in first.stdout
    assert first.stderr.startswith("pip failed: ")
    assert "setup.log" in first.stderr.splitlines()[0]
    assert (clone / ".venv" / setup.UNFINISHED).exists()
    second = make(clone, "set-up-demo", **nowhere)
    assert ".venv: making it anew, its last set-up was interrupted." in second.stdout


def test_an_environment_is_kept_only_while_it_can_be_built_upon(tmp_path):
    inside = tmp_path / "bin"
    inside.mkdir()
    assert "does not run" in setup.why_rebuild(tmp_path, FINE)
    fake_python(inside, [3, 11, 9])
    assert setup.why_rebuild(tmp_path, FINE) == ""
    assert setup.why_rebuild(tmp_path, NEWER) == "it holds Python 3.11"
    (tmp_path / setup.UNFINISHED).touch()
    assert "interrupted" in setup.why_rebuild(tmp_path, FINE)


def test_a_stamp_counts_until_what_is_declared_changes(tmp_path, clone, monkeypatch):
    monkeypatch.setattr(setup, "ROOT", clone)
    wanted = setup.Wanted(tmp_path, "demo")
    assert not setup.is_stamped(wanted)
    mark = setup.fingerprint(wanted)
    for kind, ready in (("demo", True), ("test", True), ("core", False)):
        (tmp_path / setup.STAMP).write_text(f'{{"mark": "{mark}", "kind": "{kind}"}}')
        assert setup.is_stamped(wanted) is ready
    (tmp_path / setup.STAMP).write_text(f'{{"mark": "{mark}", "kind": "test"}}')
    assert not setup.is_stamped(wanted._replace(torch_index=setup_plan.CPU_INDEX))
    with monkeypatch.context() as other:
        other.setitem(setup.REQUIREMENTS, "core", ["-e", ".", "another-tool"])
        assert not setup.is_stamped(wanted)
    assert setup.is_stamped(wanted)
    with (clone / "constraints" / "cpu.txt").open("a") as pins:
        pins.write("idna==1\n")
    assert not setup.is_stamped(wanted)
