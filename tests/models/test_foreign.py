"""Every error of the hub's library and its HTTP client means something to the caller."""

from __future__ import annotations

import errno
import inspect
import json

import httpx2
import pytest
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
from reelkiln.models.foreign import NEVER_HERE, TABLE, Asked, ours, transient, translated

ASKED = Asked("maker/toy", "https://hub.example", "unet/w.safetensors")
HUBS_OWN = [
    kind
    for _, kind in inspect.getmembers(hub_errors, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == hub_errors.__name__
]
CLIENTS = [
    kind
    for _, kind in inspect.getmembers(httpx2, inspect.isclass)
    if issubclass(kind, Exception) and not issubclass(kind, Warning)
]


def known(kind: type[Exception]) -> bool:
    return any(ancestor in TABLE for ancestor in kind.__mro__)


def test_the_libraries_were_read() -> None:
    assert len(HUBS_OWN) > 40
    assert {httpx2.ConnectError, httpx2.ReadTimeout, httpx2.TooManyRedirects} <= set(CLIENTS)


@pytest.mark.parametrize("kind", HUBS_OWN, ids=lambda kind: kind.__name__)
def test_every_error_of_the_hub_is_in_the_table_or_ruled_out(kind: type[Exception]) -> None:
    assert known(kind) != (kind in NEVER_HERE)


@pytest.mark.parametrize("kind", CLIENTS, ids=lambda kind: kind.__name__)
def test_every_error_of_the_client_is_in_the_table(kind: type[Exception]) -> None:
    assert known(kind)


def answered(status: int) -> hub_errors.HfHubHTTPError:
    response = httpx2.Response(status, request=httpx2.Request("GET", "https://hub.example/x"))
    return hub_errors.HfHubHTTPError(f"{status}", response=response)


def gated() -> Exception:
    return hub_errors.GatedRepoError("no", response=answered(403).response)


CASES: list[tuple[Exception, type[ReelkilnError], str, str]] = [
    (
        hub_errors.OfflineModeIsEnabled("off"),
        HubUnreachable,
        "offline mode is on",
        "HF_HUB_OFFLINE",
    ),
    (httpx2.ConnectError("refused"), HubUnreachable, "cannot be reached", "--model spark"),
    (httpx2.ConnectTimeout("slow"), HubUnreachable, "cannot be reached", "--model spark"),
    (httpx2.RemoteProtocolError("cut"), HubUnreachable, "cannot be reached", "network"),
    (json.JSONDecodeError("no", "<html>", 0), HubUnreachable, "not a model hub", "login first"),
    (gated(), WeightsMissing, "accepted its terms", "https://hub.example/maker/toy"),
    (answered(401), WeightsMissing, "wants a login", "HF_TOKEN"),
    (answered(403), WeightsMissing, "does not allow", "https://hub.example/maker/toy"),
    (answered(404), WeightsMissing, "no file maker/toy/unet/w.safetensors", "card"),
    (answered(429), HubUnreachable, "HTTP 429", "later"),
    (answered(503), HubUnreachable, "HTTP 503", "--model spark"),
    (answered(418), WeightsMissing, "HTTP 418", "report"),
    (OSError(errno.ENOSPC, "full"), DiskFull, "disk is full", "goes on where it stopped"),
    (OSError(errno.EDQUOT, "quota"), DiskFull, "disk is full", "Make room"),
    (PermissionError(errno.EACCES, "no"), UsageError, "cannot be written", "HF_HOME"),
    (Timeout("x.lock"), LockHeld, "another program", "Wait"),
    (hub_errors.HFValidationError("bad"), UsageError, "not a name", "card"),
]


@pytest.mark.parametrize(("error", "kind", "words", "hint"), CASES, ids=lambda c: str(c)[:40])
def test_what_each_error_says(
    error: Exception, kind: type[ReelkilnError], words: str, hint: str
) -> None:
    with pytest.raises(ReelkilnError) as caught, translated(ASKED):
        raise error
    assert type(caught.value) is kind
    assert words in caught.value.message
    assert "maker/toy" in caught.value.message or "hub.example" in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.__cause__ is error


def test_our_own_mistakes_are_not_translated() -> None:
    assert ours(ZeroDivisionError(), ASKED) is None
    with pytest.raises(KeyError), translated(ASKED):
        raise KeyError("a bug")


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (httpx2.ReadError("cut"), True),
        (httpx2.ConnectError("refused"), True),
        (httpx2.UnsupportedProtocol("ftp"), False),
        (answered(500), True),
        (answered(429), True),
        (answered(404), False),
        (OSError(errno.ENOSPC, "full"), False),
    ],
    ids=str,
)
def test_what_is_worth_another_try(error: Exception, *, again: bool) -> None:
    assert transient(error) is again
