"""The closing walk of a release: the wheel, installed where nothing else is, renders a clip.

    make wheel-walk

Builds the wheel, makes an empty environment in a temporary folder, installs the wheel with its
`gpu` extra under constraints/cpu.txt, renders with the bundled model in an empty folder without a
hub, and removes everything again. Takes minutes and as much disk as `make demo`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from setup import ROOT, Wanted, check_disk, fill, make_venv, pip_sources, probe, python_of
from setup_plan import SetupError, announce, gives_cuda

SENTENCE = "a gold serum bottle slowly rotating on a pink background, soft studio light"
BESIDE = 4  # the film, its poster, its contact sheet, its sidecar


def build(folder: Path) -> Path:
    """Build the wheel of this tree into `folder`."""
    call = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*call, str(ROOT)], check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    print(f"{wheel.name}: {wheel.stat().st_size / 2**20:.1f} MiB")
    return wheel


def install(wheel: Path, wanted: Wanted) -> None:
    """Make the empty environment and install the wheel with its extra."""
    base = probe(sys.executable)
    if base is None:
        raise SetupError(f"{sys.executable} does not run")
    sources, wheels = pip_sources(base.path)
    index = wanted.torch_index
    cuda = gives_cuda(index, sys.platform, wheels)
    wanted.tell(*announce("demo", base, sources=sources, torch_index=index, cuda=cuda))
    check_disk(wanted, cuda)
    make_venv(wanted.folder, base)
    fill(wanted, [f"{wheel}[gpu]"])


def render(environment: Path, folder: Path) -> None:
    """Render as a user would, in an empty folder, with nothing of this tree in reach."""
    folder.mkdir()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "REELKILN"))}
    command = str(Path(python_of(environment)).parent / "reelkiln")
    call = [command, "make", SENTENCE, "--model", "spark", "--seed", "3", "-o", "bottle.mp4"]
    began = time.monotonic()
    subprocess.run(call, cwd=folder, env=clean | {"HF_HUB_OFFLINE": "1"}, check=True)
    made = sorted(path.name for path in folder.iterdir())
    print(f"\n{time.monotonic() - began:.1f} s: {', '.join(made)}")
    if len(made) != BESIDE:
        raise SetupError(f"{BESIDE} files were expected")


def main() -> int:
    """Walk; 0 when the clip stands."""
    with tempfile.TemporaryDirectory(prefix="reelkiln-walk-") as temporary:
        folder = Path(temporary)
        wanted = Wanted(folder / "environment", "demo", os.environ.get("TORCH_INDEX", ""))
        try:
            install(build(folder), wanted)
            render(wanted.folder, folder / "work")
        except SetupError as error:
            print(error, file=sys.stderr)
            return 1
        except subprocess.CalledProcessError as error:
            print(f"{Path(error.cmd[0]).name} ended with {error.returncode}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
