"""The platforms' data: read strictly, sourced, and our own delivery inside every limit."""

import re
from dataclasses import fields, replace
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import pytest

from reelkiln.errors import UnknownName, UsageError
from reelkiln.film.hold import CHECKS, Found, hold
from reelkiln.film.platforms import (
    find_platform,
    house_rules,
    least_seconds,
    load_platforms,
    read_platform,
)
from reelkiln.film.rules import Limits, Platform, Span
from reelkiln.reel import ASPECTS, Size

PLATFORMS = load_platforms()
HOUSE = house_rules()
KEYS = [field.name for field in fields(Limits)]


def text_of(name):
    return (files("reelkiln.film") / "platforms" / f"{name}.toml").read_text("utf-8")


def test_the_seven_platforms_are_there():
    assert set(PLATFORMS) == {
        "facebook-reels", "instagram-reels", "linkedin", "pinterest", "square-feed", "tiktok",
        "youtube-shorts",
    }  # fmt: skip


def test_every_figure_has_a_check_and_every_check_a_figure():
    assert list(CHECKS) == KEYS


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=lambda one: one.name)
def test_every_stated_figure_leads_to_an_address_and_a_day(platform: Platform):
    for key in KEYS:
        figure = getattr(platform.limits, key)
        assert figure.stated == bool(figure.sources), key
        for source in figure.sources:
            assert platform.sources[source].address.startswith("https://")
            assert platform.sources[source].read_on >= "2026"


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=lambda one: one.name)
def test_what_we_deliver_is_inside_every_limit_that_is_asked(platform: Platform):
    sent = platform.delivery
    found = {
        "width": Found(shown="", number=sent.size.width),
        "height": Found(shown="", number=sent.size.height),
        "aspect": Found(shown="", number=sent.size.width / sent.size.height),
        "fps": Found(shown="", number=sent.fps),
        "group_seconds": Found(shown="", number=sent.group_seconds),
        "b_frames": Found(shown="", number=sent.b_frames),
        "video_kbps": Found(shown="", number=sent.video_kbps, largest=sent.video_kbps_most),
        "sound_rate": Found(shown="", number=sent.sound_rate),
        "channels": Found(shown="", number=sent.channels),
        "sound_kbps": Found(shown="", number=sent.sound_kbps),
        "loudness": Found(shown="", number=sent.loudness),
    }
    for key, value in found.items():
        assert hold(key, value, platform, HOUSE).state != "fail", key
    assert sent.loudness == -14


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=lambda one: one.name)
def test_the_safe_zone_leaves_room_at_every_delivered_size(platform: Platform):
    for size in (platform.delivery.size, *ASPECTS.values()):
        left, top, right, bottom = platform.safe_zone.box(size)
        assert 0 < left < right < size.width
        assert 0 < top < bottom < size.height
        assert right - left > size.width / 2
        assert bottom - top > size.height / 2


def test_the_safe_zone_of_reels_in_pixels():
    box = PLATFORMS["instagram-reels"].safe_zone.box(Size(1080, 1920))
    assert box == (65, 269, 1015, 1248)


def test_the_shortest_video_of_each_network():
    assert least_seconds() == {
        "Facebook": 3, "Instagram": 3, "LinkedIn": 3, "Pinterest": 4, "TikTok": 3,
    }  # fmt: skip
    assert all(isinstance(least, Fraction) for least in least_seconds().values())


def test_the_page_for_the_team_shows_each_platform_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "team" / "platforms.md").read_text("utf-8")
    rows = {row[0]: row for row in re.findall(r"^\| `([\w-]+)` \| (.+?) \| (\w+) \|", page, re.M)}
    assert rows.keys() == PLATFORMS.keys()
    for name, platform in PLATFORMS.items():
        assert rows[name][2] == str(platform.delivery.size)


def test_a_strange_name_gets_the_nearest():
    with pytest.raises(UnknownName, match="platform") as caught:
        find_platform("tictok")
    assert "tiktok" in caught.value.hint


