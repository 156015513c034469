"""What we ask of the model hub: a branch's commit, files with size and hash, and their bytes.

The address, token, offline switch and HTTP client are huggingface_hub's own, so HF_ENDPOINT,
HF_HOME, HF_TOKEN, HF_HUB_OFFLINE, proxies and certificates work as everywhere else. The headers
are ours: we send a name and a version, nothing about the machine.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2
from huggingface_hub import constants, get_session, get_token, hf_raise_for_status

from reelkiln import __version__
from reelkiln.errors import HubUnreachable, WeightsBroken
from reelkiln.models.foreign import Asked, translated
from reelkiln.models.header import Header, header_length, parse_header

__all__ = [
    "Hub",
    "HubFile",
    "Pinned",
    "find_files",
    "peek_header",
    "read_from",
    "read_range",
    "resolve",
    "this_hub",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Where to ask and as whom. `timeout` is in seconds, for connecting and for each read."""

    endpoint: str
    token: str | None = field(default=None, repr=False)
    timeout: float = 10.0

    def headers(self) -> dict[str, str]:
        """What every request carries. Redirects to another host lose the token (the client's
        rule, tested), and `identity` keeps sizes and ranges those of the file itself."""
        lines = {"user-agent": f"reelkiln/{__version__}", "accept-encoding": "identity"}
        if self.token:
            lines["authorization"] = f"Bearer {self.token}"
        return lines


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file as the hub lists it: `blob` is its sha256 (large files) or git blob sha1 (small)."""

    path: str
    size: int
    blob: str

    @property
    def sha256(self) -> str:
        """The sha256 where the hub knows it, else empty."""
        return self.blob if len(self.blob) == 64 else ""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A repository ("owner/name") at one commit (40 hex digits)."""

    repo: str
    commit: str


def this_hub() -> Hub:
    """The hub that the environment names, with the login that is stored on this machine."""
    endpoint = constants.ENDPOINT
    with translated(Asked("the stored login", endpoint)):
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    return Hub(endpoint=endpoint, token=token, timeout=float(constants.HF_HUB_DOWNLOAD_TIMEOUT))


def resolve(hub: Hub, repo: str, branch: str) -> str:
    """The commit (40 hex digits) that a branch, tag or commit is at now.

    Raises:
        HubUnreachable: no answer, or not the hub's.
        WeightsMissing: no such repository or branch, or not for us.
    """
    asked = Asked(repo, hub.endpoint)
    url = f"{hub.endpoint}/api/models/{repo}/revision/{quote(branch, safe='')}"
    with translated(asked):
        answer = get_session().get(
            url, headers=hub.headers(), timeout=hub.timeout, follow_redirects=True
        )
        hf_raise_for_status(answer)
        data = answer.json()
    commit = data.get("sha") if isinstance(data, dict) else None
    if not isinstance(commit, str) or not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise _not_a_hub(asked, "it named no commit")
    return commit


def find_files(hub: Hub, at: Pinned, paths: tuple[str, ...]) -> dict[str, HubFile]:
    """Size and hash of each path that is there at a commit, by the path.

    Raises:
        HubUnreachable: no answer, or not the hub's.
        WeightsMissing: the repository or commit is not there, or not for us.
    """
    asked = Asked(at.repo, hub.endpoint)
    url = f"{hub.endpoint}/api/models/{at.repo}/paths-info/{at.commit}"
    with translated(asked):
        answer = get_session().post(
            url,
            headers=hub.headers(),
            timeout=hub.timeout,
            follow_redirects=True,
            data={"paths": list(paths)},
        )
        hf_raise_for_status(answer)
        data = answer.json()
    return {file.path: file for file in _files(asked, data)}


def _files(asked: Asked, data: Any) -> Iterator[HubFile]:
    if not isinstance(data, list):
        raise _not_a_hub(asked, "its list of files is no list")
    for entry in data:
        if not isinstance(entry, dict) or entry.get("type") != "file":
            continue
        lfs = entry.get("lfs") or {}
        path, size = entry.get("path"), lfs.get("size", entry.get("size"))
        blob = str(lfs.get("oid", entry.get("oid")))
        legal = re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", blob)
        if not isinstance(path, str) or not isinstance(size, int) or size < 0 or not legal:
            raise _not_a_hub(asked, f"it lists {path!r} without a size or hash")
        yield HubFile(path, size, blob)


