"""The drill: workers are killed again and again while they make clips, and then everything is
counted. It runs in a folder of its own, with the real program in real processes.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from reelkiln.errors import LedgerError, ReelkilnError
from reelkiln.film.facts import probe
from reelkiln.kiln.deliver import file_sha256
from reelkiln.kiln.work import Candidate, Work, work_to_text
from reelkiln.reel import Shot, Size
from reelkiln.store.backup import check_ledger
from reelkiln.store.deliveries import delivered_segments
from reelkiln.store.ledger import Ledger
from reelkiln.store.queue import NewSegment, add_order, list_segments
from reelkiln.store.segment import SegmentRow

__all__ = ["Drill", "Moment", "Outcome", "count"]

AHEAD = 2
"""Clips that always wait, so that every kill hits somebody at work."""
LOOK = 0.1
"""Seconds between two looks."""
AIMS = ("load", "denoise", "decode", "check", "finish")
"""Phases that every second kill waits for."""
PATIENCE = 3
"""How many shares of the time a kill waits for its phase, on a machine that is slow to start."""
WORDS = (
    "a gold serum bottle on a pink background",
    "a green jar on a white background",
    "a blue tube on a grey background",
    "a red lipstick on a beige background",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How the drill stands: kills so far, seconds since it began, every clip's row, whether a
    worker is alive, and what happened last."""

    kills: int
    seconds: float
    rows: tuple[SegmentRow, ...]
    working: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is left when all is done. `lost` and `twice` name clips and files with what is wrong,
    `parked` those that a person must look at: they are neither."""

    kills: int
    clips: int
    delivered: int
    parked: tuple[str, ...]
    lost: tuple[str, ...]
    twice: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was lost and nothing was made twice."""
        return not self.lost and not self.twice

    def __str__(self) -> str:
        return f"{self.kills} kills, {len(self.lost)} lost, {len(self.twice)} twice"


@dataclass(slots=True)
class Drill:
    """One drill in `folder`, a workspace that nobody else uses.

    `command` starts a worker that ends when nothing waits any more; its words go to `log`. `model`
    and `preset` name what renders. `rng` draws the kills: one comes at a random moment of its share
    of `seconds`, the next one when a clip has come to a random phase.
    """

    folder: Path
    ledger: Ledger
    command: Sequence[str]
    log: Path
    model: str
    preset: str
    size: Size
    now: Callable[[], datetime]
    rng: random.Random
    kills: int = 12
    seconds: float = 300.0
    _ids: list[str] = field(default_factory=list)
    _begun: float = 0.0

    def run(self) -> Iterator[Moment]:
        """Kill, look, kill; then let one worker finish. `count` says what came of it.

        Raises:
            LedgerError: a worker ended by itself although it had work.
        """
        self._begun = time.monotonic()
        share = self.seconds / (self.kills + 1)
        for number in range(self.kills):
            aim = self._aim() if number % 2 else ""
            most = share * (PATIENCE if aim else self.rng.uniform(1 / 3, 1))
            yield from self._one_life(number, most, aim)
        yield from self._finish()

    def _aim(self) -> str:
        """A phase in which no clip was when the last worker died: its rows still say so."""
        left = {row.phase for row in self._rows() if row.state == "running"}
        return self.rng.choice([phase for phase in AIMS if phase not in left])

    def _one_life(self, number: int, seconds: float, aim: str) -> Iterator[Moment]:
        self._order()
        with self._worker() as worker:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                self._order()
                if worker.poll() not in (None, 0):
                    raise self._gave_up(worker)
                if worker.poll() == 0:  # it was quicker than we ordered: it goes on with more
                    break
                moment = self._moment(number, "a worker makes clips", working=True)
                yield moment
                if aim and any(row.phase == aim for row in moment.rows if row.state == "running"):
                    break
                time.sleep(LOOK)
            phases = Counter(row.phase for row in self._rows() if row.state == "running")
            hit = ", ".join(phase for phase in phases if phase) or "starting"
            worker.kill()
        yield self._moment(number + 1, f"killed while: {hit}", working=False)

    def _finish(self) -> Iterator[Moment]:
        with self._worker() as worker:
            while worker.poll() is None:
                yield self._moment(self.kills, "the last worker finishes what waits", working=True)
                time.sleep(LOOK)
            if worker.returncode:
                raise self._gave_up(worker)
        yield self._moment(self.kills, "all is counted", working=False)

    def _worker(self) -> _Ended:
        with self.log.open("ab") as out:
            return _Ended(
                subprocess.Popen(
                    list(self.command),
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                )
            )

    def _order(self) -> None:
        """Have `AHEAD` clips wait at least."""
        waiting = sum(row.state == "queued" for row in self._rows())
        if waiting >= AHEAD:
            return
        number = len(self._ids)
        shot = Shot(
            prompt=WORDS[number % len(WORDS)],
            seconds=Fraction(1),
            size=self.size,
            seed=number,
            model=self.model,
            preset=self.preset,
        )
        work = Work(candidates=(Candidate(shot=shot),), because="the drill")
        name = f"drill-{number:03d}"
        clip = NewSegment(id=name, work=work_to_text(work), movie=f"reels/{name}.mp4")
        add_order(self.ledger, name, "drill", (clip,), now=self.now())
        self._ids.append(name)
        self._order()

    def outcome(self) -> Outcome:
        """Count what the drill ordered."""
        return count(self.folder, self.ledger, tuple(self._ids), kills=self.kills)

    def _rows(self) -> tuple[SegmentRow, ...]:
        return tuple(list_segments(self.ledger))

    def _moment(self, kills: int, said: str, *, working: bool) -> Moment:
        return Moment(
            kills=kills,
            seconds=time.monotonic() - self._begun,
            rows=self._rows(),
            working=working,
            said=said,
        )

    def _gave_up(self, worker: subprocess.Popen[bytes]) -> ReelkilnError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return LedgerError(
            f"a worker ended by itself with {worker.returncode}",
            hint=f"Its own words are in {self.log}.",
            details=tuple(line for line in lines[-3:] if line.strip()),
        )