CHANGES = {
    "an unknown key": ("[limits]\n", "[limits]\nbitrate = 3\n", "unknown key 'bitrate'"),
    "a missing key": ("bits = { stated = false }\n", "", "limits: key 'bits' is missing"),
    "a source that is not listed": ('"fairpost", "ayrshare"', '"nobody"', "nobody"),
    "no source at all": (
        'fps = { stated = true, least = 23, most = 60, sources = ["fairpost", "ayrshare"] }',
        "fps = { stated = true, least = 23, most = 60 }",
        "fps: stated, but no source",
    ),
    "a source nobody needs": (
        "[delivery]",
        '[sources.x]\naddress = "https://x"\nread_on = "2026-01-01"\nspeaker = "quoted"\n\n'
        "[delivery]",
        "no figure names the source 'x'",
    ),
    "one bound only": ("most = 60, ", "", None),
    "a figure that is not stated": (
        "bits = { stated = false }",
        "bits = { stated = false, most = 8 }",
        "limits.bits",
    ),
    "stated, but empty": (
        "bits = { stated = false }",
        'bits = { stated = true, sources = ["tiktok"] }',
        "limits.bits",
    ),
    "a day that is none": ('"2026-11-23"', '"yesterday"', "is no date"),
    "an address that is none": ("https://www.ayrshare", "www.ayrshare", "no https address"),
    "a zone without room": ("share = 0.14", "share = 0.6", "safe_zone.top"),
    "a margin without a reason": (
        ', note = "nobody gives a figure; the side of Reels is kept clear, so that one layout'
        ' serves both"',
        "",
        "safe_zone.left",
    ),
    "another name": ('name = "tiktok"', 'name = "tik"', "holds the platform 'tik'"),
    "no TOML": ("[limits]", "[limits", "not TOML"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_mistakes_in_a_file_are_named(case):
    old, new, said = CHANGES[case]
    text = text_of("tiktok")
    assert old in text
    changed = text.replace(old, new)
    if said is None:  # one bound is enough
        assert read_platform(changed, "tiktok.toml").limits.fps.most is None
        return
    with pytest.raises(UsageError) as caught:
        read_platform(changed, "tiktok.toml")
    assert caught.value.message.startswith("tiktok.toml: ")
    assert said in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("number", "least", "most", "state"),
    [
        (3, 3, 90, "pass"),
        (90, 3, 90, "pass"),
        (2.99, 3, 90, "fail"),
        (90.01, 3, 90, "fail"),
        (5, None, 90, "pass"),
        (5, 3, None, "pass"),
    ],
)
def test_bounds_are_inclusive_and_exact(number, least, most, state):
    platform = PLATFORMS["tiktok"]
    span = Span(stated=True, least=least, most=most, sources=("tiktok",))
    platform = replace(platform, limits=replace(platform.limits, seconds=span))
    check = hold("seconds", Found(shown="", number=number), platform, HOUSE)
    assert check.state == state
    assert bool(check.do) == (state == "fail")


def test_rates_of_ntsc_count_as_whole_ones():
    reels = PLATFORMS["facebook-reels"]
    assert hold("fps", Found(shown="", number=24000 / 1001), reels, HOUSE).state == "pass"
    assert hold("fps", Found(shown="", number=23.9), reels, HOUSE).state == "fail"


def test_advice_that_is_not_followed_passes_and_says_what_to_do():
    shorts = PLATFORMS["youtube-shorts"]
    check = hold("sound_kbps", Found(shown="", number=128), shorts, HOUSE)
    assert (check.state, check.ruling, check.advice) == ("pass", "advised", True)
    assert "support.google.com" in check.sources[0]


def test_where_a_platform_states_nothing_our_own_rule_counts_or_nothing():
    tiktok = PLATFORMS["tiktok"]
    check = hold("loudness", Found(shown="", number=-5), tiktok, HOUSE)
    assert (check.state, check.ruling) == ("fail", "ours")
    check = hold("no_edit_lists", Found(shown="", fact=False), tiktok, HOUSE)
    assert (check.state, check.wanted, check.ruling) == ("not judged", "not stated", "none")
