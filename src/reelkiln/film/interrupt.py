"""Ctrl-C at any moment, also the worst one: between making a thing and knowing how to remove it."""

import signal
import threading
from types import FrameType

__all__ = ["Interrupts"]


class Interrupts:
    """Whether Ctrl-C is held back just now: at first it is, until `release`.

    Setting `held` is one store, and Python delivers a Ctrl-C only where a function is called or a
    loop turns: the first line of a `finally` that sets it cannot be overtaken.

    Does nothing outside the main thread, where Python delivers no Ctrl-C, and where the program has
    no handler of Python's own.
    """

    def __init__(self) -> None:
        self.held = True
        self._missed = False
        self._before = signal.getsignal(signal.SIGINT)

    def listen(self) -> None:
        """Take the place of the handler that is there. A `try` with `stop` must follow at once."""
        if self._ours():
            signal.signal(signal.SIGINT, self._hear)

    def release(self) -> None:
        """Hold back no longer; one that came meanwhile takes effect here.

        Raises:
            KeyboardInterrupt: whatever the handler that was there before raises.
        """
        self.held = False
        if self._missed:
            self._missed = False
            signal.raise_signal(signal.SIGINT)

    def stop(self) -> None:
        """Put the handler back that was there before, then `release`."""
        if self._ours():
            signal.signal(signal.SIGINT, self._before)
        self.release()

    def _ours(self) -> bool:
        return threading.current_thread() is threading.main_thread() and callable(self._before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.held or not callable(self._before):
            self._missed = True
        else:
            self._before(number, frame)
