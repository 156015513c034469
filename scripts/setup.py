"""Set up the virtual environments of the make targets, and say in one line what is wrong.

    python3 scripts/setup.py demo     .venv with what rendering needs
    python3 scripts/setup.py test     the same, and the tools of the checks
    python3 scripts/setup.py core     .venv-3.12 and .venv-3.13 without torch, where found
    python3 scripts/setup.py all      what test and core want, beside each other

Standard library only, in syntax that Python 3.7 reads: a Python that is too old must be able to
read this file in order to say so. `PYTHON` and `TORCH_INDEX` come from the environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from setup_plan import Python, SetupError, announce, choose, disk_problem, gives_cuda, how_much

ROOT = Path(__file__).resolve().parent.parent
STAMP, UNFINISHED, LOG = "setup.json", "setup-unfinished", "setup.log"
CORE_TOOLS = ["hypothesis", "packaging", "pytest", "pytest-timeout", "pytest-xdist"]
REQUIREMENTS = {
    "demo": ["-e", ".[gpu]"],
    "test": ["-e", ".[gpu,text,upscale,fleet,dev]"],
    "core": ["-e", ".", *CORE_TOOLS],
}
PROBE = (
    "import json, sys\n"
    "try:\n    import ensurepip, venv\n    ok = True\n"
    "except ImportError:\n    ok = False\n"
    "print(json.dumps([list(sys.version_info[:3]), ok, sys.executable]))"
)


class Wanted(NamedTuple):
    """One environment to be made: where, what for, and where its torch comes from."""

    folder: Path
    kind: str
    torch_index: str = ""

    @property
    def again(self) -> str:
        """The command a person repeats."""
        return "make " + ("test" if self.kind == "core" else self.kind)

    def tell(self, *lines: str) -> None:
        """Say what happens to this environment: in one piece, for others are being made beside."""
        name = self.folder.name
        sys.stdout.write("".join(f"{name}: {line}\n" for line in lines))
        sys.stdout.flush()


def probe(path: str) -> Python | None:
    """Ask an interpreter for its version; None where it does not run (a pyenv shim, say)."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", PROBE],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        version, has_venv, real = json.loads(done.stdout.decode() or "null")
    except (OSError, ValueError, TypeError, subprocess.TimeoutExpired):
        return None
    return Python(real or path, tuple(version), has_venv)


