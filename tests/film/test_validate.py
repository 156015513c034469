"""Films broken on purpose, each caught under the name of what is wrong, and nothing else."""

import json
import re
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from film.foreign import CLOSED, TIDY, claiming, foreign, moved_chunk, wiped
from film.scenes import ffmpeg, made_by_ffmpeg, moving_box, wish
from reelkiln.errors import UsageError
from reelkiln.film.finish import finish
from reelkiln.film.glimpse import GLIMPSES
from reelkiln.film.hold import CHECKS
from reelkiln.film.layout import read_layout
from reelkiln.film.loudness import measure_loudness
from reelkiln.film.packets import weigh
from reelkiln.film.platforms import find_platform, house_rules, load_platforms
from reelkiln.film.rules import Span
from reelkiln.film.survey import survey
from reelkiln.film.validate import judge, validate

PLATFORMS = load_platforms()
REELS, TIKTOK = PLATFORMS["instagram-reels"], PLATFORMS["tiktok"]
HOUSE = house_rules()
NAMES = [
    *("boxes", "samples", "readable"),
    *(words.name for words in CHECKS.values()),
    *("lengths", "pictures", "safe zone"),
]


def failing(report):
    """The names of the checks that fail; each says what was found and what to do."""
    for check in report.failed:
        assert check.found
        assert check.wanted
        assert check.do
    assert [check.name for check in report.checks] == NAMES
    return {check.name for check in report.failed}


def check(report, name):
    return next(one for one in report.checks if one.name == name)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return foreign(tmp_path_factory.mktemp("good") / "good.mp4")


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """What `make` delivers, small: the real finish, from material that needs no interpolation."""

    def made(size):
        target = tmp_path_factory.mktemp("ours") / f"{size}.mp4"
        clip = moving_box(96, fps=24, width=270, height=480, step=1)
        finish([clip], target, wish(4, 24, size=size), {"title": "x"}, lambda done, total: None)
        return target

    return {"9:16": made("720x1280"), "1:1": made("720x720")}


# ── what passes ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", PLATFORMS)
def test_what_we_deliver_passes_on_every_platform(ours, name):
    platform = PLATFORMS[name]
    film = ours["1:1" if platform.delivery.size.width == platform.delivery.size.height else "9:16"]
    report = validate(film, platform, deep=True)
    assert failing(report) == set()
    assert check(report, "loudness").found == "silent"
    assert check(report, "loudness").state == "pass"


def test_what_platforms_advise_and_our_encoder_does_not_do_is_told(ours):
    told = {
        name: {one.name for one in validate(ours["9:16"], platform).advised}
        for name, platform in PLATFORMS.items()
    }
    assert told["youtube-shorts"] == {"video bitrate"}
    assert told["pinterest"] == {"frame rate"}
    assert told["instagram-reels"] == told["tiktok"] == told["facebook-reels"] == set()


def test_too_short_for_one_and_long_enough_for_another(tmp_path):
    film = tmp_path / "a.mp4"
    clip = moving_box(72, fps=24, width=54, height=96, step=0)
    finish([clip], film, wish(3, 24, size="540x960"), {}, lambda done, total: None)
    seen = survey(film)
    assert failing(judge(seen, PLATFORMS["pinterest"], HOUSE)) == {"seconds"}
    assert failing(judge(seen, PLATFORMS["facebook-reels"], HOUSE)) == set()


@pytest.mark.parametrize("name", ["instagram-reels", "tiktok", "facebook-reels", "pinterest"])
def test_a_good_film_from_elsewhere_passes(good, name):
    assert failing(validate(good, PLATFORMS[name])) == set()