def read_from(
    hub: Hub, at: Pinned, file: HubFile, start: int, stop: int | None = None
) -> Generator[tuple[int, bytes], None, None]:
    """The bytes of a file from `start` (to before `stop`) as pieces with their place in the file.

    There is no If-Range: the commit's file is one content for ever, its hash is checked at the
    end, and a CDN's own tags differ between its machines, which would throw good bytes away.

    A server that knows no ranges answers from 0: the first piece's place says so. A connection
    that is cut raises; a peer that sends more than the file holds is stopped.

    Raises:
        HubUnreachable: no answer, cut, or not the hub's; `foreign.transient` judges its cause.
        WeightsMissing: gone, or not for us.
        WeightsBroken: the hub serves another file than it listed.
    """
    asked = Asked(at.repo, hub.endpoint, file.path)
    url = f"{hub.endpoint}/{at.repo}/resolve/{at.commit}/{quote(file.path)}"
    headers = hub.headers()
    if start or stop is not None:
        headers["range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
    with translated(asked):
        stream = get_session().stream(
            "GET", url, headers=headers, timeout=hub.timeout, follow_redirects=True
        )
        with stream as answer:
            hf_raise_for_status(answer)
            _same_file(asked, answer, file)
            place = _first_byte(asked, answer, file)
            end = file.size if stop is None else stop
            for piece in answer.iter_bytes():
                yield place, piece[: max(0, end - place)]
                place += len(piece)
                if place >= end:
                    return


def _same_file(asked: Asked, answer: httpx2.Response, file: HubFile) -> None:
    """The hub repeats a file's hash with every answer; a CDN behind it has names of its own."""
    for each in (*answer.history, answer):
        tag = each.headers.get(constants.HUGGINGFACE_HEADER_X_LINKED_ETAG)
        if tag is not None and tag.removeprefix("W/").strip('"') != file.blob:
            raise WeightsBroken(
                f"the hub serves another {asked} than it listed",
                hint="Try again; if it stays so, its listing is out of date: report it there.",
            )


def _first_byte(asked: Asked, answer: httpx2.Response, file: HubFile) -> int:
    if answer.status_code != 206:
        return 0
    said = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("content-range", ""))
    if said is None or said[2] not in {str(file.size), "*"}:
        raise WeightsBroken(
            f"the hub serves another size of {asked} than the {file.size} bytes it listed",
            hint="Try again; if it stays so, its listing is out of date: report it there.",
        )
    return int(said[1])


def peek_header(hub: Hub, at: Pinned, file: HubFile) -> Header:
    """The header of a safetensors file on the hub, by fetching its first bytes only.

    Raises:
        HubUnreachable, WeightsMissing: as `read_from`.
        WeightsBroken: not a safetensors file, or its size is not what the header says.
    """
    name = f"{at.repo}/{file.path}"
    length = header_length(read_range(hub, at, file, 0, 8), name)
    text = read_range(hub, at, file, 8, 8 + length)
    header = parse_header(text, name)
    if header.file_bytes != file.size:
        raise WeightsBroken(
            f"{name} has {file.size} bytes on the hub, its header asks for {header.file_bytes}",
            hint="The file is broken at its source: report it there.",
        )
    return header


def read_range(hub: Hub, at: Pinned, file: HubFile, start: int, stop: int) -> bytes:
    """The bytes of a file from `start` to before `stop`, not compared with its hash.

    Raises:
        HubUnreachable, WeightsMissing, WeightsBroken: as `read_from`.
    """
    stop = min(stop, file.size)
    got = bytearray()
    for place, piece in read_from(hub, at, file, start, stop):
        got += piece[max(0, start - place) :]
    return bytes(got)


def _not_a_hub(asked: Asked, why: str) -> HubUnreachable:
    return HubUnreachable(
        f"what answers at {asked.endpoint} is not a model hub: {why}",
        hint="Check HF_ENDPOINT, or use `--model spark`, which needs no download.",
    )
