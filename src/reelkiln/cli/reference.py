"""The reference of all commands, from their own help: `python -m reelkiln.cli.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer.main

from reelkiln.cli.main import app

if TYPE_CHECKING:
    from reelkiln.errors import ReelkilnError

__all__ = ["commands", "reference"]

WIDTH = 92
HEAD = """# The commands

This page is generated: `python -m reelkiln.cli.reference > docs/cli.md`.

Results go to standard output, everything else to standard error. With `--json` standard output
holds exactly one JSON object; when the command fails it is
`{"error": {"code": "…", "message": "…", "hint": "…"}}`, with `"details"` where there are several
places to mend.

| exit code | what it means | codes |
|---|---|---|
"""
MEANINGS = {
    0: "done",
    1: "it could not be done: the message says why",
    2: "the command must be written differently",
    75: "nothing is wrong with the command: try again later",
    130: "stopped by Ctrl-C",
}
SETTINGS = """
## Settings

| environment variable | meaning |
|---|---|
"""


def reference() -> str:
    """The whole page, in Markdown."""
    parts = [HEAD, *_exit_codes()]
    parts += [f"\n## `{path}`\n\n```text\n{words}\n```\n" for path, words in commands()]
    return "".join([*parts, SETTINGS, *_settings()])


def commands() -> Iterator[tuple[str, str]]:
    """Each command's full name and its help, the program itself first."""
    yield from _walk(typer.main.get_command(app), "reelkiln", None)


def _walk(command: Any, path: str, parent: Any) -> Iterator[tuple[str, str]]:
    context = typer.Context(
        command, info_name=path.rsplit(maxsplit=1)[-1], parent=parent, terminal_width=WIDTH
    )
    yield path, "\n".join(line.rstrip() for line in command.get_help(context).splitlines()).strip()
    for name, child in getattr(command, "commands", {}).items():
        yield from _walk(child, f"{path} {name}", context)


def _exit_codes() -> Iterator[str]:
    from reelkiln.errors import ReelkilnError

    codes: dict[int, list[str]] = {code: [] for code in MEANINGS}
    for kind in _tree(ReelkilnError):
        codes[kind.exit_code].append(f"`{kind.code}`")
    for code, meaning in MEANINGS.items():
        yield f"| {code} | {meaning} | {', '.join(sorted(codes[code]))} |\n"


def _tree(kind: type[ReelkilnError]) -> Iterator[type[ReelkilnError]]:
    """The tree of `errors`; what other rooms derive from it for themselves, no person sees."""
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == kind.__module__:
            yield from _tree(child)


def _settings() -> Iterator[str]:
    from reelkiln.workshop.settings import PREFIX, Settings

    for name, field in Settings.model_fields.items():
        yield f"| `{PREFIX}{name.upper()}` | {field.description} |\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
