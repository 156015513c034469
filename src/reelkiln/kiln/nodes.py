"""Computers join a fleet: Ray's own program, started with the options that are safe.

Ray runs whatever its members send it. So every member shows a token, there is no dashboard and no
job server, and nothing is reported to anybody.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from reelkiln.errors import MissingLibrary, UsageError

__all__ = ["PORT", "is_up", "join_command", "make_token", "ray_environment", "read_token", "start"]

PORT = 6379
_UP = "block forever"
"""What `ray start --block` says last, once it runs."""
_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}:[0-9]{1,5}")


def ray_environment(token: Path) -> dict[str, str]:
    """What Ray must find in the environment of every process.

    Raises:
        UsageError: there is no such token.
    """
    read_token(token)
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token.absolute()),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DISABLE_IMPORT_WARNING": "1",
        # Ray calls fleets of these systems experimental and asks for this before it joins one.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
    }


def make_token(path: Path) -> Path:
    """The file with the fleet's token; made where it is not there, for this user's eyes alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
    return path


def read_token(path: Path) -> str:
    """The token in a file.

    Raises:
        UsageError: there is none.
    """
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the fleet's token {path} cannot be read",
            hint="`reelkiln fleet desk` makes it; copy that file to this computer.",
        ) from error
    if len(token) < 32:
        raise UsageError(f"{path} holds no token", hint="Copy the desk's file again.")
    return token


def join_command(
    *,
    head: bool,
    address: str,
    gpus: int | None = None,
    object_bytes: int | None = None,
) -> list[str]:
    """The command that makes this computer the head of a fleet (`address` is its own HOST:PORT), or
    a member of one.

    Args:
        gpus: how many GPUs it brings; None: as many as Ray finds.
        object_bytes: memory for takes under way; None: Ray's own choice.

    Raises:
        UsageError: the address is none.
    """
    if not _ADDRESS.fullmatch(address):
        raise UsageError(f"{address!r:.100} is no address", hint="Write it like studio-pc:6379.")
    host, _, port = address.partition(":")
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block"]
    command += ["--disable-usage-stats", "--include-log-monitor=false"]
    if head:
        command += ["--head", f"--port={port}", f"--node-ip-address={host}"]
        command += ["--include-dashboard=false"]
    else:
        command += [f"--address={address}"]
    command += [] if gpus is None else [f"--num-gpus={gpus}"]
    return command + ([] if object_bytes is None else [f"--object-store-memory={object_bytes}"])


def start(
    command: list[str], token: Path, log: Path, cache: Path | None = None
) -> subprocess.Popen[bytes]:
    """Run a command of `join_command`; the process lasts as long as the membership.

    What it says goes to `log`: it tells people to join without a token.

    Raises:
        MissingLibrary: ray is not installed. UsageError: there is no token.
    """
    if find_spec("ray") is None:
        raise MissingLibrary(
            "ray is not installed", hint='Install "reelkiln[fleet]" on every computer of the fleet.'
        )
    environment = os.environ | ray_environment(token)
    if cache is not None:
        environment["HF_HUB_CACHE"] = str(cache)
    with log.open("wb") as out:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )


def is_up(log: Path) -> bool:
    """Whether the program that writes this log has become a member."""
    return _UP in log.read_text(encoding="utf-8", errors="replace")
