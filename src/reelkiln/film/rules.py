"""What a platform asks of a film, as frozen values. Pure: figures come from `platforms/*.toml`.

Every figure says where it was read (`sources`, keys of the platform's own list) and whether it is
asked for, or only advised. What nobody states is `stated = false` and holds nothing: it is never
guessed. Then our own rule for every film counts (`film/house.toml`), or nothing is judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from math import ceil, floor
from typing import Literal, TypeAlias

from reelkiln.errors import UsageError
from reelkiln.reel import Size

__all__ = [
    "Choice",
    "Delivery",
    "Edge",
    "Figure",
    "House",
    "Limits",
    "Platform",
    "Rule",
    "SafeZone",
    "Source",
    "Span",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a figure was read: its address, the day (YYYY-MM-DD), and who speaks there.

    `speaker` is "network" for the platform's own pages and "quoted" for others who quote it.
    """

    address: str
    read_on: str
    speaker: Literal["network", "quoted"]
    note: str = ""

    def __post_init__(self) -> None:
        if not self.address.startswith("https://"):
            raise UsageError(f"{self.address!r} is no https address", hint="Write it in full.")
        try:
            date.fromisoformat(self.read_on)
        except ValueError:
            raise UsageError(
                f"{self.read_on!r} is no date", hint="Write it like 2026-11-23."
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What all figures have in common.

    `stated` is False where nobody says anything; `advised` is True where the platform recommends
    and does not refuse. `note` says what sources disagree about, or what a reader should know.
    """

    stated: bool
    advised: bool = False
    sources: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if self.stated == self.empty:
            raise UsageError(
                "a stated figure must hold something, any other nothing",
                hint="Give the figure, or set stated = false.",
            )

    @property
    def empty(self) -> bool:
        """Whether there is nothing to hold a film against."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Span(Figure):
    """A number with a least and a most value, both allowed; None: no such bound."""

    least: int | float | None = None
    most: int | float | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to hold a film against."""
        return self.least is None and self.most is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Figure):
    """One of several words."""

    allowed: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to hold a film against."""
        return not self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Figure):
    """Something that must be so."""

    wanted: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to hold a film against."""
        return not self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a film is held against.

    Names of containers and codecs are FFmpeg's ("mp4", "h264", "aac"). `chroma` is "4:2:0" and the
    like, `bits` per sample; sides in pixels, `aspect` width by height; `group_seconds` the longest
    time between two frames at which a player may start; `b_frames` the longest run of them; `bytes`
    with MB read as 10**6; rates in kbit/s; `sound_rate` in samples per second; `loudness` in LUFS
    (EBU R 128, integrated).
    """

    container: Choice
    moov_first: Rule
    no_edit_lists: Rule
    video_codec: Choice
    profile: Choice
    chroma: Choice
    bits: Span
    progressive: Rule
    width: Span
    height: Span
    aspect: Span
    fps: Span
    constant_rate: Rule
    group_seconds: Span
    closed_groups: Rule
    b_frames: Span
    seconds: Span
    bytes: Span
    video_kbps: Span
    sound_track: Rule
    sound_codec: Choice
    sound_rate: Span
    channels: Span
    sound_kbps: Span
    loudness: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What the platform's own buttons and words cover at one edge, as a share of that side.

    Not `stated`: the share is our own margin, and `note` says why.
    """

    share: float
    stated: bool
    sources: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.share < 0.5:
            raise UsageError(f"an edge of {self.share} is no share", hint="Give 0 to 0.49.")
        if not self.stated and not self.note:
            raise UsageError("a margin of our own needs a note", hint="Say why.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeZone:
    """What is kept clear at the four edges."""

    top: Edge
    bottom: Edge
    left: Edge
    right: Edge

    @property
    def stated(self) -> bool:
        """Whether anybody states a figure for an edge; else all margins are our own."""
        return any(edge.stated for edge in (self.top, self.bottom, self.left, self.right))

    def box(self, size: Size) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in pixels: what lies inside stays visible."""
        return (
            ceil(self.left.share * size.width),
            ceil(self.top.share * size.height),
            floor((1 - self.right.share) * size.width),
            floor((1 - self.bottom.share) * size.height),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What we deliver: our own choice inside the limits, and why.

    `video_kbps` is the aim and `video_kbps_most` the peak; `loudness` in LUFS.
    """

    size: Size
    fps: int
    group_seconds: float
    b_frames: int
    video_kbps: int
    video_kbps_most: int
    sound_rate: int
    channels: int
    sound_kbps: int
    loudness: float
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A place to publish: what it takes, what it covers, what we send there."""

    name: str
    title: str
    network: str
    sources: Mapping[str, Source]
    delivery: Delivery
    safe_zone: SafeZone
    limits: Limits

    def __post_init__(self) -> None:
        named = check_sources(self.limits, self.sources) | check_sources(
            self.safe_zone, self.sources
        )
        if unused := sorted(self.sources.keys() - named):
            raise UsageError(f"no figure names the source {unused[0]!r}", hint="Remove it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Our own rules for every film, where a platform states nothing; each note says why."""

    limits: Limits

    def __post_init__(self) -> None:
        for name, figure in figures(self.limits).items():
            if figure.stated and not figure.note:
                raise UsageError(f"limits.{name}: a rule of our own needs a note", hint="Say why.")


Sourced: TypeAlias = Limits | SafeZone


def figures(limits: Limits) -> dict[str, Figure]:
    """All figures of the limits by name, in order."""
    return {field.name: getattr(limits, field.name) for field in fields(limits)}


def check_sources(group: Sourced, known: Mapping[str, Source]) -> set[str]:
    """The keys of the sources that a group of figures names.

    Raises:
        UsageError: a stated figure names none, or one that is not in the list.
    """
    named: set[str] = set()
    for field in fields(group):
        figure: Figure | Edge = getattr(group, field.name)
        if figure.stated and not figure.sources:
            raise UsageError(f"{field.name}: stated, but no source is named", hint="Name it.")
        for key in figure.sources:
            if key not in known:
                raise UsageError(f"{field.name}: no source is called {key!r}", hint="Add it.")
        named.update(figure.sources)
    return named
