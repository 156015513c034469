"""The architecture's contracts hold, and each one is seen to catch what it forbids."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "reelkiln"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
    "contracts"
]
FORBIDDEN = {c["name"]: c for c in CONTRACTS if c["type"] == "forbidden"}
FLOORS = "The house has floors; you may only look down"
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))

# Who may import the libraries of each contract; every other room must stand in its list.
OWNERS = {
    "torch and the model libraries live in backends": {"backends"},
    "The libraries of film, sound, pictures, words and signatures live in film": {"film"},
    "huggingface_hub and its HTTP client live in models": {"models"},
    "sqlalchemy and sqlite3 live in store": {"store"},
    "dbos lives in store": {"store"},
    "ray lives in kiln": {"kiln"},
    "wakepy lives in kiln": {"kiln"},
    "typer and rich live in cli": {"cli"},
    "settings and platform folders live in workshop": {"workshop"},
    "cv2 lives in gate and film": {"gate", "film"},
    "yaml lives in script": {"script"},
    "jinja2 lives in studio": {"studio"},
    "rapidocr, onnxruntime and nudenet live in gate": {"gate"},
}

# One wrong step each: the file, the line added to it, and what the report says of it.
MISSTEPS = {
    "a room looks up": ("film/wrong.py", "import reelkiln.kiln", "film is not allowed"),
    "a room looks sideways": ("gate/wrong.py", "import reelkiln.film", "gate is not allowed"),
    "the planner looks up": ("plan/wrong.py", "import reelkiln.models", "plan is not allowed"),
    "errors look up": ("errors.py", "import reelkiln.reel", "errors is not allowed"),
    "hidden in a function": (
        "store/wrong.py",
        "def late() -> None:\n    import reelkiln.backends",
        "store is not allowed",
    ),
    "a room nobody planned": ("utils/__init__.py", "", "must be declared as a layer"),
}


@pytest.fixture
def house(tmp_path):
    """A copy of the package's modules, with the contracts beside it."""
    sources = shutil.ignore_patterns("bundled", "__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "src" / "reelkiln", ignore=sources)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def add(house, place, code):
    file = house / "src" / "reelkiln" / place
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        out.write(f"\n{code}\n")


def lint(house):
    """The linter's exit status and report, run as `make check` runs it, on the copy."""
    code = "import sys; sys.path.insert(0, 'src'); import importlinter.cli as i; "
    code += "i.lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--no-logo"],
        cwd=house,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def test_the_house_as_it_stands_keeps_every_contract(house):
    status, report = lint(house)
    assert status == 0, report
    assert f"{len(CONTRACTS)} kept, 0 broken" in report


@pytest.mark.parametrize("misstep", MISSTEPS)
def test_the_floors_catch(house, misstep):
    place, code, said = MISSTEPS[misstep]
    add(house, place, code)
    status, report = lint(house)
    assert status == 1, report
    assert said in " ".join(report.split()), report


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_library_in_a_strange_room_is_caught_for_every_room_and_library(house, name):
    contract = FORBIDDEN[name]
    for module in contract["source_modules"]:
        room = module.removeprefix("reelkiln.")
        place = f"{room}/wrong.py" if (PACKAGE / room).is_dir() else f"{room}.py"
        add(house, place, "\n".join(f"import {lib}" for lib in contract["forbidden_modules"]))
    status, report = lint(house)
    assert status == 1, report
    assert f"{name} BROKEN" in report
    for module in contract["source_modules"]:
        for library in contract["forbidden_modules"]:
            assert f"{module} is not allowed to import {library}" in report


def test_every_room_but_the_owner_is_held_by_each_library_contract():
    pure = {name for name in FORBIDDEN if name.startswith("Pure")}
    assert set(FORBIDDEN) - pure == set(OWNERS)
    for name, owners in OWNERS.items():
        held = {module.removeprefix("reelkiln.") for module in FORBIDDEN[name]["source_modules"]}
        assert held == set(ROOMS) - owners, name


def test_the_pure_rooms_are_every_module_below_the_rooms():
    (pure,) = (contract for name, contract in FORBIDDEN.items() if name.startswith("Pure"))
    modules = {path.stem for path in PACKAGE.glob("[a-z]*.py")}
    assert set(pure["source_modules"]) == {f"reelkiln.{name}" for name in modules | {"plan"}}


@pytest.mark.parametrize(
    "library, file", [("dbos", "store/dbos_engine.py"), ("ray", "kiln/fleet.py")]
)
def test_it_is_read_by_one_file_alone(library, file):
    users = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(rf"^\s*(from|import) {library}\b", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert users == [file]
