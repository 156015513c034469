"""The pipe between a parent and its rendering child: JSON, one message at a time."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection, wait
from typing import Any, TypeAlias

__all__ = ["Message", "end_with_the_parent", "receive", "send"]

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
