"""A worker process of its own: `engine_child.py FOLDER EXECUTOR`. It writes what it begins."""

import os
import sys
import time
from pathlib import Path

from reelkiln.errors import LockHeld
from reelkiln.store.dbos_engine import DbosEngine


def handle(segment_id):
    with Path(sys.argv[1], "begun.txt").open("a", encoding="utf-8") as file:
        file.write(f"{segment_id} {sys.argv[2]} {os.getpid()}\n")
    time.sleep(600)


if __name__ == "__main__":
    engine = DbosEngine(Path(sys.argv[1]), sys.argv[2])
    try:
        engine.submit(f"of-{sys.argv[2]}")
        with engine.run_worker(handle, 1):
            time.sleep(600)
    except LockHeld as held:
        sys.stdout.write(held.message)
        sys.exit(held.exit_code)
