"""The list of families, the list of schedulers, and what the machine is asked."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import psutil
import pytest

from reelkiln.backends import probe
from reelkiln.backends.registry import FAMILIES, find_backend
from reelkiln.backends.schedule import SCHEDULERS, schedule_problems
from reelkiln.errors import UnknownName
from tiny_models import EULER, make_card


def test_each_family_is_found_by_its_name():
    for name, family in FAMILIES.items():
        assert find_backend(name) is family


def test_an_unknown_family_comes_with_the_nearest_name():
    with pytest.raises(UnknownName) as raised:
        find_backend("animatedif")
    assert "animatediff" in raised.value.hint
    with pytest.raises(UnknownName) as raised:
        find_backend("zzz")
    assert "animatediff, ltx, null" in raised.value.hint


def test_presets_may_name_schedulers_of_the_list_only():
    for name in SCHEDULERS:
        card = make_card("animatediff", replace(EULER, scheduler=name))
        assert not list(schedule_problems(card))
    card = make_card("animatediff", replace(EULER, scheduler="HeunDiscreteScheduler"))
    (problem,) = schedule_problems(card)
    assert "HeunDiscreteScheduler" in problem.message


def test_the_machine_is_what_the_system_says():
    machine = probe.probe()
    assert machine.ram_total == psutil.virtual_memory().total
    assert 0 < machine.ram_free <= machine.ram_total
    assert machine.cores >= 1
    assert machine.system in ("Linux", "Windows", "Darwin")
    if machine.gpu is None:
        assert (machine.vram_total, machine.vram_free, machine.bf16) == (0, 0, False)
    else:
        assert 0 < machine.vram_free <= machine.vram_total


def test_torch_is_imported_only_where_a_driver_is():
    code = (
        "import sys\nfrom reelkiln.backends.probe import probe, versions\n"
        "probe(), versions()\nprint('torch' in sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=True
    )
    assert result.stdout.strip() == str(probe.gpu_may_exist())


def test_the_memory_peak_only_rises():
    before = probe.ram_peak()
    ballast = np.ones(64 << 20, np.uint8)
    held = probe.ram_peak()
    del ballast
    assert held >= psutil.Process().memory_info().rss + (60 << 20)
    # The kernel counts pages in batches for each thread: its mark is right to about a MiB.
    assert probe.ram_peak() >= max(held, before) - (1 << 20)
