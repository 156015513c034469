"""`reelkiln fleet`: several computers work for one desk."""

from __future__ import annotations

import json as codec
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelkiln.cli.console import out, say

if TYPE_CHECKING:
    from reelkiln.workshop.open import Workshop

__all__ = ["Desk", "app", "desk", "desk_of", "join"]

app = typer.Typer(
    help="Let the GPUs of several computers work for one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Gpus = Annotated[
    int | None,
    typer.Option("--gpus", metavar="N", min=0, help="How many GPUs it brings. Default: all."),
]
NOTE = "fleet.json"
TOKEN = "fleet.token"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a fleet is to be found, and the file with its token."""

    address: str
    token: Path


@app.command()
def desk(
    *,
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="NAME", help="The name others reach this computer by."),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 6379,
    gpus: Gpus = None,
) -> None:
    """Start a fleet on this computer, the one with the workspace. Runs until Ctrl-C."""
    from reelkiln.kiln.nodes import join_command, make_token

    workshop = _workshop()
    address = f"{host or socket.gethostname()}:{port}"
    command = join_command(head=True, address=address, gpus=gpus)
    token = make_token(workshop.state / TOKEN)
    say(f"on every other computer: copy {token} there, then")
    out(f"reelkiln fleet join {address} --token {TOKEN}")
    say("and here, in the workspace: reelkiln work --fleet auto")
    with _noted(workshop.state / NOTE, Desk(address, token)):
        _run(command, token, workshop)


@app.command()
def join(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where the desk is.")],
    *,
    token: Annotated[
        Path, typer.Option("--token", metavar="FILE", help="The desk's token, copied here.")
    ] = Path(TOKEN),
    gpus: Gpus = None,
) -> None:
    """Let this computer render for a fleet. Runs until Ctrl-C; the fleet goes on without it."""
    from reelkiln.kiln.nodes import join_command

    _run(join_command(head=False, address=address, gpus=gpus), token, _workshop())


def desk_of(workshop: Workshop, fleet: str) -> Desk | None:
    """The fleet that `--fleet` means; None: this computer alone.

    Raises:
        UsageError: it is none of the words, and no address.
    """
    from reelkiln.errors import UsageError

    if fleet == "one":
        return None
    if fleet == "auto":
        return _read_note(workshop.state / NOTE)
    if not re.fullmatch(r"[A-Za-z0-9.-]+:[0-9]{1,5}", fleet):
        raise UsageError(
            f"no fleet is called {fleet!r}", hint="Say --fleet auto, or HOST:PORT, or nothing."
        )
    return Desk(fleet, workshop.state / TOKEN)


def _workshop() -> Workshop:
    from reelkiln.workshop.open import current_folder, open_workshop
    from reelkiln.workshop.settings import read_settings

    return open_workshop(current_folder(), read_settings())


def _run(command: list[str], token: Path, workshop: Workshop) -> None:
    """One membership, until it ends or Ctrl-C.

    Raises:
        UsageError: it ended by itself.
    """
    from reelkiln.errors import UsageError
    from reelkiln.kiln.nodes import is_up, start

    workshop.state.mkdir(parents=True, exist_ok=True)
    log = workshop.state / "fleet.log"
    process = start(command, token, log, workshop.settings.cache)
    said = False
    try:
        while process.poll() is None:
            if not said and is_up(log):
                said = True
                say("this computer is in the fleet; Ctrl-C leaves it")
            time.sleep(0.2)
    finally:
        _end(process)
    if process.returncode:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        raise UsageError(
            f"the fleet's program ended with {process.returncode}",
            hint=f"A wrong address, another token, or a port in use? All it said: {log}",
            details=tuple(lines[-3:]),
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _noted(path: Path, where: Desk) -> Iterator[None]:
    """The desk is found by `work --fleet auto` for as long as it is there."""
    path.write_text(
        codec.dumps({"address": where.address, "token": str(where.token.absolute())}),
        encoding="utf-8",
    )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _read_note(path: Path) -> Desk | None:
    try:
        told = codec.loads(path.read_text(encoding="utf-8"))
        return Desk(told["address"], Path(told["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
