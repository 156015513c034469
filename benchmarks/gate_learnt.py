"""From twenty approvals to a template's own limits, through the command line, as people walk it.

    python benchmarks/gate_learnt.py FOLDER > walk.md

Begins a workspace in FOLDER, renders 24 clips of one template with the bundled model, approves 20
one by one, shows what became usual, and renders six more, and six with the template's words changed
to a black ground, which no approved clip has. What the commands say is printed. About ten minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HEAD = "template,product,variant,count,seconds,model,seed,aspect\n"
CALM = "hero-reveal,all,quiet-turn,{count},2,spark,{seed},1:1\n"


def said(folder: Path, *words: str) -> tuple[int, str]:
    """A command's exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "reelkiln", *words],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout + (done.stderr if done.returncode else "")


def batch(folder: Path, name: str, rows: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of a batch, and the takes of every clip that it left, kept or refused."""
    (folder / f"{name}.csv").write_text(HEAD + rows, encoding="utf-8")
    code, words = said(folder, "batch", f"{name}.csv", "--now", "--quiet", "--out", name)
    print(f"batch {name}: exit {code}")
    for line in words.splitlines():
        if "unusual" in line or "refused" in line:
            print(f"  {line.strip()}")
    films = sorted((folder / name).glob("*.mp4"))
    sidecars = (json.loads(Path(f"{film}.json").read_text(encoding="utf-8")) for film in films)
    return code, [
        {"film": film, "takes": one["recipe"]["takes"]}
        for film, one in zip(films, sidecars, strict=True)
    ]


def main() -> None:
    """The walk."""
    folder = Path(sys.argv[1])
    code, words = said(Path(), "init", str(folder))
    if code:
        raise SystemExit(words)
    _, first = batch(folder, "first", CALM.format(count=4, seed=1))
    kept = [one["film"] for one in first if not one["film"].name.endswith(".refused.mp4")]
    for film in kept[:20]:
        code, words = said(folder, "review", str(film.relative_to(folder)), "--approve")
        if code:
            raise SystemExit(words)
    print(f"approved: {len(kept[:20])} of {len(first)} clips\n")
    print(said(folder, "templates", "show", "hero-reveal")[1].partition("\n\nshutter")[0])
    _, more = batch(folder, "more", CALM.format(count=1, seed=900))
    template = folder / "templates" / "hero-reveal.yaml"
    text = template.read_text(encoding="utf-8")
    template.write_text(
        text.replace("light: soft studio light", "light: dramatic lighting").replace(
            '      background: "{backdrop}"', "      background: black"
        ),
        encoding="utf-8",
    )
    _, other = batch(folder, "other", CALM.format(count=1, seed=901))
    for name, clips in (("as approved", more), ("black, dramatic light", other)):
        takes = [take for one in clips for take in one["takes"]]
        unusual = [take for take in takes if any("unusual" in why for why in take["reasons"])]
        print(f"{name}: {len(clips)} clips, {len(takes)} takes, unusual: {len(unusual)}")
        for take in unusual:
            print("  " + "; ".join(take["reasons"]))


if __name__ == "__main__":
    main()
