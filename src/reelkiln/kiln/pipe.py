"""The pipe between a parent and its rendering child: JSON, one message at a time."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

__all__ = ["Message", "end_with_the_parent", "receive", "send", "start"]

Message: TypeAlias = Mapping[str, Any]


def end_with_the_parent() -> None:
    """Called in a child: end at once when the parent is gone, for nobody is left to render for."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


def start(process: BaseProcess) -> None:
    """Start a child that is deaf to Ctrl-C from its first moment: it is the parent's to hear. One
    that came while Python itself is read would end it with a traceback on the person's terminal.

    Windows has no such mask: there a child is deaf from the moment that it says so itself.
    """
    mask = getattr(signal, "pthread_sigmask", None)
    if mask is None:
        process.start()
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # which lifts the mask, where it must be started
    before = mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        mask(signal.SIG_SETMASK, before)


def send(pipe: Connection, message: Message) -> None:
    """Send a message.

    Raises:
        OSError: the other end is gone.
        ValueError: the message holds a number that JSON has not.
    """
    pipe.send_bytes(json.dumps(message, allow_nan=False).encode())


def receive(pipe: Connection) -> Message:
    """Wait for the next message.

    Raises:
        EOFError, OSError: the other end is gone.
    """
    message: Message = json.loads(pipe.recv_bytes())
    return message
