"""Ours and other people's ways of rendering LTX-Video, in turns: `benchmarks/ltx.py theirs`.

A machine is slow at one moment and fast at the next, so nobody is measured once. In every round
each way has its turn, ours the first and the last; a turn sets the way up, renders a clip to warm
it up, and times some more. What is told are medians over all turns with the least and the most, and
what a way took as a share of the same round's clip with everything resident and no cap.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from held import Clock, pinned, wall_time
from ltx_cases import Bench, Case
from ltx_theirs import OURS, PEERS, RECIPES, RESIDENT, Row, resident, theirs
from reelkiln.errors import OutOfMemory
from reelkiln.plan.machine import GiB

SECONDS = 150
"""What one turn of a peer may take: it starts Python and loads the model."""
MEDIANS = "| case | cap GiB | way | clips | denoise s | decode s | together s | least to most |"
MEDIANS += " of resident | reserved GiB |"
ORDER = (RESIDENT, *RECIPES, *PEERS)


@dataclass
class Turns:
    """All rows so far, each with its round."""

    bench: Bench
    folder: Path
    cases: Sequence[Case]
    script: Path
    ends: float
    clips: int = 2
    rows: list[tuple[int, Row]] = field(default_factory=list)
    gone: set[tuple[float, str]] = field(default_factory=set)

    def left(self) -> float:
        """Seconds until no further turn begins."""
        return self.ends - time.perf_counter()

    def run(self, caps: Sequence[float], ways: Sequence[str], rounds: int) -> None:
        """So many rounds under each cap, then the table; what time does not suffice for is said."""
        for number in range(1, rounds + 1):
            for cap in caps:
                for way in (OURS, *(way for way in ORDER if way in ways), OURS):
                    if (cap, way) in self.gone:
                        continue
                    if self.left() < 0:
                        print(f"no time for {way} at {cap} GiB in round {number}", flush=True)
                        continue
                    self._turn(number, cap, way)
        self._table()

    def _turn(self, number: int, cap: float, way: str) -> None:
        print(f"round {number}: {way}", flush=True)
        found = self._asked(cap, way)
        self.rows += [(number, row) for row in found]
        if not any(row.figures for row in found):
            self.gone.add((cap, way))  # it will not do better in the next round

    def _asked(self, cap: float, way: str) -> list[Row]:
        if way == OURS:
            return [row for case in self.cases for row in ours(self.bench, case, cap, self.clips)]
        if way in PEERS:
            return self._peer(cap, way)
        # What everything is held against is turned with the others, and has no cap.
        ready, held = (resident, 0.0) if way == RESIDENT else (RECIPES[way], cap)
        return theirs(self.bench, self.cases, held, way, ready, clips=self.clips)

    def _peer(self, cap: float, way: str) -> list[Row]:
        """A peer's turn, in a process of its own: they change the libraries beside them."""
        command = [sys.executable, str(self.script), "theirs", "--folder", str(self.folder)]
        command += ["--only", way, "--caps", str(cap), "--clips", str(self.clips)]
        command += ["--cases", *(str(case.frames) for case in self.cases)]
        command += ["--tiny"] if self.bench.shrink else []
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            try:
                done = subprocess.run(command, stdout=said, timeout=SECONDS, check=False)
                ended = f"no answer, exit {done.returncode}"
            except subprocess.TimeoutExpired:
                ended = f"no answer in {SECONDS} s"
            said.seek(0)
            rows = [row for line in said if (row := Row.read(line))]
        for row in rows:
            print(row, flush=True)
        for case in self.cases:
            if not any(row.case.startswith(case.name) for row in rows):
                rows.append(Row(case.name, f"{cap}", way, (), ended))
                print(rows[-1], flush=True)
        return rows

    def _table(self) -> None:
        """Print medians, in the order in which ways first had their turn."""
        print(f"\n{MEDIANS}\n{'|---' * 10}|")
        kinds = dict.fromkeys((row.case, row.cap, row.way) for _, row in self.rows)
        for case, cap, way in sorted(kinds, key=lambda kind: (kind[0], kind[1])):
            mine = [
                (number, row)
                for number, row in self.rows
                if (row.case, row.cap, row.way) == (case, cap, way)
            ]
            timed = [(number, row) for number, row in mine if row.figures]
            print(f"| {case} | {cap} | {way} |", _cells(timed, self._resident(case), mine[0][1]))

    def _resident(self, case: str) -> dict[int, float]:
        """Of each round, the median of what a clip took with everything resident and no cap."""
        found: dict[int, list[float]] = {}
        for number, row in self.rows:
            if row.case == case and row.way == RESIDENT and row.figures:
                found.setdefault(number, []).append(row.together)
        return {number: median(seconds) for number, seconds in found.items()}


def _cells(timed: list[tuple[int, Row]], base: dict[int, float], first: Row) -> str:
    if not timed:
        return f"{first.said} |" + " |" * 6
    together = [row.together for _, row in timed]
    shares = [row.together / base[number] for number, row in timed if number in base]
    denoise, decode, held = (median(row.figures[at] for _, row in timed) for at in (2, 3, 5))
    cells = [f"{len(timed)}", f"{denoise:.2f}", f"{decode:.2f}", f"{median(together):.2f}"]
    cells += [f"{min(together):.2f} to {max(together):.2f}"]
    cells += [f"{median(shares):.2f}" if shares else "", f"{held:.2f}"]
    return " | ".join(cells) + " |"


def ours(bench: Bench, case: Case, cap: float, clips: int) -> list[Row]:
    """Our own turn, as it is planned for 16 GiB of RAM: the others take what RAM they like."""
    plan = bench.planned(case, cap, ram=16)
    name, held = f"{case.name}, words kept", f"{cap}"
    rows: list[Row] = []
    try:
        with bench.opened(plan, cap) as (session, load, ram):
            segment, lead = plan.segments[0], bench.lead(case)
            session.render(segment, load, lead)
            for _ in range(clips):
                begun = wall_time()
                session.render(segment, clock := Clock(), lead)
                spent = [clock.spent[phase] for phase in ("encode", "denoise", "decode")]
                spent.append(wall_time() - begun)
                held_now = (session.peak().vram / GiB, ram.most / GiB, pinned() / GiB)
                figures = (load.spent["load"], *spent, *held_now)
                rows.append(Row(name, held, OURS, figures, ""))
    except OutOfMemory as error:
        rows = [Row(name, held, OURS, (), f"out of memory: {error.message:.90}")]
    for row in rows:
        print(row, flush=True)
    return rows
