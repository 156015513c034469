"""Named points at which a test lets the program die, as a power cut would.

A point is a line `failpoint("before rename")` in the code; it does nothing until a process arms
itself. `REELKILN_CRASH_AT` names the point (`reelkiln.kiln.crash` reads it and dies there), and
`tests/faults/test_points.py` lists the points from the code and kills each of them.
"""

from collections.abc import Callable

__all__ = ["arm", "failpoint"]

_reached: list[Callable[[str], None]] = []


def arm(reached: Callable[[str], None]) -> None:
    """Have `reached` called with the name of every point that is passed from now on."""
    _reached.append(reached)


def failpoint(name: str) -> None:
    """A point with a name. Nothing happens here but in a process that armed itself."""
    for reached in _reached:
        reached(name)
