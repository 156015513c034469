"""The real program, read once and forked for each call: a process of its own, started at once.

    python tests/cli/server.py

Reads calls from stdin, one JSON object a line; a child takes the call's folder, environment and
files for its three streams, and runs and ends as the program does. Says on stdout its pid, then the
code it ended with.
"""

import gc
import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def read_everything():
    """Import what any command may, as far as it is installed. That does nothing but cost time."""
    import dbos  # noqa: F401

    import reelkiln

    for module in pkgutil.walk_packages(reelkiln.__path__, "reelkiln."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def answer():
    """Fork for every call. Returns the call in the child, and None here when nobody asks more."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            return json.loads(line)
        tell(pid)
        tell(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return None


def tell(number):
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def become(call):
    """Be the process that was asked for."""
    for stream, path in enumerate(call["streams"]):
        file = os.open(path, os.O_RDWR if stream else os.O_RDONLY)
        os.dup2(file, stream)
        os.close(file)
    os.environ.clear()
    os.environ.update(call["environment"])
    os.chdir(call["folder"])
    sys.stdin = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors)  # noqa: SIM115
    sys.argv[1:] = call["arguments"]


if __name__ == "__main__":
    from cli import child

    child.add_null_models()
    read_everything()
    gc.freeze()  # a child does not look again through all that was read
    found = answer()
    if found is not None:
        become(found)
        child.prepare_all(found["ground"])
        from reelkiln.__main__ import main

        sys.exit(main())