class _Ended:
    """A process that does not outlive its `with`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._process

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._process.kill()
        self._process.wait()


def count(folder: Path, ledger: Ledger, ids: Sequence[str], *, kills: int) -> Outcome:
    """Hold every clip that was ordered against its row, its delivery and its file.

    Raises:
        LedgerError: the ledger itself is damaged.
    """
    check_ledger(ledger.path)
    rows = {row.id: row for row in list_segments(ledger)}
    deliveries = Counter(delivered_segments(ledger))
    lost = [f"{name}: it has no row" for name in ids if name not in rows]
    lost += [why for row in rows.values() if (why := _missing(folder, row, deliveries))]
    twice = [f"{name}: {times} deliveries" for name, times in deliveries.items() if times > 1]
    known = {row.movie for row in rows.values()} | {row.kept for row in rows.values()}
    films = [path.relative_to(folder).as_posix() for path in sorted(folder.glob("reels/*.mp4"))]
    twice += [f"{film}: a film that no row knows" for film in films if film not in known]
    return Outcome(
        kills=kills,
        clips=len(ids),
        delivered=sum(row.state == "delivered" for row in rows.values()),
        parked=tuple(f"{r.id}: {r.reason}" for r in rows.values() if r.state == "parked"),
        lost=tuple(lost),
        twice=tuple(twice),
    )


def _missing(folder: Path, row: SegmentRow, deliveries: Counter[str]) -> str:
    """What is missing of a clip, or nothing."""
    if row.state != "delivered":
        return "" if row.state == "parked" and row.reason else f"{row.id}: it is still {row.state}"
    if not deliveries[row.id]:
        return f"{row.id}: no delivery was written"
    movie = folder / row.movie
    try:
        if file_sha256(movie) != row.sha256:
            return f"{row.id}: {row.movie} is not the file that was delivered"
        probe(movie)
    except (OSError, ReelkilnError):
        return f"{row.id}: {row.movie} cannot be read"
    return ""
