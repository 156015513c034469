"""Errors of the hub's library, its HTTP client and the disk, as ours: one table.

What is looked up is the nearest class of an error's own line of ancestors, so that a new subclass
is translated like its parent. `tests/models/test_foreign.py` walks both libraries and fails when
one of their errors is neither in the table nor in `NEVER_HERE`.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias, cast

import httpx2
from filelock import Timeout
from huggingface_hub import errors as hub_errors

from reelkiln.errors import (
    DiskFull,
    HubUnreachable,
    LockHeld,
    ReelkilnError,
    UsageError,
    WeightsMissing,
)

__all__ = ["NEVER_HERE", "TABLE", "Asked", "ours", "transient", "translated"]

ELSEWHERE = "or use `--model spark`, which needs no download"
AGAIN = f"Try the same command again later, {ELSEWHERE}."


@dataclass(frozen=True, slots=True)
class Asked:
    """What we were asking for: a repository, at most one file of it, and where the hub is."""

    repo: str
    endpoint: str
    file: str = ""

    def __str__(self) -> str:
        return f"{self.repo}/{self.file}" if self.file else self.repo

    @property
    def page(self) -> str:
        """The page of the repository, for a person to open."""
        return f"{self.endpoint}/{self.repo}"


Translate: TypeAlias = Callable[[Exception, Asked], ReelkilnError]


def _offline(_error: Exception, asked: Asked) -> ReelkilnError:
    return HubUnreachable(
        f"offline mode is on, so {asked} was not asked for",
        hint=f"Unset HF_HUB_OFFLINE and try again, {ELSEWHERE}.",
    )


def _unreachable(error: Exception, asked: Asked) -> ReelkilnError:
    return HubUnreachable(
        f"the model hub {asked.endpoint} cannot be reached for {asked} ({_why(error)})",
        hint=f"Check the network, then try the same command again, {ELSEWHERE}.",
    )


def _strange(error: Exception, asked: Asked) -> ReelkilnError:
    return HubUnreachable(
        f"what answers at {asked.endpoint} is not a model hub ({_why(error)})",
        hint=f"Check HF_ENDPOINT, and whether this network wants a login first, {ELSEWHERE}.",
    )


def _gated(_error: Exception, asked: Asked) -> ReelkilnError:
    return WeightsMissing(
        f"{asked.repo} is only given to people who accepted its terms",
        hint=f"Accept them at {asked.page}, then run `hf auth login` or set HF_TOKEN.",
    )


def _disabled(_error: Exception, asked: Asked) -> ReelkilnError:
    return WeightsMissing(
        f"{asked.repo} was switched off by its author or by the hub",
        hint=f"See {asked.page}, or use another model.",
    )


def _no_repository(_error: Exception, asked: Asked) -> ReelkilnError:
    return WeightsMissing(
        f"the hub has no model {asked.repo}, or it is private",
        hint=f"See {asked.page}; for a private model run `hf auth login` or set HF_TOKEN.",
    )


def _no_revision(_error: Exception, asked: Asked) -> ReelkilnError:
    return WeightsMissing(
        f"{asked.repo} no longer has the revision that was asked for",
        hint="Correct the card's revision, or delete the model's lock file to resolve it anew.",
    )


def _no_file(_error: Exception, asked: Asked) -> ReelkilnError:
    return WeightsMissing(
        f"the hub has no file {asked}",
        hint=f"Compare the card's list of files with {asked.page}/tree/main.",
    )


def _status(error: Exception, asked: Asked) -> ReelkilnError:
    status = cast(hub_errors.HfHubHTTPError | httpx2.HTTPStatusError, error).response.status_code
    if status == 401:
        return WeightsMissing(
            f"the hub wants a login for {asked}, or the token sent is not valid",
            hint="Run `hf auth login`, or set HF_TOKEN to a valid token.",
        )
    if status == 403:
        return WeightsMissing(
            f"the hub does not allow this login to fetch {asked}",
            hint=f"See {asked.page} for what it asks of you.",
        )
    if status == 404:
        return _no_file(error, asked) if asked.file else _no_repository(error, asked)
    if status in _LATER or status >= 500:
        return HubUnreachable(f"the hub could not serve {asked} (HTTP {status})", hint=AGAIN)
    return WeightsMissing(
        f"the hub refused {asked} (HTTP {status})", hint=f"See {asked.page}, or report this."
    )


def _bad_name(error: Exception, asked: Asked) -> ReelkilnError:
    return UsageError(
        f"{asked} is not a name that the hub accepts ({_why(error)})",
        hint="Correct the repository in the model's card.",
    )


def _login_failed(error: Exception, _asked: Asked) -> ReelkilnError:
    return WeightsMissing(
        f"the stored login of the hub cannot be used ({_why(error)})",
        hint="Run `hf auth login`, or set HF_TOKEN.",
    )


def _held(_error: Exception, asked: Asked) -> ReelkilnError:
    return LockHeld(
        f"another program is fetching {asked} right now",
        hint="Wait until it is done, then run the same command again.",
    )


def _disk(error: Exception, asked: Asked) -> ReelkilnError:
    number = cast(OSError, error).errno
    if number in _FULL:
        return DiskFull(
            f"the disk is full, {asked} is not complete",
            hint="Make room, then run the same command again: it goes on where it stopped.",
        )
    return UsageError(
        f"{asked} cannot be written to the cache ({error})",
        hint="Make the folder writable, or name another one with HF_HOME.",
    )


_LATER = frozenset({408, 425, 429})
_FULL = frozenset(
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)
)

TABLE: Mapping[type[Exception], Translate] = {
    # huggingface_hub
    hub_errors.OfflineModeIsEnabled: _offline,
    hub_errors.GatedRepoError: _gated,
    hub_errors.DisabledRepoError: _disabled,
    hub_errors.RepositoryNotFoundError: _no_repository,
    hub_errors.RevisionNotFoundError: _no_revision,
    hub_errors.RevisionResolutionError: _unreachable,
    hub_errors.EntryNotFoundError: _no_file,
    hub_errors.HfHubHTTPError: _status,
    hub_errors.HFValidationError: _bad_name,
    hub_errors.HfUriError: _bad_name,
    hub_errors.FileMetadataError: _strange,
    hub_errors.LocalTokenNotFoundError: _login_failed,
    hub_errors.DeviceCodeError: _login_failed,
    hub_errors.OIDCError: _login_failed,
    hub_errors.XetDownloadError: _unreachable,
    # its HTTP client
    httpx2.HTTPStatusError: _status,
    httpx2.TransportError: _unreachable,
    httpx2.UnsupportedProtocol: _strange,
    httpx2.HTTPError: _strange,
    httpx2.InvalidURL: _strange,
    httpx2.StreamError: _unreachable,
    httpx2.CookieConflict: _strange,
    # an answer that is no JSON: the login page of a hotel's network
    json.JSONDecodeError: _strange,
    UnicodeDecodeError: _strange,
    # filelock and the disk
    Timeout: _held,
    OSError: _disk,
}
"""Each foreign error to what it means to the caller."""

NEVER_HERE: frozenset[type[Exception]] = frozenset(
    {
        # the cache manager, snapshot_download's dry run, and duplication of repositories
        hub_errors.CacheNotFound,
        hub_errors.CorruptedCacheException,
        hub_errors.CachedRepoTreeNotFoundError,
        hub_errors.FileDuplicationError,
        # inference, text generation, jobs' sandboxes
        hub_errors.InferenceEndpointError,
        hub_errors.SandboxError,
        hub_errors.SandboxCommandError,
        # its own safetensors and DDUF readers
        hub_errors.SafetensorsParsingError,
        hub_errors.NotASafetensorsRepoError,
        hub_errors.DDUFError,
        hub_errors.DDUFCorruptedFileError,
        hub_errors.DDUFExportError,
        hub_errors.DDUFInvalidEntryNameError,
        # its dataclasses and its command line
        hub_errors.StrictDataclassError,
        hub_errors.StrictDataclassDefinitionError,
        hub_errors.StrictDataclassFieldValidationError,
        hub_errors.StrictDataclassClassValidationError,
        hub_errors.CLIError,
        hub_errors.ConfirmationError,
        hub_errors.CLIExtensionInstallError,
    }
)
"""Errors of parts of huggingface_hub that this program does not call."""


def ours(error: Exception, asked: Asked) -> ReelkilnError | None:
    """The translation of a foreign error, or None for one that the table does not know."""
    for ancestor in type(error).__mro__:
        if ancestor in TABLE:
            return TABLE[ancestor](error, asked)
    return None


@contextmanager
def translated(asked: Asked) -> Iterator[None]:
    """The wall: what is raised inside leaves as one of ours, with the original as its cause."""
    try:
        yield
    except tuple(TABLE) as error:
        mine = ours(error, asked)
        if mine is None:  # unreachable: the except clause lists the table's own keys
            raise
        raise mine from error


def transient(error: Exception) -> bool:
    """Whether the same question may well be answered a moment later."""
    if isinstance(error, (hub_errors.HfHubHTTPError, httpx2.HTTPStatusError)):
        status = error.response.status_code
        return status in _LATER or status >= 500
    wrong_address = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)
    return isinstance(error, httpx2.TransportError) and not isinstance(error, wrong_address)


def _why(error: Exception) -> str:
    words = str(error).strip().splitlines()
    return f"{type(error).__name__}: {words[0]}"[:200] if words else type(error).__name__
