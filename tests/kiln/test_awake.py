"""Whether a shift may start: on which power, in which folder."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from kiln.shifts import bench_in, ledger_in
from reelkiln.backends import probe
from reelkiln.errors import TryLater, UsageError
from reelkiln.kiln.awake import awake, refuse_on_battery, refuse_unsafe
from reelkiln.store.shifts import read_log


def battery(plugged):
    return SimpleNamespace(percent=50, secsleft=3600, power_plugged=plugged)


@pytest.mark.parametrize(("has", "said"), [(True, False), (False, True), (None, False)])
def test_only_a_battery_that_is_drained_counts(monkeypatch, has, said):
    answer = None if has is None else battery(has)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: answer, raising=False)
    assert probe.on_battery() is said


def test_a_night_on_battery_is_refused_and_written_down(tmp_path):
    with ledger_in(tmp_path) as ledger:
        bench = bench_in(tmp_path, ledger)
        refuse_on_battery(bench, on_battery=False)
        with pytest.raises(TryLater, match="battery") as caught:
            refuse_on_battery(bench, on_battery=True)
        assert (caught.value.exit_code, "--on-battery" in caught.value.hint) == (75, True)
        (row,) = read_log(ledger, since=bench.now().replace(year=2020))
        assert row.kind == "refused"


@pytest.mark.parametrize(
    "folder", ["C/Users/ada/OneDrive/glow", "home/ada/OneDrive - Kiln Ltd/glow", "x/Dropbox"]
)
def test_a_folder_that_is_copied_while_it_changes_is_refused(folder):
    why = probe.unsafe_for_databases(Path("/") / folder)
    assert why is not None and "copies files" in why
    with pytest.raises(UsageError, match="is not safe"):
        refuse_unsafe(Path(folder), why)


def test_a_disk_of_another_computer_is_refused_and_our_own_is_not(monkeypatch, tmp_path):
    assert probe.unsafe_for_databases(tmp_path) is None
    refuse_unsafe(tmp_path, None)
    part = SimpleNamespace(device="nas:/x", mountpoint="/", fstype="nfs4", opts="rw")
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [part])
    assert "another computer" in (probe.unsafe_for_databases(tmp_path) or "")


def test_where_the_system_does_not_let_us_it_is_said_and_work_goes_on():
    notes = []
    with awake(notes.append):
        done = True
    assert done and len(notes) <= 1