def test_a_webm_passes_where_it_is_taken(tmp_path):
    film = foreign(
        tmp_path / "a.webm", codec=("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
        sound=("-c:a", "libopus"), tidy=(),
    )  # fmt: skip
    report = validate(film, TIKTOK)
    assert failing(report) == set()
    assert check(report, "container").found == "webm"
    assert check(report, "moov").found == "-"
    assert {"container", "codec", "sound codec"} <= failing(validate(film, REELS))


# ── what does not ────────────────────────────────────────────────────────────────────────────────

X264 = ("libx264", *CLOSED)
FAULTS = {
    "moov": {"tidy": ("-movflags", "+negative_cts_offsets", "-use_editlist", "0")},
    "edit lists": {"tidy": ("-movflags", "+faststart")},
    "closed groups": {
        "codec": ("libx264", "-x264-params", "b-adapt=0:b-pyramid=none:open-gop=1:scenecut=0")
    },
    "constant rate": {
        "more": ("-vf", "select='not(between(n,40,43))'", "-fps_mode", "vfr"),
    },
    "profile": {"codec": (*X264, "-qp", "0")},
    "bit depth, profile": {"pixels": "yuv420p10le"},
    "pixel format, profile": {"pixels": "yuv422p"},
    "scan": {"codec": ("libx264", "-x264-params", "interlaced=1:bframes=0"), "more": (
        "-vf", "setfield=tff", "-flags", "+ilme+ildct+cgop")},
    "seconds": {"seconds": 2},
    "width": {"size": "360x640"},
    "frame rate": {"rate": "15"},
    "video bitrate": {"codec": (*X264, "-qp", "1"), "more": ("-vf", "noise=alls=100:allf=t")},
    "sound": {"sound": None},
    "sound codec": {"sound": ("-c:a", "libmp3lame")},
    "sound rate": {"sound_rate": 96_000},
    "channels": {"sound": ("-c:a", "aac", "-ac", "6", "-af", "volume=5dB")},
    "loudness": {"volume": 0.9},
    "lengths": {"sound_seconds": 1},
}  # fmt: skip


@pytest.mark.parametrize("wrong", FAULTS)
def test_one_fault_is_caught_under_its_own_name(tmp_path, wrong):
    film = foreign(tmp_path / "a.mp4", **FAULTS[wrong])
    expected = set(wrong.split(", "))
    report = validate(film, REELS)
    assert failing(report) - ({"loudness"} if wrong == "channels" else set()) == expected


def test_hevc_is_taken_by_some_and_refused_where_nobody_says_so(tmp_path):
    codec = ("libx265", "-x265-params", "log-level=none:open-gop=0", "-tag:v", "hvc1")
    film = foreign(tmp_path / "a.mp4", codec=codec)
    seen = survey(film)
    assert failing(judge(seen, REELS, HOUSE)) == set()
    report = judge(seen, PLATFORMS["linkedin"], HOUSE)
    assert failing(report) == {"codec"}
    assert check(report, "codec").ruling == "ours"
    assert "codec" in {one.name for one in judge(seen, PLATFORMS["youtube-shorts"], HOUSE).advised}


def test_quiet_sound_is_told_from_silence(tmp_path):
    assert failing(validate(foreign(tmp_path / "q.mp4", volume=0.01), REELS)) == {"loudness"}
    report = validate(foreign(tmp_path / "s.mp4", volume=0), REELS)
    assert failing(report) == set()
    assert check(report, "loudness").found == "silent"
    assert check(report, "sound bitrate").state == "not judged"


def test_a_shape_that_is_not_asked_for(tmp_path, good):
    wide = survey(foreign(tmp_path / "a.mp4", size="960x540"))
    assert failing(judge(wide, PLATFORMS["facebook-reels"], HOUSE)) == {"height", "aspect"}
    assert failing(judge(wide, PLATFORMS["youtube-shorts"], HOUSE)) == {"aspect"}
    assert failing(judge(survey(good), PLATFORMS["square-feed"], HOUSE)) == {"aspect"}


@pytest.mark.parametrize("turn", ["90", "-90"])
def test_a_film_that_a_phone_stored_on_its_side_counts_as_it_is_shown(tmp_path, turn):
    lying = foreign(tmp_path / "a.mp4", size="960x540")
    turned = ("-display_rotation", turn, "-i", str(lying), "-c", "copy", "-map", "0", *TIDY)
    film = made_by_ffmpeg(tmp_path / "b.mp4", *turned)
    report = validate(film, PLATFORMS["facebook-reels"])
    assert failing(report) == set()
    assert check(report, "width").found == "540 pixels"


def test_oblong_pixels_count_as_they_are_shown(tmp_path):
    film = foreign(tmp_path / "a.mp4", size="270x960", more=("-vf", "setsar=2"))
    assert check(validate(film, REELS), "aspect").found == "9:16, 0.5625"


def test_sound_that_changes_on_the_way_is_told(tmp_path):
    parts = [
        foreign(tmp_path / f"{rate}.ts", sound_rate=rate, seconds=1, tidy=())
        for rate in (44_100, 48_000)
    ]
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    report = validate(both, TIKTOK)
    assert "sound" in failing(report)
    assert "changes its sound" in check(report, "sound").found


def test_sound_that_begins_late_is_told(tmp_path):
    late = ("-af", "asetpts=PTS+1/TB")
    assert failing(validate(foreign(tmp_path / "a.mkv", tidy=(), more=late), TIKTOK)) == {
        "container", "lengths",
    }  # fmt: skip


def test_one_heavy_second_is_told(tmp_path):
    heavy = ("-vf", "noise=alls=100:allf=t:enable='between(t,1,2)'")
    film = foreign(tmp_path / "a.mp4", codec=(*X264, "-qp", "28"), more=heavy)
    seen = survey(film)
    assert seen.weights.video.kbps < 25_000 < seen.weights.video.peak_kbps
    assert failing(judge(seen, REELS, HOUSE)) == {"video bitrate"}


def test_few_key_frames_are_advice_where_they_are_advice(tmp_path):
    film = foreign(tmp_path / "a.mp4", seconds=8, more=("-g", "500"))
    report = validate(film, PLATFORMS["facebook-reels"])
    assert failing(report) == set()
    assert {one.name for one in report.advised} == {"key frames"}
    assert "192 frames, 8 s" in check(report, "key frames").found


def test_other_containers_are_named(tmp_path):
    film = foreign(tmp_path / "a.mkv", tidy=())
    report = validate(film, REELS)
    assert failing(report) == {"container"}
    assert check(report, "container").found == "matroska"
    assert check(report, "edit lists").state == "not judged"
    quicktime = survey(foreign(tmp_path / "a.mov"))
    assert failing(judge(quicktime, REELS, HOUSE)) == set()
    assert failing(judge(quicktime, PLATFORMS["linkedin"], HOUSE)) == {"container"}
    transport = foreign(tmp_path / "a.ts", tidy=())
    # Its picture and sound both begin at 1.4 s; MP4's own rules are not for it.
    assert failing(validate(transport, REELS)) == {"container"}


def test_a_fragmented_film_is_read(tmp_path):
    film = foreign(
        tmp_path / "a.mp4", tidy=("-movflags", "+frag_keyframe+empty_moov", "-use_editlist", "0")
    )
    report = validate(film, TIKTOK)
    assert failing(report) == set()
    assert check(report, "seconds").found.startswith("4")


# ── what is broken ───────────────────────────────────────────────────────────────────────────────


def only(report, name):
    """The film fails that one check, and nothing behind it was judged."""
    assert failing(report) == {name}
    states = [one.state for one in report.checks]
    at = NAMES.index(name)
    assert states[:at] == ["pass"] * at
    assert set(states[at + 1 :]) == {"not judged"}
    return check(report, name).found


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_film_that_is_cut_short(good, tmp_path, share):
    data = good.read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: int(len(data) * share)])
    assert "'mdat'" in only(validate(tmp_path / "a.mp4", REELS), "boxes")


