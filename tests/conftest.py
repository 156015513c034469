"""The same ground for every test: an empty folder, no settings, no hub, no network but loopback."""

from __future__ import annotations

import ast
import importlib.util
import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import hypothesis
import pytest

TORCH_LIBRARIES = {"torch", "diffusers", "transformers", "accelerate", "safetensors"}
TORCH_FOLDERS = ("walk",)
# Run on one Python alone: kills and power cuts, and pixels, sounds and foreign films. They take
# minutes and test the operating system's and the libraries' part; the tests beside them run the
# same code on each Python. Single tests of this kind are marked `once`.
ONCE = (
    "faults",
    "film/test_reel.py",
    "film/test_validate.py",
    "gate/test_defects.py",
    "kiln/test_drill.py",
)
# With libraries or tools that only the full environment holds.
FULL_ONLY = (
    "film/test_upscale.py",
    "gate/test_text.py",
    "test_house.py",
    "test_setup.py",
    "test_wheel.py",
)
# What the short core run takes of the core's: every module is read (its examples are tests), the
# rooms that only reckon or keep, the seams, and a command from its words to a film.
SHORT = (
    "cli/test_make.py",
    "contracts",
    "models",
    "plan",
    "script",
    "store",
    "test_ground.py",
    "test_pins.py",
)
HERE = Path(__file__).parent
HUB_HOME = tempfile.mkdtemp(prefix="reelkiln-tests-hub-")
CLOSED_PORT = "http://127.0.0.1:9"

# huggingface_hub reads its settings once, when it is imported. In this process it is online, so
# that tests can point it at a hub on loopback; children inherit the environment of `clean_ground`.
for name in ("HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_HUB_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
    os.environ.pop(name, None)
os.environ["HF_HOME"] = HUB_HOME
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
import huggingface_hub.constants  # noqa: E402, F401

from browser import find_browser  # noqa: E402

# The same examples on every run: a new one is found on purpose (REELKILN_FUZZ=1), not by a landing.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.register_profile("fuzz", deadline=None)
hypothesis.settings.load_profile("fuzz" if os.environ.get("REELKILN_FUZZ") else "steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--core",
        choices=("whole", "short"),
        help="run what the core without the extras can do, or its pure rooms and seams alone",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "torch: needs the gpu extra (torch and diffusers)")
    config.addinivalue_line("markers", "fleet: needs the fleet extra (ray)")
    config.addinivalue_line("markers", "text: needs the text extra (rapidocr)")
    config.addinivalue_line("markers", "upscale: needs the upscale extra (ncnn)")
    config.addinivalue_line("markers", "browser: looks at pages with Chromium or Chrome")
    config.addinivalue_line("markers", "once: run on one Python alone, as it is long")
    if config.getoption("--core") and importlib.util.find_spec("torch"):
        raise pytest.UsageError("--core is for an environment that has no torch")


def pytest_unconfigure() -> None:
    shutil.rmtree(HUB_HOME, ignore_errors=True)


def places(path: Path) -> set[str]:
    """A test file's folder and the file itself, as the lists above name them."""
    place = path.relative_to(HERE)
    return {place.parts[0], place.as_posix()}


def needs_more(path: Path) -> bool:
    """Whether a test file needs more than one core run: by its place, or by what it imports."""
    if places(path) & {*TORCH_FOLDERS, *ONCE, *FULL_ONLY}:
        return True
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if any(name.partition(".")[0] in TORCH_LIBRARIES for name in names):
            return True
    return False


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if HERE not in collection_path.parents or collection_path.suffix != ".py":
        return None
    if not collection_path.name.startswith("test_"):
        return True  # doctests are looked for in src alone
    how = config.getoption("--core")
    left_out = (how and needs_more(collection_path)) or (
        how == "short" and not places(collection_path) & {*SHORT}
    )
    return True if left_out else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not (find_browser() or os.environ.get("CI")):
        # The one thing that is not run where it cannot be: the summary names each of them.
        missing = pytest.mark.skip("there is no Chromium here")
        for item in filter(lambda item: item.get_closest_marker("browser"), items):
            item.add_marker(missing)
    if not config.getoption("--core"):
        return
    more = ("torch", "text", "upscale", "fleet", "browser", "once")
    dropped = [item for item in items if any(map(item.get_closest_marker, more))]
    items[:] = [item for item in items if item not in dropped]
    config.hook.pytest_deselected(items=dropped)


@pytest.fixture(autouse=True)
def clean_ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty current folder, user folders that are nobody's, and a hub that is not there."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for name in [n for n in os.environ if n.startswith("REELKILN")]:
        monkeypatch.delenv(name)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for name in ("LOCALAPPDATA", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("HF_HOME", HUB_HOME)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_ENDPOINT", CLOSED_PORT)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def is_loopback(address: object) -> bool:
    """Whether a socket address stays on this machine: Unix sockets and other families do."""
    if not isinstance(address, tuple) or not isinstance(address[0], str):
        return True
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return address[0] == "localhost"


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reaches beyond this machine: the attempt fails the test, whoever catches errors."""
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto")}

    def guard(name: str):
        def guarded(self: socket.socket, *arguments: object) -> object:
            if not is_loopback(arguments[-1]):
                pytest.fail(f"a test wanted to reach {arguments[-1]}")
            return real[name](self, *arguments)

        return guarded

    def resolve(host: object, *rest: object, **more: object) -> object:
        if isinstance(host, str) and host and not is_loopback((host, 0)):
            pytest.fail(f"a test wanted to look up {host}")
        return look_up(host, *rest, **more)

    look_up = socket.getaddrinfo
    for name in real:
        monkeypatch.setattr(socket.socket, name, guard(name))
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """AnimateDiff weights, written once, for reading only: "model", "motion", "lightning"."""
    from reelkiln.backends.tiny import write_animatediff

    return write_animatediff(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_ltx(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """LTX weights, written once, for reading only: "model" and "encoder"."""
    from reelkiln.backends.tiny_ltx import write_ltx

    return write_ltx(tmp_path_factory.mktemp("tiny-ltx"))
