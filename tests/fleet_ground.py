"""A fleet on one computer: `ray start` once for the head and once for each node, each killable."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from reelkiln.kiln.nodes import is_up, join_command, make_token, start

OBJECT_BYTES = 80_000_000
TESTS = Path(__file__).parent
# One token for a process: Ray reads it once.
HOME = tempfile.mkdtemp(prefix="reelkiln-fleet-token-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)


@dataclass
class Fleet:
    """The head at `address`, and nodes with one imagined GPU each."""

    address: str
    token: Path
    logs: Path
    head: subprocess.Popen
    nodes: list[subprocess.Popen] = field(default_factory=list)

    def add_node(self, gpus: int = 1) -> int:
        """Let another computer join; returns its number.

        One after the other: on one computer two that join at once may choose the same ports.
        """
        command = join_command(
            head=False, address=self.address, gpus=gpus, object_bytes=OBJECT_BYTES
        )
        number = len(self.nodes)
        log = self.logs / f"node{number}.log"
        self.nodes.append(run(command, self.token, log))
        wait_for(log, self.nodes[number])
        return number

    def kill_node(self, number: int) -> None:
        """Pull a computer's plug: everything on it is gone at once."""
        end(self.nodes[number])

    def workers(self) -> list[int]:
        """The processes that render, on all nodes."""
        found = []
        for node in self.nodes:
            with suppress(psutil.Error):
                every = psutil.Process(node.pid).children(recursive=True)
                found += [p.pid for p in every if "ray::Actor" in " ".join(p.cmdline())]
        return found


@contextmanager
def fleet(folder: Path, nodes: int) -> Iterator[Fleet]:
    """A fleet that is up, and gone afterwards."""
    token = make_token(Path(HOME) / "token")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = join_command(head=True, address=address, gpus=0, object_bytes=OBJECT_BYTES)
    made = Fleet(address, token, folder, run(command, token, folder / "head.log"))
    try:
        wait_for(folder / "head.log", made.head)
        for _ in range(nodes):
            made.add_node()
        yield made
    finally:
        for process in [*made.nodes, made.head]:
            end(process)


def run(command: list[str], token: Path, log: Path) -> subprocess.Popen:
    """One `ray start`, our tests' modules within its reach."""
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TESTS), before])
    try:
        return start(command, token, log)
    finally:
        os.environ["PYTHONPATH"] = before


def wait_for(log: Path, process: subprocess.Popen, seconds: float = 180.0) -> None:
    """Until `ray start` says that it is up."""
    until = time.monotonic() + seconds
    while not is_up(log):
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < until, log.read_text(errors="replace")
        time.sleep(0.1)


def end(process: subprocess.Popen) -> None:
    """Kill a process and all that it started, at once."""
    with suppress(psutil.Error):
        top = psutil.Process(process.pid)
        every = [top, *top.children(recursive=True)]
        for each in every:
            with suppress(psutil.Error):
                each.kill()
        psutil.wait_procs(every, timeout=10)
    process.wait()
