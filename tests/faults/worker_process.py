"""Real worker processes for the fault tests: quick to start, and killed as the system kills.

`worker_process.py` reads requests from stdin, one JSON object a line, and makes a process for each:
where the system can, by a fork of itself, after everything was read that a worker needs. A worker
opens the ledger and the engine in its own process and renders with the family without weights,
either in the same process ("here") or in a spawned one ("children", "lanes").
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1]))


def work(request):
    """One worker, until nothing waits. Returns the exit code that `reelkiln work` would have."""
    from kiln.boards import SMALL
    from kiln.orders import busy_place
    from kiln.shifts import HereRenderer, ledger_in, shift_in
    from reelkiln.errors import ReelkilnError
    from reelkiln.kiln import finishing
    from reelkiln.kiln.children import ChildRenderer
    from reelkiln.kiln.crash import arm_here
    from reelkiln.kiln.lanes import LaneRenderer
    from reelkiln.store.dbos_engine import DbosEngine

    finishing.find_platform = lambda _name: SMALL  # reels of a quick size
    os.environ.update(request.get("env", {}))
    arm_here()
    if limit := request.get("file_size"):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    folder = Path(request["folder"])
    os.chdir(folder)
    engine = DbosEngine(folder / ".reelkiln", request.get("executor", "gpu0"))
    latents = folder / ".reelkiln" / "scratch" / "latents"
    made = {
        "here": lambda: HereRenderer(folder / "cache"),
        "children": lambda: ChildRenderer(cache=folder / "cache"),
        "lanes": lambda: LaneRenderer(latents, cache=folder / "cache"),
        "one lane": lambda: LaneRenderer(latents, cache=folder / "cache", batch=1),
        "busy": lambda: LaneRenderer(latents, cache=folder / "cache", maker=busy_place),
    }
    renderer = made[request.get("renderer", "here")]()
    try:
        with ledger_in(folder) as ledger:
            shift = shift_in(
                folder, ledger, engine=engine, renderer=renderer,
                executor=request.get("executor", "gpu0"), **terms_of(request),
            )  # fmt: skip
            shift.run()
    except ReelkilnError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code
    finally:
        engine.close()
    return 0


def terms_of(request):
    from reelkiln.kiln.hours import parse_time

    times = ("daily", "daily_until")
    given = request.get("terms", {})
    return {name: parse_time(value) if name in times else value for name, value in given.items()}


def fork_server():
    import dbos  # noqa: F401 - read once, for all workers

    import kiln.shifts  # noqa: F401
    import reelkiln.kiln.children
    import reelkiln.kiln.lanes
    import reelkiln.store.dbos_engine  # noqa: F401

    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.close(0)
            os._exit(_quit_with(json.loads(line)))
        _say({"pid": pid})
        threading.Thread(target=_reap, args=(pid,), daemon=True).start()


def _quit_with(request):
    try:
        return work(request)
    except BaseException as error:  # noqa: BLE001
        import traceback

        traceback.print_exception(error)
        return 99


def _reap(pid):
    _, status = os.waitpid(pid, 0)
    _say({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


_lock = threading.Lock()


def _say(message):
    with _lock:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


class Workers:
    """Starts workers and knows how they ended; kills those that are left on leaving."""

    def __init__(self, log):
        self._log = log
        self._server = None
        self._ended = {}
        self._changed = threading.Condition()
        self._pids = []
        self._alive = set()

    def __enter__(self):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._server = subprocess.Popen(
            [sys.executable, str(HERE)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
            text=True, env=environment,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_):
        for pid in list(self._alive):
            self._strike(pid)
        self._server.stdin.close()
        self._server.wait(60)
        self._server.stdout.close()

    def start(self, folder, **request):
        """A new worker; returns its pid."""
        self._server.stdin.write(json.dumps({"folder": str(folder), **request}) + "\n")
        self._server.stdin.flush()
        with self._changed:
            assert self._changed.wait_for(lambda: self._pids, 60)
            pid = self._pids.pop(0)
            self._alive.add(pid)
            return pid

    def wait(self, pid, seconds=90):
        """Its exit code; negative: the signal that ended it. None: it still works."""
        with self._changed:
            self._changed.wait_for(lambda: pid in self._ended, seconds)
            if pid in self._ended:
                self._alive.discard(pid)
            return self._ended.get(pid)

    def run(self, folder, **request):
        return self.wait(self.start(folder, **request))

    def kill(self, pid):
        self._strike(pid)
        return self.wait(pid)

    def _strike(self, pid):
        import signal

        with contextlib.suppress(ProcessLookupError):  # it may end by itself just now
            os.kill(pid, signal.SIGKILL)

    def _listen(self):
        for line in self._server.stdout:
            message = json.loads(line)
            with self._changed:
                if "pid" in message:
                    self._pids.append(message["pid"])
                else:
                    self._ended[message["ended"]] = message["code"]
                self._changed.notify_all()


if __name__ == "__main__":
    fork_server()
