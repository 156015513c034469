"""`REELKILN_CRASH_AT`: the program dies at a named point, as a power cut would have it."""

from __future__ import annotations

import multiprocessing
import os
import signal

from reelkiln.failpoints import arm

__all__ = ["ENV", "EXIT", "arm_here"]

ENV = "REELKILN_CRASH_AT"
EXIT = 137
"""What a shell says of a process that SIGKILL ended."""


def arm_here() -> None:
    """Have this process die, without any clean-up, at the point that its environment names.

    A renderer takes its shift with it: the power goes for both.
    """
    if not (wanted := os.environ.get(ENV)):
        return

    def die(name: str) -> None:
        if name != wanted:
            return
        parent = multiprocessing.parent_process()
        if parent is not None and parent.pid:
            os.kill(parent.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        os._exit(EXIT)

    arm(die)
