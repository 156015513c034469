"""Write constraints/cpu.txt anew from what is installed, after a version was tried out.

    .venv/bin/python scripts/pin.py

Only what `.[gpu,text,upscale,fleet,dev]` needs is pinned; whatever else lies there is left out.
"""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "constraints" / "cpu.txt"
HEAD = """\
# The exact set that `make demo` and `make test` install: the one the tests ran with.
# torch stands without "+cpu": the same version from any index fits.
"""


def groups() -> dict[str, list[Requirement]]:
    """The direct requirements of pyproject.toml: "Core", and one group for each extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = {"Core": project["dependencies"]}
    lines |= {f"Extra `{name}`": found for name, found in project["optional-dependencies"].items()}
    return {name: [Requirement(line) for line in found] for name, found in lines.items()}


def declared(*extras: str) -> list[Requirement]:
    """The direct requirements of the core together with those of the extras named."""
    every = groups()
    return [line for name in ("Core", *(f"Extra `{e}`" for e in extras)) for line in every[name]]


def installed_closure(roots: Iterable[Requirement]) -> dict[str, Version]:
    """Every distribution that the roots need on this machine, with its installed version.

    Local parts ("+cpu") are dropped.

    Raises:
        importlib.metadata.PackageNotFoundError: one of them is not installed.
    """
    found: dict[str, Version] = {}
    done: set[tuple[str, str]] = set()
    todo = [(root, "") for root in roots]
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        found[name] = Version(Version(importlib.metadata.version(name)).public)
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in done:
                done.add((name, wanted))
                lines = importlib.metadata.requires(name) or []
                todo += [(Requirement(line), wanted) for line in lines]
    return found


def read_pins() -> dict[str, Version]:
    """The pinned versions by normalised name."""
    lines = PINS.read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


if __name__ == "__main__":
    closure = installed_closure(declared("gpu", "text", "upscale", "fleet", "dev"))
    PINS.write_text(HEAD + "".join(f"{name}=={closure[name]}\n" for name in sorted(closure)))
    print(f"{PINS.relative_to(ROOT)}: {len(closure)} versions pinned")
