"""The wheel: what it promises, what it holds, and that it works away from its source."""

import email
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "CHANGELOG.md")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel, the source archive and the sources, built from a copy."""
    copy = tmp_path_factory.mktemp("copy")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, copy)
    litter = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", copy / "src", ignore=litter)
    shutil.copytree(ROOT / "tests", copy / "tests", ignore=litter)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist", str(copy)],
        check=True,
        capture_output=True,
    )
    (wheel,), (archive,) = (copy / "dist").glob("*.whl"), (copy / "dist").glob("*.tar.gz")
    return wheel, archive, copy / "src"


@pytest.fixture(scope="module")
def metadata(built):
    with zipfile.ZipFile(built[0]) as wheel:
        (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(wheel.read(name))


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """A folder that holds the installed wheel and nothing else."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(built[0])], check=True, capture_output=True)
    return target


@pytest.mark.parametrize(
    ("library", "tested", "untested"),
    [
        ("diffusers", ["0.42.0", "0.42.1"], ["0.41.0", "0.43.0", "1.0"]),
        ("transformers", ["5.23.0", "5.23.9"], ["5.22.0", "5.24.0", "6.0"]),
        ("accelerate", ["1.15.0"], ["1.14.0", "1.16.0"]),
        ("torch", ["2.11.0", "2.13.0", "2.13.0+cu130"], ["2.10.0", "2.14.0", "3.0"]),
    ],
)
def test_the_gpu_extra_admits_only_tested_versions(metadata, library, tested, untested):
    lines = [Requirement(line) for line in metadata.get_all("Requires-Dist")]
    (line,) = (r for r in lines if r.name == library)
    assert line.marker and line.marker.evaluate({"extra": "gpu"})
    assert not line.marker.evaluate({"extra": ""})
    assert all(line.specifier.contains(version) for version in tested)
    assert not any(line.specifier.contains(version) for version in untested)


def test_the_core_admits_only_the_tested_safetensors(metadata):
    """Latents are kept in its files, by every family."""
    lines = [Requirement(line) for line in metadata.get_all("Requires-Dist")]
    (line,) = (r for r in lines if r.name == "safetensors")
    assert line.marker is None
    assert line.specifier.contains("0.8.0")
    assert not line.specifier.contains("0.9.0")


def test_the_metadata_names_licence_and_python(metadata):
    assert metadata["Name"] == "reelkiln"
    assert metadata["License-Expression"] == "Apache-2.0 AND OFL-1.1"
    named = {Path(name).name for name in metadata.get_all("License-File")}
    assert named == {"LICENSE", "NOTICE", "OFL.txt"}
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_wheel_is_at_most_26_mib(built):
    assert built[0].stat().st_size <= 26 * 2**20


def test_the_wheel_holds_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built[0]) as wheel:
        held = {n for n in wheel.namelist() if not n.split("/")[0].endswith(".dist-info")}
    there = {
        path.relative_to(built[2]).as_posix() for path in built[2].rglob("*") if path.is_file()
    }
    assert held == there
    assert "reelkiln/models/cards/spark.toml" in held
    assert any(n.startswith("reelkiln/models/bundled/spark/model/unet/") for n in held)
    assert "reelkiln/models/bundled/spark/motion/diffusion_pytorch_model.safetensors" in held


def test_the_source_archive_holds_what_a_build_needs(built):
    names = subprocess.run(
        ["tar", "-tzf", str(built[1])], check=True, capture_output=True, text=True
    ).stdout
    for name in (*BUILT_FROM, "src/reelkiln/__init__.py", "src/reelkiln/models/cards/spark.toml"):
        assert f"/{name}\n" in names
    assert ".venv" not in names and "/tests/" not in names


def run_installed(installed, *arguments):
    """The installed command, with the libraries of this environment and none of our source."""
    code = (
        "import sys; "
        f"sys.path = [{str(installed)!r}] + [p for p in sys.path if p != {str(ROOT / 'src')!r}]; "
        "import reelkiln, runpy; print(reelkiln.__file__, file=sys.stderr); "
        "runpy.run_module('reelkiln', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONSAFEPATH": "1"},
    )
    assert str(installed) in done.stderr.splitlines()[0]
    return done


def test_the_installed_command_knows_its_version(installed, metadata):
    done = run_installed(installed, "--version")
    assert done.returncode == 0, done.stderr
    assert metadata["Version"] in done.stdout


def test_the_installed_command_plans_from_its_own_cards(installed):
    machine = ["--vram", "4GiB", "--ram", "16GiB"]
    done = run_installed(installed, "plan", "a bottle", "--model", "epicrealism", *machine)
    assert done.returncode == 0, done.stderr
    assert "epicrealism" in done.stdout


def test_the_installed_command_finds_the_bundled_model(installed):
    done = run_installed(installed, "models", "list")
    assert done.returncode == 0, done.stderr
    assert "spark" in done.stdout
