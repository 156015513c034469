"""Where a model's weights come from, and in which forms they are to be had."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reelkiln.errors import UsageError

__all__ = ["Source", "WeightSet", "must", "one_set"]


def must(true: bool, message: str) -> None:
    """A card's rule.

    Raises:
        UsageError: it does not hold.
    """
    if not true:
        raise UsageError(message, hint="Mend the model's card.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One repository that the model is made of.

    `name` is the key under which backends find its local folder ("model", "motion", …). `repo` is
    "owner/name" on the hub, or empty for weights that travel inside the package. `branch` is what
    the first pull resolves; `revision` is the 40-hex commit where somebody saw it, else empty.
    `files` are the exact files needed, relative to the repository. `bytes` is their size together.
    `unverified` is True where the list was not read at the source itself. `sets` names the sets
    that use this source (empty: all do); two sources may share a `name` where no set has both.
    """

    name: str
    repo: str = ""
    branch: str = "main"
    revision: str = ""
    files: tuple[str, ...] = ()
    bytes: int = 0
    unverified: bool = False
    sets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"source {self.name!r}"
        must(
            not self.repo or re.fullmatch(r"[\w.-]+/[\w.-]+", self.repo) is not None,
            f"{where}: repo {self.repo!r} is not of the form owner/name",
        )
        must(
            not self.revision or re.fullmatch(r"[0-9a-f]{40}", self.revision) is not None,
            f"{where}: revision {self.revision!r} is not a commit of 40 hex digits",
        )
        must(len(set(self.files)) == len(self.files), f"{where} lists a file twice")
        for name in self.files:
            inside = not name.startswith("/") and "\\" not in name and ":" not in name
            steps = name.split("/")
            must(
                inside and not {"", ".", ".."} & set(steps), f"{where}: {name!r} leaves its folder"
            )
            # Only formats that cannot carry code: a pickle would run whatever its author put in it.
            must(
                name.endswith((".safetensors", ".json", ".txt", ".model")),
                f"{where}: {name!r} is neither safetensors, JSON, text nor a tokenizer model",
            )
        must((self.bytes > 0) == bool(self.files), f"{where}: files and bytes belong together")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSet:
    """One way to store the same weights on the disk, such as in 8 bits.

    `title` says in a few words what it is, `quality` in a sentence what it costs in the picture
    and whether anybody measured that. `bits` tells, by the names of parts, how wide their weights
    lie in the files, where that is not 16.
    """

    title: str
    quality: str
    bits: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part, wide in self.bits.items():
            must(wide in (8, 16, 32), f"bits of {part!r} must be 8, 16 or 32")


def one_set(sources: Iterable[Source], name: str) -> tuple[Source, ...]:
    """The sources that a set uses: those of every set, and its own."""
    return tuple(source for source in sources if not source.sets or name in source.sets)
