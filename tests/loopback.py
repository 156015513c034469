"""A model hub on 127.0.0.1: a real HTTP server in the test process, with faults on request.

It speaks as much of the hub's API as huggingface_hub 2.4's `model_info`, `list_repo_tree`,
`get_paths_info`, `hf_hub_download` and `snapshot_download` use, and serves folders or bytes as
repositories with commits and branches. As the real hub does, it redirects large files to a storage,
here a second server on another port, and small ones to a place of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from huggingface_hub.utils import close_session

LARGE = 1024 * 10
"""Files from this size on are stored as the hub stores large files: named by their sha256."""
PIECE = 64 * 1024


@dataclass
class Faults:
    """What goes wrong. Paths are those inside a repository; a count of 0 is no fault."""

    cut_after: int = 0
    """Bytes after which the connection of a file is closed …"""
    cuts: int = 0
    """… in this many answers."""
    pause: float = 0.0
    """Seconds between two pieces of 64 KiB."""
    statuses: list[tuple[str, int]] = field(default_factory=list)
    """(part of a path, HTTP status), each answered once."""
    retry_after: str = ""
    wrong: dict[str, int] = field(default_factory=dict)
    """How many answers for this path have a byte turned over."""
    no_ranges: bool = False
    huge: dict[str, int] = field(default_factory=dict)
    """Sizes that the listing names instead of the true ones."""
    gated: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    token: str = ""
    """Where set, private repositories open to it."""
    login_page: bool = False
    """Every answer is the HTML of a hotel's network."""


@dataclass(frozen=True)
class Asked:
    """A request as it came in; `server` is "hub" or "storage"."""

    server: str
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Repository:
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        commit = self.branches.get(revision, revision)
        files = self.commits.get(commit)
        return (commit, files) if files is not None else None


def git_name(data: bytes) -> str:
    """What git calls a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class LoopbackHub:
    """The repositories, the faults, and a record of what was asked."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.endpoint = ""
        self.storage = ""

    def add(
        self, repo: str, files: Path | Mapping[str, bytes], branch: str = "main", commit: str = ""
    ) -> str:
        """Commit files to a repository's branch and return the commit (a given one: as told)."""
        if isinstance(files, Path):
            root = files
            found = sorted(p for p in root.rglob("*") if p.is_file())
            files = {p.relative_to(root).as_posix(): p.read_bytes() for p in found}
        held = self.repositories.setdefault(repo, Repository())
        listing = [f"{name} {git_name(data)}" for name, data in files.items()]
        commit = commit or git_name("\n".join([repo, str(len(held.commits)), *listing]).encode())
        held.commits[commit] = dict(files)
        held.branches[branch] = commit
        return commit

    def gets(self, part: str = "") -> list[Asked]:
        """The requests for bytes so far whose path holds `part`, storage only for large files."""
        found = [a for a in self.asked if a.method == "GET" and part in a.path]
        return [a for a in found if "/resolve/" in a.path or a.server == "storage"]


def blob_name(data: bytes) -> str:
    """The hub's name for a file's content."""
    if len(data) >= LARGE:
        return hashlib.sha256(data).hexdigest()
    return git_name(data)


@contextmanager
def loopback_hub() -> Iterator[LoopbackHub]:
    """Serve until the block is left."""
    hub = LoopbackHub()
    servers = [_serve(hub, "hub"), _serve(hub, "storage")]
    hub.endpoint, hub.storage = (f"http://127.0.0.1:{s.server_address[1]}" for s in servers)
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A hub that nobody but this test knows, reached directly whatever proxy there is."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    close_session()
    with loopback_hub() as served:
        yield served
        close_session()