def test_samples_beyond_the_end(good, tmp_path):
    size = good.stat().st_size
    film = moved_chunk(good, tmp_path / "a.mp4", size + 1000)
    said = only(validate(film, REELS), "samples")
    assert re.search(r"[\d,]+ bytes beyond", said)
    assert read_layout(film).beyond > 1000
    assert read_layout(good).beyond == 0


def test_a_header_that_claims_more_than_there_is(good, tmp_path):
    film = claiming(good, tmp_path / "a.mp4", 3600)
    report = validate(film, REELS)
    assert failing(report) == {"seconds", "lengths"}
    assert "its header claims 3600" in check(report, "seconds").found


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 5000, b"GIF89a" + b"x" * 99])
def test_what_is_no_film(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    report = validate(tmp_path / "a.mp4", REELS)
    assert len(failing(report)) == 1
    assert failing(report) <= {"readable", "boxes"}


def test_a_film_without_pictures(tmp_path):
    film = made_by_ffmpeg(tmp_path / "a.mp4", "-f", "lavfi", "-i", "sine=d=4", *TIDY)
    assert only(validate(film, REELS), "readable") == "has no picture"


def test_what_is_no_file_is_a_usage_error(tmp_path):
    for path in (tmp_path / "gone.mp4", tmp_path):
        with pytest.raises(UsageError, match=re.escape(path.name)):
            validate(path, REELS)


def places(film, kind):
    """Where the packets of a track lie: (position, size, key), by PyAV."""
    with av.open(str(film)) as container:
        stream = getattr(container.streams, kind)[0]
        return [(p.pos, p.size, p.is_keyframe) for p in container.demux(stream) if p.size]


def test_a_damaged_key_frame_is_seen_at_once(good, tmp_path):
    at, _, _ = next(one for one in places(good, "video")[40:] if one[2])
    report = validate(wiped(good, tmp_path / "a.mp4", at + 20, 400), REELS)
    assert failing(report) == {"pictures"}


def test_a_damaged_frame_between_is_seen_by_a_deep_look(good, tmp_path):
    at, size, key = places(good, "video")[40]
    assert not key
    film = wiped(good, tmp_path / "a.mp4", at + 4, size - 4)
    assert failing(validate(film, REELS)) == set()
    assert failing(validate(film, REELS, deep=True)) == {"pictures"}


def test_damaged_sound_is_heard(good, tmp_path):
    at, size, _ = places(good, "audio")[50]
    report = validate(wiped(good, tmp_path / "a.mp4", at, size), REELS)
    assert failing(report) == {"sound"}
    assert check(report, "loudness").state == "not judged"


def test_no_more_than_twelve_pictures_are_decoded(good, ours, tmp_path):
    assert survey(good).glimpses.decoded == 8  # as many as there are key frames
    assert survey(ours["9:16"]).glimpses.decoded <= GLIMPSES
    many = survey(foreign(tmp_path / "a.mp4", size="540x960", more=("-g", "4")))
    assert len(many.weights.video.keys) == 24
    assert many.glimpses.decoded == GLIMPSES
    deep = survey(good, deep=True)
    assert deep.facts.decoded
    assert deep.facts.frames == 96


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_a_verdict(tmp_path_factory, small, data):
    damaged = bytearray(small)
    for _ in range(data.draw(st.integers(1, 6))):
        # Mostly in the boxes, where a lie goes furthest.
        place = st.integers(0, 3000) | st.integers(0, len(small) - 1)
        damaged[data.draw(place)] = data.draw(st.integers(0, 255))
    film = tmp_path_factory.mktemp("damaged") / "a.mp4"
    film.write_bytes(damaged[: data.draw(st.integers(0, len(small)) | st.just(len(small)))])
    report = validate(film, REELS)
    assert [one.name for one in report.checks] == NAMES


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    film = foreign(tmp_path_factory.mktemp("small") / "a.mp4", size="64x96", seconds=0.5)
    return film.read_bytes()


# ── measures, against a second tool ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("amplitude", "lufs"), [(0.1995, -14), (0.0708, -23), (0.0224, -33)])
def test_loudness_of_a_known_tone(tmp_path, amplitude, lufs):
    # EBU Tech 3341, test case 1: a stereo tone of 1 kHz at so many dBFS is as many LUFS loud.
    tone = f"aevalsrc={amplitude}*sin(2*PI*1000*t)|{amplitude}*sin(2*PI*1000*t):s=48000:d=4"
    film = made_by_ffmpeg(
        tmp_path / "a.mp4", "-f", "lavfi", "-i", tone, "-c:a", "aac", "-b:a", "256k"
    )
    assert measure_loudness(film).lufs == pytest.approx(lufs, abs=0.15)


def test_the_facts_are_those_that_ffmpeg_tells(good):
    told = ffmpeg("-i", str(good), "-vn", "-af", "ebur128=framelog=quiet", "-f", "null", "-").stderr
    report = validate(good, TIKTOK)
    picture = re.search(r"Video: (\w+) \(([\w ]+)\).*, (\w+)\(.*, 540x960.* ([\d.]+) fps", told)
    assert check(report, "codec").found == picture[1]
    assert check(report, "profile").found == picture[2]
    assert check(report, "pixel format").found.startswith(picture[3])
    assert check(report, "frame rate").found == f"{picture[4]} fps"
    sound = re.search(r"Audio: (\w+) .*?(\d+) Hz, stereo", told)
    assert check(report, "sound codec").found == sound[1]
    assert check(report, "sound rate").found == f"{int(sound[2]):,} Hz"
    (loud,) = re.findall(r"I:\s+(-[\d.]+) LUFS", told)
    assert check(report, "loudness").found == f"{loud} LUFS"


def test_what_the_tracks_weigh_is_what_ffmpeg_copies(good):
    weights = weigh(good)
    said = ffmpeg("-i", str(good), "-map", "0", "-c", "copy", "-f", "null", "-").stderr
    video, sound = re.search(r"video:(\d+)KiB audio:(\d+)KiB", said).groups()
    assert weights.video.bytes / 1024 == pytest.approx(int(video), abs=1)
    assert weights.sound.bytes / 1024 == pytest.approx(int(sound), abs=1)
    assert weights.video.seconds == 4
    assert weights.video.kbps == pytest.approx(weights.video.bytes * 8 / 4000)
    assert weights.video.peak_kbps >= weights.video.kbps
    assert [float(at) for at in weights.video.keys] == [n / 2 for n in range(8)]


def test_a_sound_too_short_to_have_a_loudness(tmp_path):
    film = foreign(tmp_path / "a.mp4", seconds=0.25)
    assert measure_loudness(film).lufs is None
    assert check(validate(film, REELS), "loudness").state == "not judged"


def test_bytes_are_held_against_the_limit(good):
    span = Span(stated=True, most=good.stat().st_size - 1, sources=("sprinklr",))
    tight = replace(REELS, limits=replace(REELS.limits, bytes=span))
    assert failing(validate(good, tight)) == {"bytes"}


# ── the safe zone ────────────────────────────────────────────────────────────────────────────────

INSIDE, OUTSIDE = [40, 200, 300, 400], [40, 200, 300, 900]


def sidecar(film, content, *, sha=None):
    sha = sha or sha256(film.read_bytes()).hexdigest()
    film.with_name(f"{film.name}.json").write_text(json.dumps({"sha256": sha} | content))
    return check(validate(film, REELS), "safe zone")


def test_overlays_of_our_sidecar_are_held_against_the_safe_zone(good, tmp_path):
    film = tmp_path / "a.mp4"
    film.write_bytes(good.read_bytes())
    assert check(validate(film, REELS), "safe zone").state == "not judged"
    logo, caption = {"name": "logo", "box": INSIDE}, {"name": "caption", "box": OUTSIDE}
    assert sidecar(film, {"overlays": [logo]}).state == "pass"
    assert sidecar(film, {"overlays": []}).state == "pass"
    seen = sidecar(film, {"overlays": [logo, caption]})
    assert (seen.state, seen.found) == ("fail", "outside: caption")
    assert seen.do


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "lists no overlays"),
        ({"overlays": 3}, "cannot be read"),
        ({"overlays": [{"name": "x", "box": [1, 2, 3]}]}, "cannot be read"),
        ({"overlays": [{"name": "x", "box": [1, 2, 3, float("inf")]}]}, "cannot be read"),
    ],
)
def test_a_sidecar_that_says_nothing_useful_judges_nothing(good, tmp_path, content, reason):
    film = tmp_path / "a.mp4"
    film.write_bytes(good.read_bytes())
    seen = sidecar(film, content)
    assert (seen.state, seen.do) == ("not judged", "")
    assert reason in seen.found


def test_the_sidecar_of_another_film_does_not_count(good, tmp_path):
    film = tmp_path / "a.mp4"
    film.write_bytes(good.read_bytes())
    overlays = {"overlays": [{"name": "x", "box": OUTSIDE}]}
    assert "another file" in sidecar(film, overlays, sha="0" * 64).found
    film.with_name("a.mp4.json").write_text("no json")
    assert check(validate(film, find_platform("tiktok")), "safe zone").state == "not judged"


def test_claims_of_both_forms_of_the_movie_header(good, small, tmp_path):
    # The longest track: sound begins with 1024 samples that only prime the decoder.
    assert read_layout(good).claimed == 4 + Fraction(1024, 48_000)
    data = bytearray(small)
    at = data.index(b"mvhd") + 4
    scale = data[at + 12 : at + 16]
    data[at] = 1  # version 1: scale at 20, a length of 64 bits after it
    data[at + 20 : at + 32] = scale + (10 * int.from_bytes(scale)).to_bytes(8)
    (tmp_path / "a.mp4").write_bytes(data)
    assert read_layout(tmp_path / "a.mp4").claimed == Fraction(10)
