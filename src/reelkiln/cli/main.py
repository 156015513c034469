"""The commands, and the wall behind which no traceback comes: errors become lines and codes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from reelkiln import __version__
from reelkiln.cli.backup import backup, restore
from reelkiln.cli.batch import batch
from reelkiln.cli.bench import bench
from reelkiln.cli.clean import clean
from reelkiln.cli.console import show_error
from reelkiln.cli.drill import drill
from reelkiln.cli.fleet import app as fleet
from reelkiln.cli.gate import gate
from reelkiln.cli.init import init
from reelkiln.cli.label import label
from reelkiln.cli.make import make
from reelkiln.cli.models import app as models
from reelkiln.cli.pack import pack, unpack
from reelkiln.cli.plan import plan
from reelkiln.cli.platforms import app as platforms
from reelkiln.cli.queue import app as queue
from reelkiln.cli.reel import reel
from reelkiln.cli.remake import remake
from reelkiln.cli.report import report
from reelkiln.cli.review import review
from reelkiln.cli.shots import shots
from reelkiln.cli.stop import listen
from reelkiln.cli.storyboards import app as storyboards
from reelkiln.cli.templates import app as templates
from reelkiln.cli.tune import tune
from reelkiln.cli.validate import validate
from reelkiln.cli.work import work
from reelkiln.errors import Cancelled, ReelkilnError, UsageError

__all__ = ["app", "run"]

app = typer.Typer(
    name="reelkiln",
    help="Words become finished, checked short videos, on a small GPU or none.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("make")(make)
app.command("reel")(reel)
app.command("remake")(remake)
app.command("plan")(plan)
app.command("gate")(gate)
app.command("validate")(validate)
app.command("label")(label)
app.add_typer(platforms, name="platforms")
app.add_typer(models, name="models")
app.command("bench")(bench)
app.command("init")(init)
app.command("shots")(shots)
app.command("batch")(batch)
app.command("work")(work)
app.add_typer(queue, name="queue")
app.command("report")(report)
app.command("tune")(tune)
app.command("review")(review)
app.add_typer(fleet, name="fleet")
app.command("drill")(drill)
app.command("clean")(clean)
app.command("backup")(backup)
app.command("restore")(restore)
app.command("pack")(pack)
app.command("unpack")(unpack)
app.add_typer(templates, name="templates")
app.add_typer(storyboards, name="storyboards")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"reelkiln {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: bool = typer.Option(
        False,
        "--version",
        callback=_print_version,
        is_eager=True,
        help="Print the version and stop.",
    ),
) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code. What was foreseen ends without a traceback."""
    _speak_utf8()
    listen()
    as_json = "--json" in arguments
    try:
        return _invoke(arguments)
    except ReelkilnError as error:
        show_error(error, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        stopped = Cancelled("stopped")
        show_error(stopped, as_json=as_json)
        return stopped.exit_code
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more while it ends.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
        return 1


def _invoke(arguments: Sequence[str]) -> int:
    try:
        code = app(list(arguments), prog_name="reelkiln", standalone_mode=False)
    except typer.TyperException as error:
        raise _usage(error) from error
    if code == Cancelled.exit_code:  # typer's own word for a KeyboardInterrupt
        raise KeyboardInterrupt
    sys.stdout.flush()
    return int(code or 0)


def _usage(error: typer.TyperException) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "reelkiln"
    message = " ".join(error.format_message().split()).rstrip(".")
    return UsageError(message, hint=f"Run `{command} --help`.")


def _speak_utf8() -> None:
    """Paths and prompts hold any character; a terminal that lacks one shows its number instead."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
