"""Chromium, told what to do through its own pipe: no driver, no port, no network."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-dev-shm-usage", "--disable-background-networking", "--remote-debugging-pipe",
)  # fmt: skip
STATE = """({
    title: document.title,
    ready: document.readyState,
    wide: document.documentElement.scrollWidth,
    images: [...document.images].map(one => one.complete && one.naturalWidth > 0),
    heads: [...document.querySelectorAll("h1, h2")].map(one => one.textContent),
    styled: getComputedStyle(document.body).maxWidth,
})"""


def find_browser() -> str | None:
    """Where Chromium or Chrome lies, None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@dataclass(frozen=True)
class Seen:
    """A page as it stood in a window: what it asked for, what it complained of, what it is like."""

    asked: list[str]
    said: list[str]
    state: dict[str, Any]


class Browser:
    """A browser without a window."""

    def __init__(self, program: str) -> None:
        self._home = tempfile.mkdtemp(prefix="reelkiln-browser-")
        theirs_in, self._out = _pipe()
        self._in, theirs_out = _pipe()
        self._pid = os.posix_spawn(
            program,
            [program, *FLAGS, f"--user-data-dir={self._home}", "about:blank"],
            os.environ | {"HOME": self._home},
            # It reads from 3 and writes to 4.
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, theirs_in, 3),
                (os.POSIX_SPAWN_DUP2, theirs_out, 4),
            ],
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._heard = b""
        self._number = 0
        self._events: list[dict[str, Any]] = []

    def look_at(self, page: Path, width: int, height: int = 800) -> Seen:
        """Open a file in a new tab of this many CSS pixels, and look until it is loaded."""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        tab = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self._ask(f"{domain}.enable", tab)
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            tab, width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        self._events.clear()
        self._ask("Page.navigate", tab, url=page.absolute().as_uri())
        while not self._named("Page.loadEventFired"):
            self._events.append(self._hear())
        found = self._ask("Runtime.evaluate", tab, expression=STATE, returnByValue=True)
        requests = self._named("Network.requestWillBeSent")
        self._ask("Target.closeTarget", targetId=target)
        said = [
            json.dumps(one)
            for name in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
            for one in self._named(name)
        ]
        asked = [one["request"]["url"] for one in requests]
        return Seen(asked, said, found["result"]["value"])

    def close(self) -> None:
        """End it, and take its profile away."""
        self._ask("Browser.close")
        os.waitpid(self._pid, 0)
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._home, ignore_errors=True)

    def _named(self, method: str) -> list[dict[str, Any]]:
        return [one["params"] for one in self._events if one.get("method") == method]

    def _ask(self, method: str, tab: str | None = None, **more: Any) -> dict[str, Any]:
        self._number += 1
        call = {"id": self._number, "method": method, "params": more}
        if tab:
            call["sessionId"] = tab
        os.write(self._out, json.dumps(call).encode() + b"\0")
        while (told := self._hear()).get("id") != self._number:
            self._events.append(told)
        assert "error" not in told, f"{method}: {told['error']}"
        return told["result"]

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self._heard:
            piece = os.read(self._in, 1 << 16)
            assert piece, "the browser ended"
            self._heard += piece
        told, _, self._heard = self._heard.partition(b"\0")
        return json.loads(told)


def _pipe() -> tuple[int, int]:
    """A pipe with numbers above those that the browser is given."""
    both = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in both]
    for end in both:
        os.close(end)
    return high[0], high[1]
