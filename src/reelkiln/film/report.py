"""What validation says: one verdict per check, and what to do about those that fail. Pure."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

__all__ = ["Check", "Report", "Ruling", "State"]

State: TypeAlias = Literal["pass", "fail", "not judged"]

Ruling: TypeAlias = Literal["asked", "advised", "ours", "none"]
"""Whose rule it is: the platform asks for it, the platform advises it, reelkiln's own, nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    `found` is what the film has, `wanted` what is asked for, both in words. `do` says what to do:
    on a fail always, on a pass only where a platform's advice was not followed. `sources` are the
    addresses where the figure was read.
    """

    name: str
    state: State
    found: str
    wanted: str
    do: str = ""
    ruling: Ruling = "none"
    sources: tuple[str, ...] = ()
    note: str = ""

    @property
    def advice(self) -> bool:
        """Whether it passes, but not as the platform advises."""
        return self.state == "pass" and bool(self.do)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A film held against a platform. `deep`: every picture was decoded, not only a few."""

    path: Path
    platform: str
    deep: bool
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing fails."""
        return not self.failed

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that fail, in order."""
        return tuple(check for check in self.checks if check.state == "fail")

    @property
    def advised(self) -> tuple[Check, ...]:
        """The checks that pass, but not as the platform advises, in order."""
        return tuple(check for check in self.checks if check.advice)
