"""The one place that speaks with the C2PA library: sign a stream, read a stream, offline.

The library fetches nothing for us: a manifest that lies elsewhere and the state of a certificate at
its issuer are not asked for, whatever a file says. It is 50 MiB large and imported when first used.
"""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from reelkiln.errors import UsageError
from reelkiln.film.certificate import Signer

if TYPE_CHECKING:
    from c2pa import C2paError, Context

__all__ = ["Refused", "read_manifests", "seal"]

_OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True}


class Refused(Exception):
    """The library would not; `kind` is its name for why ("ManifestNotFound", "Remote", …)."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind, self.words = kind, words


def seal(
    source: BinaryIO, target: BinaryIO, mime: str, manifest: Mapping[str, Any], signer: Signer
) -> None:
    """Copy a film or picture with a signed manifest in it.

    Raises:
        OSError: what `target` raised while it was written.
        Refused: everything else, such as a certificate that may not sign.
    """
    import c2pa  # noqa: PLC0415 - only when signing or reading

    info = c2pa.C2paSignerInfo(signer.alg, signer.chain, signer.key, None)
    written = _Writer(target)
    try:
        with (
            _context() as context,
            c2pa.Signer.from_info(info) as pen,
            c2pa.Builder(json.dumps(manifest), context=context) as builder,
        ):
            builder.sign(pen, mime, source, written)
    except c2pa.C2paError as error:
        if written.fault is not None:
            raise written.fault from error
        raise _refused(error) from error


def read_manifests(source: BinaryIO, mime: str, trust: str = "") -> object:
    """The store of manifests in a file, verified, as the library's JSON.

    Args:
        source: read from its start.
        mime: such as "video/mp4".
        trust: PEM certificates whose holders are believed; none without it.

    Raises:
        Refused: there is none ("ManifestNotFound"), it lies elsewhere, or it is damaged.
        UsageError: `trust` holds no certificates.
    """
    import c2pa  # noqa: PLC0415 - only when signing or reading

    try:
        with _context(trust) as context, c2pa.Reader(mime, source, context=context) as reader:
            return json.loads(reader.json())
    except c2pa.C2paError as error:
        raise _refused(error) from error
    except ValueError as error:
        raise Refused("Json", "the label is no text") from error


@contextmanager
def _context(trust: str = "") -> "Iterator[Context]":
    import c2pa  # noqa: PLC0415 - only when signing or reading

    wanted: dict[str, Any] = {"verify": _OFFLINE, "builder": {"thumbnail": {"enabled": False}}}
    if trust:
        wanted["trust"] = {"user_anchors": trust}
    try:
        settings = c2pa.Settings.from_dict(wanted)
    except c2pa.C2paError as error:
        raise UsageError(
            "the certificates to trust cannot be read", hint="name a file with PEM certificates"
        ) from error
    with settings, c2pa.Context(settings) as context:
        yield context


def _refused(error: "C2paError") -> Refused:
    # "Kind: what happened"; not every kind has a class of its own.
    kind, _, words = str(error).partition(": ")
    return Refused(kind, "".join(c if c.isprintable() else " " for c in words[:200]) or kind)


class _Writer(io.RawIOBase):
    """A file that remembers why it could not be written; the library does not say."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.fault: OSError | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.fault = error
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        try:
            if not self._file.closed:  # at this object's own end it may be: 3.13 says so aloud
                self._file.flush()
        except OSError as error:
            self.fault = error
            raise
