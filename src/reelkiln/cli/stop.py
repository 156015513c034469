"""Ctrl-C: the first one stops the work, further ones do not cut the clean-up short."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["check", "listen"]

_pressed = threading.Event()


def listen() -> None:
    """Hear Ctrl-C, and the polite request to end (SIGTERM), from now on."""
    if threading.current_thread() is not threading.main_thread():
        return
    _pressed.clear()
    signal.signal(signal.SIGINT, _hear)
    signal.signal(signal.SIGTERM, _hear)


def check() -> None:
    """Stop here where a Ctrl-C was heard and some library swallowed it.

    Raises:
        KeyboardInterrupt: one was heard.
    """
    if _pressed.is_set():
        raise KeyboardInterrupt


def _hear(number: int, frame: FrameType | None) -> None:
    if not _pressed.is_set():
        _pressed.set()
        raise KeyboardInterrupt
