"""The one place where parts are put together: settings, folders, the ledger, the machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from reelkiln.backends.probe import probe, versions
from reelkiln.errors import LedgerError, UsageError
from reelkiln.film.label import Signer, open_signer
from reelkiln.kiln.bench import Bench, remembering
from reelkiln.kiln.calibrate import calibrated
from reelkiln.plan.machine import Machine
from reelkiln.store.ledger import Ledger, open_ledger
from reelkiln.workshop.settings import Settings

__all__ = [
    "Desk",
    "Workshop",
    "current_folder",
    "find_workspace",
    "open_bench",
    "open_desk",
    "open_workshop",
    "this_machine",
]

MARK = "brand.yaml"
"""The file that makes a folder a workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where things lie. `workspace` is None outside of one; `state` need not exist yet."""

    settings: Settings
    workspace: Path | None
    state: Path

    @property
    def backups(self) -> Path:
        """Where copies of the ledger lie."""
        return self.state / "backups"


def open_workshop(cwd: Path, settings: Settings) -> Workshop:
    """Find the workspace that `cwd` is in, and where its state lies. Writes nothing.

    The state of a workspace is in its `.reelkiln/`; outside one it is in the user's data folder;
    `settings.state` wins over both.
    """
    workspace = find_workspace(cwd)
    home = workspace / ".reelkiln" if workspace else Path(platformdirs.user_data_path("reelkiln"))
    return Workshop(settings=settings, workspace=workspace, state=settings.state or home)


def current_folder() -> Path:
    """The folder the command was called in.

    Raises:
        UsageError: it is gone.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError(
            "the current folder is no longer there", hint="Change to another one."
        ) from error


def find_workspace(cwd: Path) -> Path | None:
    """The nearest folder, from `cwd` upwards, that holds a `brand.yaml`; None without one."""
    here = cwd.absolute()
    return next((f for f in (here, *here.parents) if (f / MARK).is_file()), None)


@contextmanager
def open_bench(workshop: Workshop, ask: Callable[[], Machine] = probe) -> Iterator[Bench]:
    """All that production stands on: the ledger migrated, the machine asked.

    Args:
        ask: who asks the machine (`kiln.apart.probe_apart` where this process lives long).

    Raises:
        LedgerError, LockHeld: the ledger cannot be used.
    """
    _make_folder(workshop.state)
    with open_ledger(workshop.state / "ledger.db") as ledger:
        yield Bench(
            machine=remembering(calibrated(ask(), workshop.state), ledger, datetime.now(UTC)),
            ledger=ledger,
            scratch=workshop.state / "scratch",
            cache=workshop.settings.cache,
            now=lambda: datetime.now(UTC),
            clock=time.perf_counter,
            versions=versions(),
            signer=lambda: _signer(workshop),
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """What those need who look at the queue and render nothing: the ledger, and the time."""

    ledger: Ledger
    now: Callable[[], datetime]


@contextmanager
def open_desk(workshop: Workshop) -> Iterator[Desk]:
    """The ledger, migrated; the machine is not asked.

    Raises:
        LedgerError, LockHeld: the ledger cannot be used.
    """
    _make_folder(workshop.state)
    with open_ledger(workshop.state / "ledger.db") as ledger:
        yield Desk(ledger, lambda: datetime.now(UTC))


def this_machine(state: Path) -> Machine:
    """This machine, with what `reelkiln bench --calibrate` measured on it and what ran out of its
    memory lately.

    Raises:
        LedgerError, LockHeld: the ledger cannot be read.
    """
    machine, file = calibrated(probe(), state), state / "ledger.db"
    if not file.is_file():
        return machine
    with open_ledger(file) as ledger:
        return remembering(machine, ledger, datetime.now(UTC))


def _signer(workshop: Workshop) -> Signer:
    settings = workshop.settings
    return open_signer(
        workshop.state / "signing",
        datetime.now(UTC),
        chain=settings.signing_chain,
        key=settings.signing_key,
    )


def _make_folder(state: Path) -> None:
    """A workspace's state is nobody's to commit: the folder ignores itself."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        ignore = state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
    except OSError as error:
        raise LedgerError(
            f"the folder {state} cannot be written to: {error.strerror}",
            hint="Point REELKILN_STATE at a folder you may write to.",
        ) from error
