"""One file from the hub to the disk: in ranges, resumable by any later process, verified.

What has arrived stays in `<blob>.incomplete` when a process is killed, the network is lost or the
disk is full; the next call reads it back into the hash and asks only for the rest. The final name
appears after the hash was found right, never before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import httpx2
from huggingface_hub.errors import HfHubHTTPError

from reelkiln.errors import HubUnreachable, WeightsBroken
from reelkiln.models.foreign import Asked, transient, translated
from reelkiln.models.hashes import Digest
from reelkiln.models.hub import Hub, HubFile, Pinned, read_from

__all__ = ["Patience", "fetch", "part_path"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a lost connection is taken up again.

    After `tries` connections in a row that brought less than `worth` bytes each it is given up.
    The waits between them, in seconds, double from `first_wait` to `longest_wait`; where the hub
    names a wait of at most `obeyed` seconds, that one is kept instead.
    """

    tries: int = 5
    worth: int = 1024 * 1024
    first_wait: float = 1.0
    longest_wait: float = 16.0
    obeyed: float = 60.0

    def wait(self, failures: int, lost: HubUnreachable | None) -> float:
        """The seconds to wait after so many failures in a row (at least 1)."""
        cause = lost.__cause__ if lost else None
        if isinstance(cause, (HfHubHTTPError, httpx2.HTTPStatusError)):
            named = cause.response.headers.get("retry-after", "")
            if named.isdigit() and int(named) <= self.obeyed:
                return float(named)
        return min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1))


def part_path(target: Path) -> Path:
    """Where the bytes gather until they are complete."""
    return target.with_name(f"{target.name}.incomplete")


class _Part:
    """The part file, always hashed as far as it goes."""

    def __init__(self, path: Path, file: HubFile, asked: Asked) -> None:
        self.size = 0
        self.digest = Digest(file.size)
        self._file, self._asked = file, asked
        with translated(asked):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._disk = path.open("a+b")

    def __enter__(self) -> _Part:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with translated(self._asked):
            self._disk.close()

    def take_up(self, on_bytes: Callable[[int], None]) -> None:
        """Hash what an earlier process left; what cannot be the file's beginning is dropped."""
        while piece := self._read_at(self.size):
            self.digest.update(piece)
            self.size += len(piece)
            on_bytes(len(piece))
        if self.size > self._file.size:
            self.restart(on_bytes)

    def _read_at(self, place: int) -> bytes:
        with translated(self._asked):
            self._disk.seek(place)
            return self._disk.read(1024 * 1024)

    def write(self, piece: bytes) -> None:
        """Append, and hand the bytes to the system so that a killed process loses none."""
        with translated(self._asked):
            self._disk.write(piece)
            self._disk.flush()
        self.digest.update(piece)
        self.size += len(piece)

    def restart(self, on_bytes: Callable[[int], None]) -> None:
        """Drop everything."""
        on_bytes(-self.size)
        with translated(self._asked):
            self._disk.truncate(0)
        self.size, self.digest = 0, Digest(self._file.size)

    def sync(self) -> None:
        """Make sure that the bytes survive a power cut."""
        with translated(self._asked):
            os.fsync(self._disk.fileno())


def fetch(
    hub: Hub,
    at: Pinned,
    file: HubFile,
    target: Path,
    *,
    on_bytes: Callable[[int], None],
    patience: Patience,
    sleep: Callable[[float], None],
) -> str:
    """Bring one file to `target` and return its sha256; the caller holds the claim on it.

    Args:
        on_bytes: told how many bytes were gained (negative: bytes that turned out wrong).

    Raises:
        HubUnreachable: gave up; what arrived is kept for the next call.
        WeightsMissing: gone, or not for us.
        WeightsBroken: what the hub sends is twice not what it listed.
        DiskFull: what arrived is kept for the next call.
        UsageError: the cache is not writable.
    """
    asked = Asked(at.repo, hub.endpoint, file.path)
    with _Part(part_path(target), file, asked) as part:
        part.take_up(on_bytes)
        _fill(hub, at, file, part, on_bytes=on_bytes, patience=patience, sleep=sleep)
        if not part.digest.names(file.blob):  # a torn end after a power cut, or a bad line
            part.restart(on_bytes)
            _fill(hub, at, file, part, on_bytes=on_bytes, patience=patience, sleep=sleep)
        if not part.digest.names(file.blob):
            got = part.digest.sha256
            part.restart(on_bytes)
            raise WeightsBroken(
                f"{asked} arrived twice with the wrong content (sha256 {got[:12]}…)",
                hint="Try again over another network; if it stays so, report it on the hub.",
            )
        part.sync()
        sha256 = part.digest.sha256
    with translated(asked):
        part_path(target).replace(target)
    return sha256


def _fill(
    hub: Hub,
    at: Pinned,
    file: HubFile,
    part: _Part,
    *,
    on_bytes: Callable[[int], None],
    patience: Patience,
    sleep: Callable[[float], None],
) -> None:
    failures = 0
    while part.size < file.size:
        before = part.size
        lost = _read_once(hub, at, file, part, on_bytes)
        if part.size >= file.size:
            return
        failures = 1 if part.size - before >= patience.worth else failures + 1
        if failures > patience.tries:
            raise HubUnreachable(
                f"{at.repo}/{file.path} was cut {failures} times in a row, "
                f"{100 * part.size // file.size} % of it is here",
                hint="Run the same command again later: it goes on where it stopped.",
            ) from lost
        sleep(patience.wait(failures, lost))


def _read_once(
    hub: Hub, at: Pinned, file: HubFile, part: _Part, on_bytes: Callable[[int], None]
) -> HubUnreachable | None:
    """Read until the end or the cut; the cut comes back, what no patience mends is raised."""
    try:
        with closing(read_from(hub, at, file, part.size)) as pieces:
            for place, piece in pieces:
                if place != part.size:  # the server knows no ranges and began at the beginning
                    part.restart(on_bytes)
                part.write(piece)
                on_bytes(len(piece))
    except HubUnreachable as lost:
        if not isinstance(lost.__cause__, Exception) or not transient(lost.__cause__):
            raise
        return lost
    return None
