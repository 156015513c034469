"""Will a platform take this film? Any film in the world, held against the platform's figures."""

from fractions import Fraction
from pathlib import Path

from av import VideoFormat

from reelkiln.film.facts import Facts
from reelkiln.film.hold import CHECKS, Found, hold, not_judged
from reelkiln.film.layout import Layout
from reelkiln.film.loudness import Loudness
from reelkiln.film.packets import Weights
from reelkiln.film.platforms import house_rules
from reelkiln.film.report import Check, Report
from reelkiln.film.rules import House, Platform
from reelkiln.film.survey import Survey, survey
from reelkiln.reel import Size

__all__ = ["judge", "validate"]

APART = Fraction(1, 2)
"""Sound and picture may start and end so many seconds apart; our own rule: more is noticed."""

SOUND_TAIL = Fraction(1, 10)
"""A header may claim so many seconds more than the picture lasts: sound ends in whole packets."""

_FIRST = ("boxes", "samples", "readable")
_LAST = ("lengths", "pictures", "safe zone")


def validate(path: Path, platform: Platform, *, deep: bool = False) -> Report:
    """Look at a film and hold it against a platform. `deep` decodes every picture.

    Whatever is wrong with the film is a verdict of the report.

    Raises:
        UsageError: the file is missing or may not be read.
    """
    return judge(survey(path, deep=deep), platform, house_rules())


def judge(seen: Survey, platform: Platform, house: House) -> Report:
    """Hold what was seen against a platform, and where it states nothing against our own rules."""
    if seen.broken is not None or seen.facts is None or seen.weights is None:
        checks = _only_broken(seen)
    else:
        found = _found(seen, seen.facts, seen.weights)
        checks = (
            *(_whole(name) for name in _FIRST),
            *(hold(key, found[key], platform, house) for key in CHECKS),
            _lengths(seen.weights, seen.layout),
            _pictures(seen, seen.facts),
            _safe_zone(seen, seen.facts, platform),
        )
    return Report(path=seen.path, platform=platform.name, deep=seen.deep, checks=checks)


def _only_broken(seen: Survey) -> tuple[Check, ...]:
    """The one check that fails; those before it pass, and nothing after it can be judged."""
    broken = seen.broken
    checks: list[Check] = []
    for name in (*_FIRST, *(words.name for words in CHECKS.values()), *_LAST):
        if broken is not None and name == broken.check:
            failed = Check(
                name=name, state="fail", found=broken.found, wanted="whole", do=broken.do,
                ruling="ours",
            )  # fmt: skip
            checks.append(failed)
        elif name in _FIRST and not any(check.state == "fail" for check in checks):
            checks.append(_whole(name))
        else:
            checks.append(not_judged(name, "-", "-"))
    return tuple(checks)


def _whole(name: str) -> Check:
    return Check(name=name, state="pass", found="whole", wanted="whole", ruling="ours")


def _found(seen: Survey, facts: Facts, weights: Weights) -> dict[str, Found]:
    boxed = seen.layout is not None
    sound, size = _sound(seen, facts, weights), _shown(seen, facts)
    return sound | {
        "container": _word(seen.container),
        "moov_first": _fact(facts.moov_first if boxed else None, "first", "behind the pictures"),
        "no_edit_lists": _fact(
            not facts.edit_lists if boxed else None, "none", f"{facts.edit_lists} found"
        ),
        "video_codec": _word(facts.codec),
        "profile": _word(facts.profile),
        **_samples(facts.pixel_format),
        "progressive": _fact(
            None if seen.glimpses is None else not seen.glimpses.interlaced,
            "progressive",
            "interlaced",
        ),
        "width": _number(size.width, "pixels"),
        "height": _number(size.height, "pixels"),
        "aspect": _aspect(size),
        "fps": Found(shown=f"{float(facts.fps):.6g} fps", number=float(facts.fps)),
        "constant_rate": _fact(weights.video.even, "constant", "variable"),
        "group_seconds": _group(facts),
        "closed_groups": _fact(facts.closed_gop, "closed", "open"),
        "b_frames": _number(facts.b_frames, "in a row"),
        "seconds": _seconds(facts, seen.layout),
        "bytes": _number(facts.bytes, "bytes"),
        "video_kbps": Found(
            shown=f"{weights.video.kbps:,.0f} kbit/s, {weights.video.peak_kbps:,.0f} at most",
            number=weights.video.kbps,
            largest=weights.video.peak_kbps,
        ),
    }


def _sound(seen: Survey, facts: Facts, weights: Weights) -> dict[str, Found]:
    keys = ("sound_track", "sound_codec", "sound_rate", "channels", "sound_kbps", "loudness")
    if facts.sound is None:
        return {key: Found(shown="no sound") for key in keys} | {
            "sound_track": Found(shown="none", fact=False)
        }
    silent = seen.loudness is not None and seen.loudness.silent
    kbps = weights.sound.kbps if weights.sound else 0.0
    return {
        "sound_track": _fact(not seen.sound_fault, "decodes", seen.sound_fault),
        "sound_codec": _word(facts.sound.codec),
        "sound_rate": _number(facts.sound.rate, "Hz"),
        "channels": _number(facts.sound.channels, ""),
        "sound_kbps": Found(shown=f"{kbps:,.0f} kbit/s, silent")
        if silent
        else Found(shown=f"{kbps:,.0f} kbit/s", number=kbps),
        "loudness": _loudness(seen.loudness, seen.sound_fault),
    }


