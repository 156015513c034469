"""The machine-readable mark "made by AI": put into a finished film, and read from any film.

C2PA carries the mark under a signature, and IPTC's term stands in the XMP packet beside it, covered
by the same signature. Signing comes last: any later change to the film breaks the label, which is
what it is for. (C2PA leaves out the brand at a film's head, padding, and boxes named free or skip.)
"""

import io
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO

from reelkiln.errors import FilmError, ReelkilnError, UsageError
from reelkiln.film.boxes import Box, BrokenBoxes, furthest_sample, scan
from reelkiln.film.certificate import Signer, own, self_made
from reelkiln.film.facts import Facts, probe
from reelkiln.film.faults import on_disk
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.manifest import Claim, State, Told, definition, read_store
from reelkiln.film.partfile import write_whole
from reelkiln.film.seal import Refused, read_manifests, seal
from reelkiln.film.xmp import AI_TYPES, source_types, xmp_box

__all__ = ["Claim", "LabelReport", "Signer", "State", "label", "open_signer", "verify"]

_MP4 = "video/mp4"
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""The `uuid` of the box that holds the manifests (C2PA specification 2.4, "Embedding … BMFF")."""
_TRUST_MAX = 4 * 2**20
_STILL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
)
"""A PNG of one pixel, to try a certificate on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelReport:
    """What a film claims of itself, and whether that holds.

    `state` is of the signature: "valid" (a trusted issuer), "issuer unknown" (nothing was changed
    since somebody signed), "broken" (`reason` says why) or "none". `made_by_ai` is what the film
    says, signed or not; `claims` are its statements in short, those in XMP last. `recipe` is the
    sha256 of our recipe, "" where it names none, and `words` the prompt where it was embedded.
    """

    path: Path
    state: State
    reason: str
    signer: str
    made_by_ai: bool
    claims: tuple[str, ...]
    recipe: str
    words: str

    @property
    def signed(self) -> bool:
        """Whether there is a signature, whatever it is worth."""
        return self.state != "none"

    @property
    def ok(self) -> bool:
        """Whether the film is marked as made by AI under a signature that holds."""
        return self.made_by_ai and self.state in ("valid", "issuer unknown")


def open_signer(
    folder: Path, now: datetime, *, chain: Path | None = None, key: Path | None = None
) -> Signer:
    """Who signs: the person's own certificate where both files are named, else the self-made one.

    Args:
        folder: where the self-made one lies, or is made.
        now: with its zone.
        chain: PEM, the signer's certificate first.
        key: PEM, without a password.

    Raises:
        UsageError: only one of the two is named, or one of them cannot sign a label.
        DiskFull, FilmError: the disk failed.
    """
    if chain is None and key is None:
        return self_made(folder, now)
    if chain is None or key is None:
        raise UsageError(
            "a certificate and its key are needed to sign, one of them is not named",
            hint="set both REELKILN_SIGNING_CHAIN and REELKILN_SIGNING_KEY, or neither",
        )
    signer = own(chain, key, now)
    try:
        seal(io.BytesIO(_STILL), io.BytesIO(), "image/png", definition(Claim(recipe="")), signer)
    except Refused as error:
        raise UsageError(
            f"the certificate {chain} may not sign labels: {error.words}",
            hint="ask its issuer for one for C2PA, and put the issuer's certificate behind it",
        ) from error
    return signer


def label(movie: Path, claim: Claim, signer: Signer) -> Facts:
    """Mark a finished MP4 as made by AI, and sign it: the last thing that is done to it.

    The film is replaced in one step, by one that was read back: its label verifies, and picture,
    sound and layout are as before. The facts are not decoded again.

    Raises:
        UsageError: the film is missing or may not be written.
        FilmError: it is no MP4, carries a label already, or could not be signed.
        DiskFull: there is no room.
    """
    before = probe(movie, decode=False)
    _check_unlabelled(movie)

    def write(part: Path, ctrl_c: Interrupts) -> Facts:
        ctrl_c.held = True  # inside the library's calls back to us it would be lost
        _sign(movie, part, claim, signer)
        ctrl_c.release()
        return _proved(part, movie, before, claim)

    return write_whole(movie, write)