def hub_environment(hub: LoopbackHub, cache: Path) -> dict[str, str]:
    """What a child process needs to use this hub and this cache, and nothing else of the kind."""
    env = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    env |= {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(cache)}
    return env | {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


def _serve(hub: LoopbackHub, name: str) -> ThreadingHTTPServer:
    handler = type("Handler", (_Handler,), {"hub": hub, "server_name": name})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[LoopbackHub]
    server_name: ClassVar[str]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.path_only = unquote(urlsplit(self.path).path)
        self.hub.asked.append(
            Asked(self.server_name, self.command, self.path_only, dict(self.headers.items()))
        )
        try:
            if not self._fault():
                self._route(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _fault(self) -> bool:
        faults = self.hub.faults
        if faults.login_page:
            self._send(200, b"<html>Welcome to the hotel</html>", {"Content-Type": "text/html"})
            return True
        for entry in faults.statuses:
            if entry[0] in self.path_only:
                faults.statuses.remove(entry)
                more = {"Retry-After": faults.retry_after} if faults.retry_after else {}
                self._json({"error": "on request"}, entry[1], more)
                return True
        return False

    def _route(self, body: bytes) -> None:
        path = urlsplit(self.path).path
        if found := re.fullmatch(r"/storage/([^/]+/[^/]+)/(.+)", path):
            self._store(*map(unquote, found.groups()))
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/([a-z-]+)/([^/]+))?", path):
            self._api(found[1], found[2] or "revision", unquote(found[3] or "main"), body)
        elif found := re.fullmatch(r"/api/resolve-cache/models/([^/]+/[^/]+)/([^/]+)/(.+)", path):
            self._small(*map(unquote, found.groups()))
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(*map(unquote, found.groups()))
        else:
            self._missing("RepoNotFound")

    def _store(self, repo: str, blob: str) -> None:
        data = self._stored(repo, blob)
        if data is None:
            self._missing("EntryNotFound")
        else:
            self._file(blob, data)

    def _stored(self, repo: str, blob: str) -> bytes | None:
        for files in self.hub.repositories[repo].commits.values():
            for name, data in files.items():
                if blob == f"{blob_name(data)}/{name}":
                    return data
        return None

    def _open(self, repo: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """The files of a revision, or None after an error was sent."""
        faults = self.hub.faults
        shut = (
            repo in faults.private and self.headers.get("Authorization") != f"Bearer {faults.token}"
        )
        if shut or repo not in self.hub.repositories:
            return self._refuse(401, "RepoNotFound", "Invalid username or password.")
        found = self.hub.repositories[repo].at(revision)
        return found or self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")

    def _api(self, repo: str, what: str, revision: str, body: bytes) -> None:
        opened = self._open(repo, revision)
        if opened is None:
            return
        commit, files = opened
        if what == "revision":
            siblings = [{"rfilename": name} for name in files]
            self._json({"id": repo, "modelId": repo, "sha": commit, "siblings": siblings})
        elif what == "tree":
            self._json([self._entry(name, data) for name, data in files.items()])
        elif what == "paths-info":
            wanted = parse_qs(body.decode())["paths"]
            self._json([self._entry(name, files[name]) for name in wanted if name in files])
        else:
            self._missing("RepoNotFound")

    def _entry(self, name: str, data: bytes) -> dict[str, Any]:
        size = self.hub.faults.huge.get(name, len(data))
        entry: dict[str, Any] = {"type": "file", "path": name, "size": size, "oid": git_name(data)}
        if len(data) >= LARGE:
            entry["lfs"] = {"oid": blob_name(data), "size": size, "pointerSize": 134}
        return entry

    def _resolve(self, repo: str, revision: str, name: str) -> None:
        opened = self._open(repo, revision)
        if opened is None:
            return
        if repo in self.hub.faults.gated:
            self._refuse(403, "GatedRepo", f"Access to model {repo} is restricted.")
            return
        commit, files = opened
        if name not in files:
            self._refuse(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": commit})
            return
        data = files[name]
        marks = {"X-Repo-Commit": commit, "ETag": f'"{blob_name(data)}"'}
        marks |= {"X-Linked-ETag": f'"{blob_name(data)}"', "X-Linked-Size": str(len(data))}
        if len(data) < LARGE:
            place = f"/api/resolve-cache/models/{repo}/{commit}/{name}"
            self._send(307, b"", {**marks, "Location": place})
            return
        place = f"{self.hub.storage}/storage/{repo}/{blob_name(data)}/{name}"
        self._send(302, b"", {**marks, "Location": place})

    def _small(self, repo: str, commit: str, name: str) -> None:
        opened = self._open(repo, commit)
        if opened is not None:
            data = opened[1][name]
            self._file(name, data, {"X-Repo-Commit": commit, "ETag": f'"{blob_name(data)}"'})

    def _file(self, name: str, data: bytes, marks: Mapping[str, str] | None = None) -> None:
        faults = self.hub.faults
        # what a storage behind the hub calls a file is no hash of the file
        headers = {
            "ETag": '"storage-1"',
            **(marks or {}),
            "Content-Type": "application/octet-stream",
        }
        whole = len(data)
        path = name.split("/", 1)[1] if self.server_name == "storage" else name
        if faults.wrong.get(path, 0) > 0 and self.command == "GET":
            faults.wrong[path] -= 1
            data = bytes([data[0] ^ 1]) + data[1:]
        status = 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not faults.no_ranges:
            headers["Accept-Ranges"] = "bytes"
        if asked and not faults.no_ranges:
            first, last = int(asked[1]), min(int(asked[2] or whole - 1), whole - 1)
            if first >= whole:
                self._send(416, b"", {"Content-Range": f"bytes */{whole}"})
                return
            data, status = data[first : last + 1], 206
            headers["Content-Range"] = f"bytes {first}-{last}/{whole}"
        self._send(status, data, headers)

    def _missing(self, code: str) -> None:
        self._refuse(404, code, "Not found")

    def _refuse(
        self, status: int, code: str, words: str, more: Mapping[str, str] | None = None
    ) -> None:
        self._json(
            {"error": words},
            status,
            {"X-Error-Code": code, "X-Error-Message": words, **(more or {})},
        )

    def _json(self, data: Any, status: int = 200, more: Mapping[str, str] | None = None) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8", **(more or {})}
        self._send(status, json.dumps(data).encode(), headers)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        faults = self.hub.faults
        is_file = "/resolve-cache/" in self.path_only or self.server_name == "storage"
        cut = is_file and faults.cuts > 0 and len(body) > faults.cut_after
        if cut:
            faults.cuts -= 1
            body = body[: faults.cut_after]
        for start in range(0, len(body), PIECE):
            self.wfile.write(body[start : start + PIECE])
            if is_file and faults.pause:
                time.sleep(faults.pause)
        if cut:
            self.wfile.flush()
            self.close_connection = True
