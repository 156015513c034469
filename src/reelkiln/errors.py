"""What can go wrong, as one tree whose branches are what the caller can do about it.

ReelkilnError                       exit  code
├── UsageError                        2   usage            mend the command
│   ├── UnknownName                   2   unknown_name     no model, preset, … of that name
│   ├── ScriptError                   2   script_error     mend the files that it names
│   └── MissingLibrary                2   missing_library  install an extra
├── TryLater                         75   try_later        nothing is wrong with the command: wait
│   ├── HubUnreachable               75   hub_unreachable
│   ├── DiskFull                     75   disk_full
│   ├── GpuBusy                      75   gpu_busy
│   ├── LockHeld                     75   lock_held
│   └── OnBattery                    75   on_battery
├── PlanRefused                       1   plan_refused     no rung fits: smaller or shorter
├── WeightsMissing                    1   weights_missing  pull them
├── WeightsBroken                     1   weights_broken   a file is not what its card says
├── RenderFailed                      1   render_failed    the model failed
│   ├── OutOfMemory                   1   out_of_memory    step down one rung and go on
│   └── PlaceLost                     1   place_lost       who rendered is gone: give it to another
├── GateRefused                       1   gate_refused     no take is good: a person must look
├── FilmError                         1   film_error       no file could be made, or read
├── LedgerError                       1   ledger_error     the ledger refused or is damaged
└── Cancelled                       130   cancelled        somebody asked us to stop: never retried

Every error is one line that says what happened to which file or model, and carries a `hint`: one
sentence saying what to do next. Errors of foreign libraries are translated at the wall of the room
that imports the library.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

__all__ = [
    "Cancelled",
    "DiskFull",
    "FilmError",
    "GateRefused",
    "GpuBusy",
    "HubUnreachable",
    "LedgerError",
    "LockHeld",
    "MissingLibrary",
    "OnBattery",
    "OutOfMemory",
    "PlaceLost",
    "PlanRefused",
    "ReelkilnError",
    "RenderFailed",
    "ScriptError",
    "TryLater",
    "UnknownName",
    "UsageError",
    "WeightsBroken",
    "WeightsMissing",
    "unknown_name",
]


class ReelkilnError(Exception):
    """Base of everything this package raises on purpose.

    Args:
        message: one line, no full stop at the end.
        hint: one sentence saying what to do next, empty only where nothing can be done.
        details: further lines, one for each place that needs mending.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process walls with their hint and details."""
        return (_rebuild, (type(self), self.message, self.hint, self.details))


def _rebuild(
    kind: type[ReelkilnError], message: str, hint: str, details: tuple[str, ...]
) -> ReelkilnError:
    return kind(message, hint=hint, details=details)


class UsageError(ReelkilnError):
    """The command cannot be carried out as it is written."""

    code = "usage"
    exit_code = 2


class UnknownName(UsageError):
    """No model, preset or template has this name."""

    code = "unknown_name"


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name that nobody has, with the nearest one in its hint.

    >>> unknown_name("model", "sprak", ["spark", "epicrealism"]).hint
    'Did you mean spark? There are: epicrealism, spark.'
    """
    names = sorted(known)
    near = get_close_matches(name.lower(), names, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    return UnknownName(
        f"no {kind} is called {name!r}", hint=f"{guess}There are: {', '.join(names)}."
    )


class ScriptError(UsageError):
    """A brand, product, template, storyboard or batch file has mistakes; `details` names each."""

    code = "script_error"


class MissingLibrary(UsageError):
    """An extra that the command needs is not installed."""

    code = "missing_library"


class TryLater(ReelkilnError):
    """Nothing is wrong with the command; the same one may work later."""

    code = "try_later"
    exit_code = 75


class HubUnreachable(TryLater):
    """The model hub did not answer."""

    code = "hub_unreachable"


class DiskFull(TryLater):
    """There is no room on the disk."""

    code = "disk_full"


class GpuBusy(TryLater):
    """Another program holds the GPU."""

    code = "gpu_busy"


class LockHeld(TryLater):
    """Another reelkiln process holds the lock."""

    code = "lock_held"


class OnBattery(TryLater):
    """The machine runs on its battery, which ends in the middle of a night."""

    code = "on_battery"


class PlanRefused(ReelkilnError):
    """No rung of the ladder carries this shot on this machine."""

    code = "plan_refused"


class WeightsMissing(ReelkilnError):
    """The weights of this model are not on the disk."""

    code = "weights_missing"


class WeightsBroken(ReelkilnError):
    """A weights file is not what its card, header or hash says."""

    code = "weights_broken"


class RenderFailed(ReelkilnError):
    """The model failed while rendering."""

    code = "render_failed"


class OutOfMemory(RenderFailed):
    """The device was fuller than the plan thought."""

    code = "out_of_memory"


class PlaceLost(RenderFailed):
    """The process or computer that rendered is gone."""

    code = "place_lost"


class GateRefused(ReelkilnError):
    """No take was good enough to keep."""

    code = "gate_refused"


class FilmError(ReelkilnError):
    """Frames could not become a file, or a file is not a video we can read."""

    code = "film_error"


class LedgerError(ReelkilnError):
    """The ledger refused an operation or is damaged."""

    code = "ledger_error"


class Cancelled(ReelkilnError):
    """The work was stopped on request."""

    code = "cancelled"
    exit_code = 130
