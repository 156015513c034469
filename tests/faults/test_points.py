"""F2: the program is let die at every named point, three times each, and goes on each time."""

import ast
from pathlib import Path

import pytest

import reelkiln
from faults.soundness import assert_sound
from kiln.shifts import queue, queue_board
from reelkiln.kiln.crash import ENV, EXIT
from reelkiln.store.queue import list_segments

SOURCES = Path(reelkiln.__file__).parent
TIMES = 3

# What the queue must hold for a point to be passed, where two ordinary clips do not.
NEEDS = {
    "before park": {"models": ("black",)},
    "step in the renderer": {"renderer": "children"},
    "step in the lane": {"renderer": "lanes"},
    # A film that lies in its place is only written down, and two may have come that far at once.
    "film in place": {"count": 2 * TIMES},
    "before row": {"count": 2 * TIMES},
    "after row": {"count": 2 * TIMES},
    "reel staged": {"board": 1},
    "reel file in place": {"board": 1},
    # A film that lies in its place is not made again: each death needs another reel.
    "before reel row": {"board": TIMES},
    "after reel row": {"board": TIMES},
    "claimed": {"count": 6},
    "submitted": {"count": 6},
}


def points():
    """The names of all points, from the code."""
    found = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "failpoint":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{path.name}: a point without a plain name"
                found.add(name.value)
    return sorted(found)


def test_the_list_is_read_from_the_code():
    assert len(points()) >= 15
    assert set(NEEDS) <= set(points())


@pytest.mark.parametrize("point", points())
def test_dying_here_three_times_loses_nothing(place, ledger, workers, point):
    needs = dict(NEEDS.get(point, {}))
    renderer = needs.pop("renderer", "here")
    boards = needs.pop("board", 0)
    ids = (
        queue_board(ledger, place, boards)
        if boards
        else queue(ledger, needs.pop("count", TIMES), **needs)
    )
    for _ in range(TIMES):
        code = workers.run(place, env={ENV: point}, renderer=renderer)
        # The renderer takes the worker with it, as SIGKILL.
        assert code in (EXIT, -9), f"{point} was not passed, or did not end the worker"
        assert_sound(place, ledger, ids, whole=False)
    assert workers.run(place, renderer=renderer) == 0
    assert_sound(place, ledger, ids)
    ended = {row.state for row in list_segments(ledger)}
    assert ended == ({"parked"} if point == "before park" else {"delivered"})
