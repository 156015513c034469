"""Missing libraries and untested versions are said in one line, by real processes."""

import os
import subprocess
import sys
import textwrap
from importlib import metadata

import pytest

from reelkiln.backends.registry import find_backend
from reelkiln.errors import MissingLibrary
from tiny_models import make_card, make_plan, nothing

TORCH = pytest.mark.torch


@pytest.mark.parametrize("library", ["torch", "diffusers", "transformers", "accelerate"])
@TORCH
def test_an_untested_version_is_named_before_anything_is_loaded(tiny, library):
    card = make_card("animatediff", versions={library: ">=90,<91"})
    backend = find_backend("animatediff")
    (finding,) = backend.check(card, tiny)
    assert f"{library}>=90,<91" in finding.message
    assert metadata.version(library) in finding.message
    assert f'pip install "{library}>=90,<91"' in finding.hint
    opening = backend.open(make_plan(card), card, tiny, nothing)
    with pytest.raises(MissingLibrary, match=library), opening:
        pass


@TORCH
def test_the_installed_versions_are_admitted_with_their_build_label(tiny):
    """torch calls itself 2.13.0+cpu; a range must admit that."""
    exact = metadata.version("torch").partition("+")[0]
    card = make_card("animatediff", versions={"torch": f"=={exact}", "diffusers": "==0.42.*"})
    assert find_backend("animatediff").check(card, tiny) == ()


@TORCH
def test_a_gpu_that_torch_cannot_use_is_named(tiny):
    card = make_card("animatediff")
    plan = make_plan(card, device="cuda")
    opening = find_backend("animatediff").open(plan, card, tiny, nothing)
    with pytest.raises(MissingLibrary, match="needs a GPU"), opening:
        pass


CHILD = """
import sys
from importlib import metadata

HIDDEN = {hidden!r}


class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == HIDDEN:
            raise ImportError("No module named " + name)


real = metadata.version


def version(name):
    if {uninstalled!r} and name == HIDDEN:
        raise metadata.PackageNotFoundError(name)
    return real(name)


sys.meta_path.insert(0, Hide())
metadata.version = version
sys.path.insert(0, {tests!r})
from pathlib import Path

from tiny_models import make_card, make_plan, nothing

from reelkiln.backends.registry import find_backend
from reelkiln.errors import ReelkilnError

card = make_card("animatediff")
folders = {{"model": Path({model!r}), "motion": Path({motion!r})}}
try:
    with find_backend("animatediff").open(make_plan(card), card, folders, nothing):
        print("opened")
except ReelkilnError as error:
    print(error.code, "|", error.message, "|", error.hint)
"""


@pytest.mark.parametrize("hidden", ["torch", "diffusers", "accelerate"])
@pytest.mark.parametrize("uninstalled", [True, False])
@TORCH
def test_a_process_without_a_library_says_which(tiny, request, hidden, uninstalled):
    if hidden == "accelerate" and not uninstalled:
        # diffusers asks the metadata whether accelerate is there, and imports it later.
        hidden = "transformers"
    child = textwrap.dedent(CHILD).format(
        hidden=hidden,
        uninstalled=uninstalled,
        tests=str(request.config.rootpath / "tests"),
        model=str(tiny["model"]),
        motion=str(tiny["motion"]),
    )
    result = subprocess.run(
        [sys.executable, "-c", child], capture_output=True, text=True, timeout=120, check=False
    )
    code, message, hint = result.stdout.strip().split(" | ")
    assert code == "missing_library"
    assert hidden in message
    assert "gpu" in hint
    assert result.returncode == 0


WAITING = """
import os
from reelkiln.backends.libraries import require_torch
from tiny_models import make_card

require_torch(make_card("animatediff"), "cpu")
print(os.environ.get("OMP_WAIT_POLICY"))
"""


@pytest.mark.parametrize(("own", "told"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
@TORCH
def test_threads_sleep_while_they_wait_and_the_environment_stays(request, own, told):
    """GNU OpenMP tells its settings when it is loaded."""
    environment = {**os.environ, "OMP_DISPLAY_ENV": "true"}
    environment["PYTHONPATH"] = str(request.config.rootpath / "tests")
    environment.pop("OMP_WAIT_POLICY", None)
    if own:
        environment["OMP_WAIT_POLICY"] = own
    result = subprocess.run(
        [sys.executable, "-c", WAITING],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=environment,
    )
    assert f"OMP_WAIT_POLICY = '{told}'" in result.stderr
    assert result.stdout.strip() == str(own)


def test_reading_every_module_of_the_room_imports_no_torch():
    code = (
        "import pkgutil, importlib, sys, reelkiln.backends as room\n"
        "for found in pkgutil.iter_modules(room.__path__):\n"
        "    importlib.import_module(f'reelkiln.backends.{found.name}')\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'accelerate', 'safetensors'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=True
    )
    assert result.stdout.strip() == "[]"