def _loudness(loudness: Loudness | None, fault: str) -> Found:
    if loudness is None or loudness.lufs is None:
        return Found(shown=fault or "too short to have one")
    if loudness.silent:
        # Silence is neither too loud nor too quiet: it sits wherever the bounds are.
        return Found(shown="silent", number=float("inf"), largest=float("-inf"))
    return Found(shown=f"{loudness.lufs:.1f} LUFS", number=loudness.lufs)


def _samples(pixel_format: str) -> dict[str, Found]:
    """Chroma subsampling and bits of FFmpeg's pixel format."""
    try:
        planes = VideoFormat(pixel_format, 16, 16).components
    except ValueError:
        return {key: Found(shown=pixel_format or "unknown") for key in ("chroma", "bits")}
    bits = max(plane.bits for plane in planes)
    sides = (planes[1].width, planes[1].height) if len(planes) >= 3 else (0, 0)
    chroma = {(8, 8): "4:2:0", (8, 16): "4:2:2", (16, 16): "4:4:4"}.get(sides, "other")
    return {
        "chroma": Found(shown=f"{pixel_format} ({chroma})", word=chroma),
        "bits": Found(shown=f"{bits} bits", number=bits),
    }


def _shown(seen: Survey, facts: Facts) -> Size:
    """The size that a viewer sees; as stored where no picture could be decoded."""
    return facts.size if seen.glimpses is None else seen.glimpses.shown


def _aspect(size: Size) -> Found:
    ratio = Fraction(size.width, size.height)
    near = ratio.limit_denominator(20)
    number = float(ratio)
    return Found(shown=f"{near.numerator}:{near.denominator}, {number:.4g}", number=number)


def _group(facts: Facts) -> Found:
    seconds = float(facts.gop / facts.fps) if facts.fps else 0.0
    return Found(shown=f"{facts.gop} frames, {seconds:.3g} s", number=seconds)


def _seconds(facts: Facts, layout: Layout | None) -> Found:
    claimed = layout.claimed if layout and layout.claimed else facts.seconds
    shown = f"{float(facts.seconds):.6g} s"
    if claimed > facts.seconds + SOUND_TAIL:
        shown += f", its header claims {float(claimed):.6g}"
    else:
        claimed = facts.seconds
    return Found(shown=shown, number=float(facts.seconds), largest=float(claimed))


def _lengths(weights: Weights, layout: Layout | None) -> Check:
    """Do picture and sound begin and end together, and where the header says?"""
    tracks = {"picture": weights.video} | ({"sound": weights.sound} if weights.sound else {})
    starts = [track.start for track in tracks.values()]
    # An MP4 counts from 0; a broadcast's clock may stand anywhere when it begins.
    zero = Fraction(0) if layout else min(starts)
    ends = {name: track.start + track.seconds - zero for name, track in tracks.items()}
    if layout is not None and layout.claimed is not None:
        ends["header"] = layout.claimed
    apart = max(max(starts) - min(starts), max(ends.values()) - min(ends.values())) > APART
    return Check(
        name="lengths",
        state="fail" if apart else "pass",
        found=", ".join(f"{name} to {float(end):.6g} s" for name, end in ends.items()),
        wanted=f"alike within {float(APART):g} s",
        do="cut sound and picture to one length and write the file again" if apart else "",
        ruling="ours",
    )


def _pictures(seen: Survey, facts: Facts) -> Check:
    count = facts.frames if facts.decoded else seen.glimpses.decoded if seen.glimpses else 0
    return Check(
        name="pictures",
        state="fail" if seen.picture_fault else "pass",
        found=seen.picture_fault or f"{count} of {facts.frames} decoded",
        wanted="all decode" if seen.deep else "some decode",
        do="make or copy the file again" if seen.picture_fault else "",
        ruling="ours",
    )


def _safe_zone(seen: Survey, facts: Facts, platform: Platform) -> Check:
    left, top, right, bottom = platform.safe_zone.box(_shown(seen, facts))
    wanted = f"inside {left},{top} to {right},{bottom}"
    items = seen.overlays.items
    if items is None:
        return not_judged("safe zone", seen.overlays.reason, wanted)
    outside = [
        item.name
        for item in items
        if item.box[0] < left or item.box[1] < top or item.box[2] > right or item.box[3] > bottom
    ]
    return Check(
        name="safe zone",
        state="fail" if outside else "pass",
        found=f"outside: {', '.join(outside)}" if outside else f"{len(items)} overlays inside",
        wanted=wanted,
        do="move it inwards, or make the film for this platform" if outside else "",
        ruling="asked" if platform.safe_zone.stated else "ours",
    )


def _word(word: str) -> Found:
    return Found(shown=word or "unknown", word=word or None)


def _number(number: int, unit: str) -> Found:
    return Found(shown=f"{number:,} {unit}".strip(), number=number)


def _fact(fact: bool | None, good: str, bad: str) -> Found:
    shown = "-" if fact is None else good if fact else bad
    return Found(shown=shown, fact=fact)
