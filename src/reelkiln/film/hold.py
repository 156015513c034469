"""Holding one thing found against one figure: the figure of the platform, else our own. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from reelkiln.film.report import Check, Ruling, State
from reelkiln.film.rules import Choice, Figure, House, Platform, Rule, Span

__all__ = ["CHECKS", "Found", "hold", "not_judged", "wanted_words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How a check is called, its unit, and what to do when it fails."""

    name: str
    do: str
    unit: str = ""
    wanted: str = ""
    """What a rule without number or choice asks for."""
    margin: float = 0.0
    """The share by which a number may miss its bounds, where a figure is not exact by nature."""


_AGAIN = "encode the film again"

CHECKS: Mapping[str, Words] = {
    "container": Words(name="container", do="convert it to MP4"),
    "moov_first": Words(
        name="moov",
        wanted="first",
        do="write the file again with its index in front (-movflags +faststart)",
    ),
    "no_edit_lists": Words(
        name="edit lists",
        wanted="none",
        do="write the file again without them (-use_editlist 0"
        " -movflags +faststart+negative_cts_offsets)",
    ),
    "video_codec": Words(name="codec", do=f"{_AGAIN} as H.264"),
    "profile": Words(name="profile", do=f"{_AGAIN} as H.264 High (-profile:v high)"),
    "chroma": Words(name="pixel format", do=f"{_AGAIN} with 4:2:0 colour (-pix_fmt yuv420p)"),
    "bits": Words(name="bit depth", do=f"{_AGAIN} with 8 bits (-pix_fmt yuv420p)", unit=" bits"),
    "progressive": Words(name="scan", wanted="progressive", do="deinterlace it (-vf bwdif)"),
    "width": Words(name="width", do="scale it to the platform's size", unit=" pixels"),
    "height": Words(name="height", do="scale it to the platform's size", unit=" pixels"),
    # 540x960 is 9:16, 720x1279 nearly: encoders round to even sides.
    "aspect": Words(name="aspect", do="crop it to the platform's shape", margin=0.01),
    # The rates of NTSC are 1000/1001 of whole ones, and count as those everywhere.
    "fps": Words(
        name="frame rate", do=f"{_AGAIN} at 30 frames a second (-r 30)", unit=" fps", margin=0.0011
    ),
    "constant_rate": Words(
        name="constant rate", wanted="constant", do=f"{_AGAIN} at a constant rate (-fps_mode cfr)"
    ),
    "group_seconds": Words(
        name="key frames",
        do=f"{_AGAIN} with more key frames (-g half the rate)",
        unit=" s",
        margin=0.0011,
    ),
    "closed_groups": Words(
        name="closed groups", wanted="closed", do=f"{_AGAIN} with closed groups (-flags +cgop)"
    ),
    "b_frames": Words(name="B-frames", do=f"{_AGAIN} with two B-frames (-bf 2)"),
    "seconds": Words(name="seconds", do="make it as long as the platform takes", unit=" s"),
    "bytes": Words(name="bytes", do=f"{_AGAIN} at a lower rate, or shorten it", unit=" bytes"),
    # Rate control aims at an average; a tenth to either side is its ordinary miss.
    "video_kbps": Words(
        name="video bitrate", do=f"{_AGAIN} at another rate (-b:v)", unit=" kbit/s", margin=0.1
    ),
    "sound_track": Words(
        name="sound",
        wanted="a track that decodes",
        do="add a track, silent if need be (-f lavfi -i anullsrc)",
    ),
    "sound_codec": Words(name="sound codec", do="encode the sound as AAC (-c:a aac)"),
    "sound_rate": Words(name="sound rate", do="encode the sound at 48 kHz (-ar 48000)", unit=" Hz"),
    "channels": Words(name="channels", do="mix the sound to stereo (-ac 2)"),
    "sound_kbps": Words(
        name="sound bitrate",
        do="encode the sound at another rate (-b:a)",
        unit=" kbit/s",
        margin=0.1,
    ),
    "loudness": Words(
        name="loudness", do="bring the sound to -14 LUFS (-af loudnorm=I=-14)", unit=" LUFS"
    ),
}
"""Every figure of `Limits` by its key, in the order of a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a film has: a number with its largest value, a word or a fact; and how to say it.

    All None: it could not be seen, and `shown` says why.
    """

    shown: str
    number: float | None = None
    largest: float | None = None
    word: str | None = None
    fact: bool | None = None


def hold(key: str, found: Found, platform: Platform, house: House) -> Check:
    """Hold what was found against the figure `key` of the platform, else of the house."""
    words = CHECKS[key]
    figure, ruling = _figure(key, platform, house)
    if not figure.stated:
        return not_judged(words.name, found.shown, "not stated", figure.note)
    wanted = _wanted(figure, words)
    good = _good(figure, found, words.margin)
    if good is None:
        return not_judged(words.name, found.shown, wanted, figure.note)
    state: State = "pass" if good or ruling == "advised" else "fail"
    return Check(
        name=words.name,
        state=state,
        found=found.shown,
        wanted=wanted,
        do="" if good else words.do,
        ruling=ruling,
        sources=tuple(platform.sources[one].address for one in figure.sources),
        note=figure.note,
    )


def wanted_words(key: str, figure: Figure) -> str:
    """What a figure of that key asks for, in words.

    >>> wanted_words("seconds", Span(stated=True, least=3, most=90))
    '3 to 90 s'
    """
    return _wanted(figure, CHECKS[key]) if figure.stated else "not stated"


def not_judged(name: str, found: str, wanted: str, note: str = "") -> Check:
    """A check that nothing can be said about."""
    return Check(name=name, state="not judged", found=found, wanted=wanted, note=note)


def _figure(key: str, platform: Platform, house: House) -> tuple[Figure, Ruling]:
    figure: Figure = getattr(platform.limits, key)
    if figure.stated:
        return figure, "advised" if figure.advised else "asked"
    ours: Figure = getattr(house.limits, key)
    return (ours, "ours") if ours.stated else (figure, "none")


def _wanted(figure: Figure, words: Words) -> str:
    if isinstance(figure, Choice):
        return " or ".join(figure.allowed)
    if not isinstance(figure, Span):
        return words.wanted
    least, most, unit = figure.least, figure.most, words.unit
    if least is None:
        return f"at most {most:,}{unit}"
    if most is None:
        return f"at least {least:,}{unit}"
    return f"{least:,}{unit}" if least == most else f"{least:,} to {most:,}{unit}"


def _good(figure: Figure, found: Found, margin: float) -> bool | None:
    if isinstance(figure, Choice):
        return None if found.word is None else found.word in figure.allowed
    if isinstance(figure, Rule):
        return found.fact
    if not isinstance(figure, Span) or found.number is None:
        return None
    largest = found.number if found.largest is None else found.largest
    least, most = figure.least, figure.most
    return (least is None or found.number >= least - abs(least) * margin) and (
        most is None or largest <= most + abs(most) * margin
    )
