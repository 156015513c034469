"""Running the program as a person or another program does."""

import atexit
import json
import os
import selectors
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = Path(__file__).with_name("child.py")
SERVER = Path(__file__).with_name("server.py")
SECONDS = 240
# What libraries do not ask for while they are read: a process that has read them may be given
# another value. Whoever asks for anything else gets a process that begins from nothing.
ASKED_LATE = ("XDG_", "LOCALAPPDATA", "APPDATA", "REELKILN", "PYTEST_", "PWD")
# Ground that must be there before anything is read.
FROM_NOTHING = {"gpu", "memory", "no-torch", "no-pieces"}


def command(*arguments, ground=""):
    return [sys.executable, str(CHILD), ground, *map(str, arguments)]


def run(*arguments, ground="", env=None, input=None, cwd="."):
    """The finished process: stdout and stderr as text.

    It is forked from `server.py`, but on macOS, where libraries do not outlive a fork, and where
    something is asked for that must be there before they are read.
    """
    environment = os.environ | (env or {})
    early = {name: value for name, value in environment.items() if not asked_late(name)}
    fixed = FROM_NOTHING & set(ground.split(",")) or not all(map(asked_late, env or ()))
    if sys.platform == "linux" and not fixed and server_for(early).early == early:
        call = {
            "arguments": list(map(str, arguments)),
            "ground": ground,
            "environment": environment,
            "folder": str(Path(cwd).absolute()),
        }
        return server_for(early).run(call, input or "")
    return subprocess.run(
        command(*arguments, ground=ground),
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
        env=environment,
        cwd=cwd,
        input=input,
    )


def asked_late(name):
    return name.startswith(ASKED_LATE)


class Server:
    """The program, read and waiting for calls; `early` is the environment it was read in."""

    def __init__(self, early):
        self.early = early
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            # A process of several threads is not forked.
            env=early | {"OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        self._told = b""
        atexit.register(self.close)

    def run(self, call, input):
        with tempfile.TemporaryDirectory() as folder:
            streams = [Path(folder, name) for name in ("stdin", "stdout", "stderr")]
            for path, text in zip(streams, (input, "", ""), strict=True):
                path.write_text(text, encoding="utf-8")
            call = {**call, "streams": list(map(str, streams))}
            self._process.stdin.write(json.dumps(call).encode() + b"\n")
            code = self._wait()
            _, out, err = (path.read_text(encoding="utf-8") for path in streams)
            return subprocess.CompletedProcess(call["arguments"], code, out, err)

    def _wait(self):
        pid = self._number()
        try:
            return self._number()
        except subprocess.TimeoutExpired:
            os.kill(pid, 9)
            self._number()
            raise

    def _number(self):
        """The next line that the server tells."""
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._told:
                if not waiting.select(SECONDS):
                    raise subprocess.TimeoutExpired(str(SERVER), SECONDS)
                piece = os.read(self._process.stdout.fileno(), 100)
                assert piece, "the server ended; what it said stands above"
                self._told += piece
        number, _, self._told = self._told.partition(b"\n")
        return int(number)

    def close(self):
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


_servers = []


def server_for(early):
    if not _servers:
        _servers.append(Server(early))
    return _servers[0]


def refused(done, code):
    """Its error is one line and a hint, on stderr, without a traceback. Returns both as text."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert any(line.startswith("reelkiln: ") for line in lines), lines
    assert lines[-1].startswith("hint: "), lines
    return done.stderr


def here():
    return sorted(path.name for path in Path().iterdir())


def result(done):
    """The one JSON object on stdout."""
    return json.loads(done.stdout)
