"""Computers of a fleet die while a shift runs: nothing is lost, nothing is made twice."""

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


def test_computers_die_and_come_back_and_every_clip_is_delivered_once(tmp_path):
    place = tmp_path / "workspace"
    (place / "reels").mkdir(parents=True)
    with fleet(tmp_path, nodes=2) as ships, ledger_in(place) as ledger:
        ids = queue(ledger, 6, models=("slow",))
        renderer = FleetRenderer(ships.address, ships.token)
        assert renderer.width == 2

        def pull_plugs():
            for victim in (0, 1):
                busy = sum(row.phase == "denoise" for row in list_segments(ledger))
                while not busy:
                    time.sleep(0.05)
                    busy = sum(row.phase == "denoise" for row in list_segments(ledger))
                ships.kill_node(victim)
                ships.add_node()

        puller = threading.Thread(target=pull_plugs)
        puller.start()
        notes = []
        shift_in(place, ledger, renderer=renderer, notes=notes).run()
        puller.join()
        outcome = count(place, ledger, ids, kills=2)
        assert outcome.passed, (outcome.lost, outcome.twice)
        assert set(states(ledger).values()) == {"delivered"}
        assert any("is gone" in note for note in notes), notes


def test_nobody_gets_in_where_no_fleet_is():
    token = make_token(Path("token"))
    with pytest.raises(UsageError, match="nothing answers") as caught:
        FleetRenderer("127.0.0.1:9", token)
    assert "fleet desk" in caught.value.hint