def verify(path: Path, *, trust: Path | None = None) -> LabelReport:
    """What an MP4 of any origin claims of itself, and whether its signature holds. Nothing is
    fetched.

    Args:
        path: any MP4 or MOV.
        trust: PEM certificates whose holders are believed; without them no issuer is known.

    Raises:
        UsageError: a file is missing or may not be read, or `trust` holds no certificates.
        FilmError: it is no MP4, or is cut short or damaged.
    """
    anchors = _anchors(trust)
    try:
        with path.open("rb") as film:
            boxes = _whole(film, path)
            noted = source_types(film, boxes)
            film.seek(0)
            told = _told(film, anchors)
    except OSError as error:
        why = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise UsageError(f"{path} {why}", hint="check the path and its rights") from error
    return LabelReport(
        path=path,
        state=told.state,
        reason=told.reason,
        signer=told.signer,
        made_by_ai=told.made_by_ai or any(kind in AI_TYPES for kind in noted),
        claims=(*told.claims, *(f"XMP: {kind.rsplit('/', 1)[-1]}" for kind in noted)),
        recipe=told.recipe,
        words=told.words,
    )


def _sign(movie: Path, part: Path, claim: Claim, signer: Signer) -> None:
    with (
        on_disk(movie),
        tempfile.TemporaryFile(dir=movie.parent) as noted,
        part.open("w+b") as out,
    ):
        with movie.open("rb") as film:
            copyfileobj(film, noted)
        noted.write(xmp_box())
        noted.seek(0)
        try:
            seal(noted, out, _MP4, definition(claim), signer)
        except Refused as error:
            raise FilmError(
                f"{movie} could not be labelled: {error.words}",
                hint="report this: it is a mistake in reelkiln",
            ) from error


def _told(film: BinaryIO, anchors: str) -> Told:
    try:
        return read_store(read_manifests(film, _MP4, anchors))
    except Refused as error:
        if error.kind == "ManifestNotFound":
            return _silent("none", "")
        if error.kind.startswith("Remote"):
            return _silent("none", "its label lies on the internet, where it was not looked for")
        return _silent("broken", f"the label is damaged: {error.words}")


def _silent(state: State, reason: str) -> Told:
    return Told(
        state=state, reason=reason, signer="", made_by_ai=False, claims=(), recipe="", words=""
    )


def _whole(film: BinaryIO, path: Path) -> tuple[Box, ...]:
    """The boxes of an MP4 that holds all that its tables name."""
    size = film.seek(0, io.SEEK_END)
    film.seek(4)
    if film.read(4) not in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"):
        raise FilmError(f"{path} is no MP4", hint="labels are read from MP4 files")
    try:
        boxes = scan(film, size)
        if not any(box.path in ("moov", "moof") for box in boxes):
            raise BrokenBoxes("its index is missing")
        if furthest_sample(film, boxes) > size:
            raise BrokenBoxes("its samples lie beyond its end")
    except BrokenBoxes as error:
        raise FilmError(
            f"{path} is cut short or damaged: {error}", hint="make or copy the file again"
        ) from error
    return boxes


def _check_unlabelled(movie: Path) -> None:
    with on_disk(movie), movie.open("rb") as film:
        for box in _whole(film, movie):
            film.seek(box.body)
            if box.path == "uuid" and film.read(len(_C2PA)) == _C2PA:
                raise FilmError(
                    f"{movie} carries a label already", hint="a film is labelled once, at its end"
                )


def _proved(part: Path, movie: Path, before: Facts, claim: Claim) -> Facts:
    try:
        after, report = probe(part, decode=False), verify(part)
    except ReelkilnError as error:
        raise _damaged(movie, "it cannot be read") from error
    kept = [(one.frames, one.size, one.seconds, one.fps, one.sound) for one in (before, after)]
    laid = [(one.moov_first, one.edit_lists, one.start) for one in (before, after)]
    if not report.ok or report.recipe != claim.recipe or kept[0] != kept[1] or laid[0] != laid[1]:
        raise _damaged(movie, report.reason or "it is another film")
    return after


def _damaged(movie: Path, why: str) -> FilmError:
    return FilmError(
        f"{movie} came out damaged when it was labelled: {why}",
        hint="report this: it is a mistake in reelkiln",
    )


def _anchors(trust: Path | None) -> str:
    if trust is None:
        return ""
    try:
        with trust.open("rb") as file:
            data = file.read(_TRUST_MAX + 1)
    except OSError as error:
        why = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise UsageError(f"{trust} {why}", hint="check the path and its rights") from error
    if b"-----BEGIN CERTIFICATE-----" not in data or len(data) > _TRUST_MAX:
        raise UsageError(f"{trust} holds no certificates", hint="name a file of PEM certificates")
    return data.decode("utf-8", "replace")
