"""A pack made elsewhere becomes a workspace here: checked entry by entry, then put in place whole.

Nothing in a pack is trusted: names stay inside the new folder by the strictest desktop's rules,
there are no links, no file is larger or other than the pack says, and what is not listed is not
unpacked.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reelkiln.errors import DiskFull, ReelkilnError, UsageError
from reelkiln.film.faults import on_disk
from reelkiln.kiln.pack import FORMAT, LEDGER, MANIFEST, MODELS, Entry, Manifest, wrong_name
from reelkiln.plan.form import read
from reelkiln.store.moving import move_paths

__all__ = ["read_manifest", "unpack"]

MANIFEST_MAX = 64 * 2**20
FILES_MAX = 1_000_000
RATIO_MAX = 1_100
"""Bytes out of one byte of a deflated entry: more than deflate can do (1,032) is a forgery."""
SPARE = 64 * 2**20
_PIECE = 1 << 20

OnFile = Callable[[str], None]


def read_manifest(file: Path) -> Manifest:
    """What a pack says of itself, once its names and sizes are found to be sane.

    Raises:
        UsageError: it is no pack, only a part of one, of a newer reelkiln, or made to do harm.
    """
    with _opened(file) as pack:
        return _manifest(pack, file)


def unpack(
    file: Path, target: Path, *, cache: Path | None = None, on_file: OnFile = lambda _: None
) -> Manifest:
    """Unpack into `target`, a folder that is not there yet or empty: all of it, or nothing.

    Args:
        cache: where weights in the pack go (the Hugging Face cache); None: they are left in it.

    Raises:
        UsageError: as `read_manifest`; the target is in use; an entry is not what is listed.
        LedgerError: its ledger is damaged or of a newer reelkiln. DiskFull: there is no room.
    """
    _check_target(target)
    with _opened(file) as pack, _place(target) as place:
        manifest = _manifest(pack, file)
        _check_room(manifest, target, file)
        for name, entry in manifest.files.items():
            if name.startswith(f"{MODELS}/"):
                if cache is not None:
                    _bring_weight(pack, name, entry, cache, file)
                continue
            on_file(name)
            _extract(pack, name, entry, place / name, file)
        if LEDGER in manifest.files:
            move_paths(place / LEDGER, old=manifest.root, new=target.absolute())
        with on_disk(target):
            if target.exists():
                target.rmdir()
            place.replace(target)
    return manifest


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as pack:
            yield pack
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {file}", hint="Check the path.") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, zlib.error) as error:
        raise _no_pack(file, "is no pack of reelkiln, or only a part of one") from error


def _manifest(pack: zipfile.ZipFile, file: Path) -> Manifest:
    listed = pack.infolist()
    names = {info.filename for info in listed}
    if len(listed) > FILES_MAX or len(names) != len(listed) or MANIFEST not in names:
        raise _no_pack(file, "is no pack of reelkiln, or only a part of one")
    manifest = _read_list(pack, file)
    for info in listed:
        if info.filename != MANIFEST:
            _check_entry(info, manifest, file)
    if missing := manifest.files.keys() - names:
        raise _no_pack(file, f"lacks {min(missing)}")
    return manifest


def _read_list(pack: zipfile.ZipFile, file: Path) -> Manifest:
    if pack.getinfo(MANIFEST).file_size > MANIFEST_MAX:
        raise _no_pack(file, "has a list that is too long to be true")
    try:
        data = json.loads(pack.read(MANIFEST))
    except (ValueError, RecursionError, RuntimeError) as error:
        raise _no_pack(file, "has a list that is no JSON") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise _no_pack(file, "was packed by another version of reelkiln", "Update reelkiln.")
    try:
        manifest: Manifest = read(Manifest, data, "pack")
    except UsageError as error:
        raise _no_pack(file, f"has a wrong list ({error.message})") from error
    return manifest


def _check_entry(info: zipfile.ZipInfo, manifest: Manifest, file: Path) -> None:
    name = info.filename
    entry = manifest.files.get(name)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if why := wrong_name(name):
        raise _no_pack(file, f"holds {name!r:.100}, which {why}")
    if entry is None or kind not in (0, stat.S_IFREG) or info.flag_bits & 1:
        raise _no_pack(file, f"holds {name!r:.100}, which is not listed or no plain file")
    if info.file_size != entry.bytes or info.file_size > RATIO_MAX * max(info.compress_size, 1):
        raise _no_pack(file, f"holds {name!r:.100} with a size that is not true")


def _extract(pack: zipfile.ZipFile, name: str, entry: Entry, target: Path, file: Path) -> None:
    """One entry to a new file; never more bytes than listed, and exactly the listed ones."""
    digest, left = hashlib.sha256(), entry.bytes
    with on_disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with pack.open(name) as source, target.open("xb") as out:
            while piece := source.read(min(_PIECE, left + 1)):
                left -= len(piece)
                if left < 0:
                    break
                digest.update(piece)
                out.write(piece)
    if left or digest.hexdigest() != entry.sha256:
        raise _no_pack(file, f"holds {name} with another content than was packed")


def _bring_weight(pack: zipfile.ZipFile, name: str, entry: Entry, cache: Path, file: Path) -> None:
    """One file of a model into the cache, where it is not there already."""
    target = cache / name.removeprefix(f"{MODELS}/")
    if target.exists():
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _extract(pack, name, entry, part, file)
        with on_disk(target):
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _place(target: Path) -> Iterator[Path]:
    """A folder beside the target to unpack into; gone afterwards where it was not renamed."""
    with on_disk(target):
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=".reelkiln-", dir=target.absolute().parent))
    try:
        place.chmod(0o755)  # mkdtemp's own is for nobody else; a workspace is a usual folder
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _check_target(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            f"{target} is there already and not empty", hint="Name a folder that is not there."
        )


def _check_room(manifest: Manifest, target: Path, file: Path) -> None:
    needed = sum(entry.bytes for entry in manifest.files.values()) + SPARE
    with on_disk(target):
        free = shutil.disk_usage(target.absolute().parent).free
    if needed > free:
        raise DiskFull(
            f"{file.name} needs {needed / 10**9:.1f} GB, {free / 10**9:.1f} GB are free",
            hint="Make room on that disk, or unpack on another.",
        )


def _no_pack(file: Path, why: str, hint: str = "Pack it again, or copy it again.") -> ReelkilnError:
    return UsageError(f"{file} {why}", hint=hint)