def candidates(minors: Sequence[int]) -> Iterator[str]:
    """Interpreters worth asking: those on PATH, this one, pyenv's and uv's."""
    for name in ["python3", *(f"python3.{minor}" for minor in minors)]:
        path = shutil.which(name)
        if path:
            yield path
    yield sys.executable
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    uv = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "uv" / "python"
    for minor in minors:
        yield from map(str, sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python3")))
        yield from map(str, sorted(uv.glob(f"cpython-3.{minor}.*/bin/python3")))


def find_pythons(minors: Sequence[int], named: str = "") -> list[Python]:
    """Every interpreter found, once each; where one is `named`, that one alone."""
    if named:
        found = probe(shutil.which(named) or named)
        if found is None:
            raise SetupError(f"PYTHON={named} does not run. Name a Python 3.11 to 3.13")
        return [found]
    seen: dict[str, Python] = {}
    for path in candidates(minors):
        python = probe(path)
        if python:
            seen.setdefault(os.path.realpath(python.path), python)
    return list(seen.values())


def python_of(folder: Path) -> str:
    """The interpreter inside an environment."""
    windows = folder / "Scripts" / "python.exe"
    return str(windows if windows.exists() else folder / "bin" / "python")


def fingerprint(wanted: Wanted) -> str:
    """Equal as long as the same things would be installed."""
    digest = hashlib.sha256(wanted.torch_index.encode())
    digest.update(json.dumps(REQUIREMENTS).encode())
    for name in ("pyproject.toml", "constraints/cpu.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_stamped(wanted: Wanted) -> bool:
    """Whether a finished set-up left all that is wanted (what tests need holds the demo's)."""
    try:
        stamp = json.loads((wanted.folder / STAMP).read_text(encoding="utf-8"))
        return stamp["mark"] == fingerprint(wanted) and stamp["kind"] in (wanted.kind, "test")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def why_rebuild(folder: Path, python: Python | None) -> str:
    """Why an existing environment cannot be built upon; empty where it can.

    After an interruption pip cannot tell a half-copied library from a whole one.
    """
    if (folder / UNFINISHED).exists():
        return "its last set-up was interrupted"
    inside = probe(python_of(folder))
    if inside is None or not inside.has_venv:
        return "its Python does not run"
    if python and inside.version[:2] != python.version[:2]:
        return "it holds Python {}.{}".format(*inside.version)
    return ""


def pip_sources(python: str) -> tuple[list[str], list[str]]:
    """Hosts and folders that pip is configured to take from, and torch's wheels in such folders."""
    done = subprocess.run(
        [python, "-m", "pip", "config", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    places = {"index-url": "https://pypi.org/simple"}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        places[key.rpartition(".")[2]] = value.strip("'\"")
    names, wheels = [], []
    for key in ("index-url", "extra-index-url", "find-links"):
        for place in places.get(key, "").replace("\\n", " ").split():
            parts = urlsplit(place)
            names.append(parts.hostname or parts.path)
            if parts.scheme in ("", "file"):
                wheels += [path.name for path in Path(parts.path).glob("torch-*.whl")]
    return names, wheels


def show(wanted: Wanted, line: str) -> None:
    """Of all that pip says, the lines that a waiting person wants: large files, and the copying."""
    words = line.split()
    if words[:1] == ["Downloading"] and words[-1] in ("MB)", "GB)"):
        wanted.tell(" ".join([words[1].rpartition("/")[2], *words[2:]]))
    elif words[:2] == ["Installing", "collected"]:
        wanted.tell("installing; this takes a minute or two")


def pip_install(wanted: Wanted, arguments: Sequence[str]) -> None:
    """Run pip, show a line per download, and keep everything it says in a log."""
    call = [python_of(wanted.folder), "-m", "pip", "install", "--progress-bar", "off"]
    log = wanted.folder / LOG
    pip = subprocess.Popen(
        [*call, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=str(ROOT)
    )
    errors = []
    with pip, log.open("a", encoding="utf-8") as file:
        for raw in pip.stdout or ():
            line = raw.decode("utf-8", "replace")
            file.write(line)
            show(wanted, line)
            if "ERROR" in line:
                errors.append(line.strip().replace("ERROR: ", ""))
    if pip.returncode:
        last = errors[-1] if errors else f"it ended with {pip.returncode}"
        raise SetupError(
            f"pip failed: {last}. All it said is in {log}; mend that, then run {wanted.again} again"
        )


def fill(wanted: Wanted, requirements: Sequence[str]) -> None:
    """Install what is wanted, pinned; torch first and alone where it has an index of its own.

    What torch itself requires then comes from pip's index with the rest.
    """
    pins = ["-c", "constraints/cpu.txt"]
    if wanted.torch_index:
        pip_install(wanted, [*pins, "--no-deps", "--index-url", wanted.torch_index, "torch"])
    pip_install(wanted, [*pins, *requirements])


def check_disk(wanted: Wanted, cuda: bool) -> None:
    """Refuse before the first byte where the disk cannot hold it.

    pip unpacks its downloads in the temporary folder before it copies them.
    """
    need = how_much(wanted.kind, cuda)
    here, temporary = str(ROOT), tempfile.gettempdir()
    for place, megabytes in ((here, need.disk + need.download), (temporary, need.download)):
        free = shutil.disk_usage(place).free
        problem = disk_problem(place, free, megabytes * 10**6, wanted.again)
        if problem:
            raise SetupError(problem)


def make_venv(folder: Path, python: Python) -> None:
    """Create the environment, or create it anew where it cannot be built upon."""
    exists = folder.exists()
    reason = why_rebuild(folder, python) if exists else ""
    if exists and not reason:
        return
    if reason:
        print(f"{folder.name}: making it anew, {reason}.", flush=True)
        shutil.rmtree(str(folder))
    folder.mkdir()
    (folder / UNFINISHED).touch()
    call = [python.path, "-m", "venv", str(folder)]
    done = subprocess.run(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise SetupError(f"Python {python.label} could not make {folder}: {said[-1]}")


def install(wanted: Wanted, python: Python) -> None:
    """Announce, check the disk, create, fill and stamp an environment."""
    began = time.monotonic()
    folder, index = wanted.folder, wanted.torch_index
    sources, wheels = pip_sources(python.path)
    cuda = gives_cuda(index, sys.platform, wheels)
    lines = announce(wanted.kind, python, sources=sources, torch_index=index, cuda=cuda)
    if (folder / STAMP).exists() and not why_rebuild(folder, python):
        lines = [f"Bringing it up to date from {', '.join(sources)}: what changed only."]
    wanted.tell(*lines)
    check_disk(wanted, cuda)
    make_venv(folder, python)
    (folder / UNFINISHED).touch()
    fill(wanted, REQUIREMENTS[wanted.kind])
    stamp = {"mark": fingerprint(wanted), "kind": wanted.kind}
    (folder / STAMP).write_text(json.dumps(stamp), encoding="utf-8")
    (folder / UNFINISHED).unlink()
    wanted.tell(f"ready after {time.monotonic() - began:.0f} s.")


def missing_own(kind: str, named: str, torch_index: str) -> list[tuple[Wanted, Python]]:
    """`.venv`, unless it already is what demo or test wants."""
    wanted = Wanted(ROOT / ".venv", kind, torch_index)
    python = choose(find_pythons([], named), wanted.again) if named else None
    if is_stamped(wanted) and not why_rebuild(wanted.folder, python):
        return []
    return [(wanted, python or choose(find_pythons([11, 12, 13]), wanted.again))]


def missing_core() -> list[tuple[Wanted, Python]]:
    """The environments without torch, one for each further Python that is found."""
    found: list[tuple[Wanted, Python]] = []
    for minor in (12, 13):
        wanted = Wanted(ROOT / f".venv-3.{minor}", "core")
        if is_stamped(wanted) and not why_rebuild(wanted.folder, None):
            continue
        pythons = [p for p in find_pythons([minor]) if p.version[1] == minor and p.has_venv]
        if pythons:
            found.append((wanted, pythons[0]))
        else:
            print(f"Python 3.{minor} was not found: the core is not tested on it here.")
    return found


def install_all(found: Sequence[tuple[Wanted, Python]]) -> None:
    """Make them, two at a time: pip keeps one processor core busy."""
    with ThreadPoolExecutor(2) as hands:
        for made in [hands.submit(install, *each) for each in found]:
            made.result()


def main(kind: str) -> int:
    """Set up what a make target needs; 0 when it stands."""
    try:
        named, index = os.environ.get("PYTHON", ""), os.environ.get("TORCH_INDEX", "")
        own = [] if kind == "core" else missing_own("test" if kind == "all" else kind, named, index)
        install_all([*own, *(missing_core() if kind in ("core", "all") else ())])
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Run the same command again: it begins afresh.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
