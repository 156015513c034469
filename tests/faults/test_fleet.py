"""Computers of a fleet die while a shift runs: nothing is lost, nothing is made twice."""

import os
import threading
import time
from pathlib import Path

import pytest

from fleet_ground import fleet
from kiln.shifts import ledger_in, queue, shift_in, states
from reelkiln.errors import UsageError
from reelkiln.kiln.drill import count
from reelkiln.kiln.fleet import FleetRenderer
from reelkiln.kiln.nodes import make_token
from reelkiln.store.queue import list_segments

pytestmark = pytest.mark.fleet
SOAK = bool(os.environ.get("REELKILN_SOAK"))
KILLS = 20 if SOAK else 2


def test_computers_die_and_come_back_and_every_clip_is_delivered_once(tmp_path):
    place = tmp_path / "workspace"
    (place / "reels").mkdir(parents=True)
    with fleet(tmp_path, nodes=2) as ships, ledger_in(place) as ledger:
        ids = queue(ledger, 6 * KILLS // 2, models=("slow",))
        renderer = FleetRenderer(ships.address, ships.token)
        assert renderer.width == 2
        plugs = Plugs(ships, ledger)
        plugs.start()
        notes = []
        shift_in(place, ledger, renderer=renderer, notes=notes).run()
        plugs.over = True
        plugs.join()
        assert plugs.pulled == KILLS
        outcome = count(place, ledger, ids, kills=KILLS)
        assert outcome.passed, (outcome.lost, outcome.twice)
        ended = states(ledger)
        parked = [r for r in list_segments(ledger) if r.state == "parked"]
        assert set(ended.values()) <= {"delivered", "parked"}
        assert all("is gone" in row.reason for row in parked), parked
        assert SOAK or not parked
        assert any("is gone" in note for note in notes), notes


class Plugs(threading.Thread):
    """Pulls the plug of one of two computers while it renders, and brings another one."""

    def __init__(self, ships, ledger):
        super().__init__(daemon=True)
        self.ships, self.ledger, self.pulled, self.over = ships, ledger, 0, False

    def run(self):
        alive = [0, 1]
        while self.pulled < KILLS and not self.over:
            if any(row.phase == "denoise" for row in list_segments(self.ledger)):
                self.ships.kill_node(alive.pop(0))
                self.pulled += 1
                alive.append(self.ships.add_node())
            time.sleep(0.05)


def test_nobody_gets_in_where_no_fleet_is():
    token = make_token(Path("token"))
    with pytest.raises(UsageError, match="nothing answers") as caught:
        FleetRenderer("127.0.0.1:9", token)
    assert "fleet desk" in caught.value.hint
