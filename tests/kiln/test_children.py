"""Children end with whoever started them, and leave stdout alone."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from kiln.orders import null_order
from reelkiln.errors import GateRefused, ReelkilnError, RenderFailed
from reelkiln.kiln import children
from reelkiln.kiln.children import ChildRenderer
from reelkiln.kiln.error_words import error_from_json, error_to_json
from reelkiln.kiln.lanes import LaneRenderer
from reelkiln.kiln.pipe import receive
from reelkiln.kiln.watch import Watch
from waiting import LONG, wait_for

PARENT = """
import os, sys, time
from pathlib import Path
from kiln.orders import null_order
from reelkiln.kiln.children import ChildRenderer
from reelkiln.kiln.watch import Watch

def told(progress):
    if progress.phase == "denoise":
        print(*renderer.pids(), flush=True)
        {then}

if __name__ == "__main__":
    renderer = ChildRenderer()
    renderer.render(null_order(step_seconds={seconds}), Path(), Watch(told))
    renderer.close()
"""


def parent(then, seconds):
    Path("parent.py").write_text(PARENT.format(then=then, seconds=seconds), encoding="utf-8")
    tests = str(Path(__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {tests!r}); import runpy; "
    return [sys.executable, "-c", code + "runpy.run_path('parent.py', run_name='__main__')"]


def test_a_child_whose_parent_was_killed_ends_too():
    process = subprocess.Popen(parent("time.sleep(60)", 60.0), stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    process.kill()
    process.communicate()
    wait_for(lambda: not psutil.pid_exists(child))


@pytest.mark.parametrize("kind", [GateRefused, RenderFailed])
def test_errors_keep_all_they_say(kind):
    error = kind("what happened", hint="Do this.", details=("one", "two"))
    back = error_from_json(error_to_json(error))
    assert type(back) is kind
    assert (back.message, back.hint, back.details) == (error.message, error.hint, error.details)


def test_an_error_of_a_newer_place_is_a_failed_render():
    words = error_to_json(ReelkilnError("odd")) | {"code": "of_next_year"}
    assert type(error_from_json(words)) is RenderFailed


def test_a_stop_in_the_middle_of_a_message_does_not_wait_for_its_end(tmp_path, monkeypatch):
    """What is left of it in the pipe would be read as the length of the next one."""
    renderer, ended = ChildRenderer(), []

    def torn(pipe):
        message = receive(pipe)
        if "progress" not in message:
            return message
        pipe._recv(4)  # the next one's length, and then Ctrl-C
        raise KeyboardInterrupt

    def render():
        try:
            renderer.render(null_order(step_seconds=0.1), tmp_path, Watch())
        except KeyboardInterrupt:
            ended.append(renderer.pids())

    monkeypatch.setattr(children, "receive", torn)
    thread = threading.Thread(target=render, daemon=True)
    thread.start()
    thread.join(LONG)
    pids = renderer.pids()
    for pid in filter(None, pids):
        psutil.Process(pid).kill()
    assert ended == [(None,)]


@pytest.mark.skipif(os.name != "posix", reason="no such mask")
@pytest.mark.parametrize("kind", ["children", "lanes"])
def test_ctrl_c_while_a_child_is_read_is_its_parents_to_hear(kind, tmp_path):
    """A terminal sends it to the whole group, at any moment."""
    lanes = LaneRenderer(tmp_path / "latents", batch=1)
    renderer = ChildRenderer() if kind == "children" else lanes
    pressed = []

    def press():
        pid = wait_for(lambda: next(filter(None, renderer.pids()), None))
        with suppress(ProcessLookupError):  # it has done its work already
            for _ in range(20):
                os.kill(pid, signal.SIGINT)
                pressed.append(True)
                time.sleep(0.02)

    thread = threading.Thread(target=press, daemon=True)
    thread.start()
    with closing(renderer):
        done = renderer.render(null_order(), tmp_path, Watch())
    thread.join(LONG)
    assert pressed
    assert done.chosen
