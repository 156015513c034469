import io
import struct
from fractions import Fraction

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from film.scenes import made_by_ffmpeg, make, moving_box
from reelkiln.errors import FilmError, ReelkilnError, UsageError
from reelkiln.film.boxes import BrokenBoxes, furthest_sample, scan
from reelkiln.film.facts import probe
from reelkiln.film.read import read


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    target = tmp_path_factory.mktemp("facts") / "film.mp4"
    make(target, moving_box(12, fps=24), seconds=0.5, tags={"title": "x"})
    return target


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def scanned(data: bytes):
    return scan(io.BytesIO(data), len(data))


def test_the_boxes_of_our_films(film):
    data = film.read_bytes()
    boxes = scanned(data)
    top = [b.kind for b in boxes if "/" not in b.path]
    assert top == ["ftyp", "moov", "free", "mdat"]
    assert [b.path for b in boxes].count("moov/trak/mdia/minf/stbl/stco") == 2
    assert furthest_sample(io.BytesIO(data), boxes) == len(data)


def test_edit_lists_and_a_moov_at_the_end_are_seen(tmp_path):
    plain = made_by_ffmpeg(
        tmp_path / "a.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:r=24:d=1", "-bf", "2"
    )
    facts = probe(plain)
    assert facts.edit_lists == 1
    assert not facts.moov_first
    assert not facts.has_audio
    assert facts.frames == 24


def test_open_groups_long_groups_and_other_b_frames_are_seen(tmp_path):
    path = made_by_ffmpeg(
        tmp_path / "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=24:d=2", "-c:v", "libx265",
        "-x265-params", "log-level=none:open-gop=1:keyint=20:min-keyint=20:bframes=3:scenecut=0",
    )  # fmt: skip
    facts = probe(path)
    assert not facts.closed_gop
    assert facts.codec == "hevc"
    path = made_by_ffmpeg(
        tmp_path / "b.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=24:d=2", "-g", "30", "-bf", "0"
    )
    facts = probe(path)
    assert (facts.gop, facts.closed_gop, facts.b_frames) == (30, True, 0)
    assert facts.colour.matrix == ""


def test_a_variable_rate_is_seen(tmp_path):
    path = made_by_ffmpeg(
        tmp_path / "a.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:r=24:d=1", "-vf",
        "select='not(between(n,8,11))'", "-fps_mode", "vfr",
    )  # fmt: skip
    facts = probe(path)
    assert not facts.constant_rate
    assert facts.frames == 20
    assert facts.seconds == 1


def test_films_that_are_no_mp4_have_facts_too(tmp_path):
    path = made_by_ffmpeg(tmp_path / "a.mkv", "-f", "lavfi", "-i", "testsrc=s=64x48:r=24:d=1")
    facts = probe(path)
    assert (facts.frames, facts.edit_lists, facts.moov_first) == (24, 0, False)
    assert round(facts.fps) == 24


def test_without_decoding_the_facts_are_the_same(film):
    quick, slow = probe(film, decode=False), probe(film)
    assert not quick.decoded
    assert slow.decoded
    assert (quick.frames, quick.gop, quick.seconds) == (slow.frames, slow.gop, slow.seconds)


def test_one_frame_is_a_film(tmp_path):
    facts = make(tmp_path / "a.mp4", moving_box(1, fps=24), seconds=1 / 24)
    assert (facts.frames, facts.fps, facts.seconds) == (1, 24, Fraction(1, 24))


@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("decode", [True, False])
def test_a_film_that_is_cut_short_is_told_at_any_length(film, tmp_path, share, decode):
    data = film.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(FilmError, match=r"cut\.mp4 is "):
        probe(tmp_path / "cut.mp4", decode=decode)


def packets(movie):
    """Where each frame lies in the file, and how many bytes it has, in stored order."""
    with av.open(str(movie)) as container:
        return [(p.pos, p.size, p.is_keyframe) for p in container.demux(video=0) if p.size]


def test_a_key_frame_that_is_half_wiped_out_is_told(tmp_path):
    target = tmp_path / "a.mp4"
    made_by_ffmpeg(target, "-f", "lavfi", "-i", "testsrc2=s=128x96:r=24:d=1", "-g", "12")
    data = bytearray(target.read_bytes())
    at, size, _ = [packet for packet in packets(target) if packet[2]][1]
    data[at + size // 2 : at + size] = bytes(size - size // 2)
    target.write_bytes(data)
    assert probe(target, decode=False).frames == 24
    with pytest.raises(FilmError, match=r"a\.mp4 is "):
        probe(target)


def test_a_frame_that_decodes_to_nothing_is_told(tmp_path):
    target = tmp_path / "a.mkv"
    made_by_ffmpeg(
        target, "-f", "lavfi", "-i", "testsrc2=s=64x64:r=24:d=0.5", "-c:v", "libvpx-vp9", "-g", "1"
    )
    assert probe(target).frames == 12
    with av.open(str(target)) as container:
        frame = bytes([p for p in container.demux(video=0) if p.size][7])
    data = target.read_bytes()
    hidden = bytes([frame[0] & ~2]) + frame[1:]  # VP9's show_frame: decoded, never shown
    assert data.count(frame) == 1
    target.write_bytes(data.replace(frame, hidden))
    with pytest.raises(FilmError, match="11 of its 12 frames decode"):
        probe(target)


def test_frames_that_an_edit_list_hides_are_no_frames(tmp_path):
    whole = made_by_ffmpeg(
        tmp_path / "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=24:d=2", "-g", "24"
    )
    cut = made_by_ffmpeg(tmp_path / "b.mp4", "-ss", "0.5", "-i", str(whole), "-c", "copy")
    facts = probe(cut)
    assert facts.edit_lists == 1
    assert facts.frames == sum(len(clip.frames) for clip in read(cut)) == 36


def test_samples_beyond_the_end_are_told_without_decoding(film, tmp_path):
    data = bytearray(film.read_bytes())
    at = data.index(b"stco") + 12
    data[at : at + 4] = struct.pack(">I", len(data))
    (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(FilmError, match="beyond its end"):
        probe(tmp_path / "a.mp4", decode=False)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_film_is_told_in_our_words_or_read(film, tmp_path_factory, data):
    damaged = bytearray(film.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, damaged.index(b"mdat") if b"mdat" in damaged else 900))
        damaged[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "a.mp4"
    path.write_bytes(damaged)
    try:
        assert probe(path).frames >= 0
    except ReelkilnError as error:
        assert str(path) in error.message


@given(st.binary(max_size=400))
def test_any_bytes_are_boxes_or_refused(data):
    try:
        boxes = scanned(data)
        assert furthest_sample(io.BytesIO(data), boxes) >= 0
    except BrokenBoxes:
        return
    assert all(0 <= b.start < b.body <= b.end <= len(data) for b in boxes)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I4s", 100, b"moov"),
        struct.pack(">I4s", 7, b"moov"),
        struct.pack(">I4sQ", 1, b"mdat", 2**63),
        struct.pack(">I4s", 1, b"mdat"),
        box(b"moov", struct.pack(">I4s", 100, b"trak")),
        box(b"free") * 20_001,
        b"abc",
    ],
)
def test_sizes_that_lie_are_refused(data):
    with pytest.raises(BrokenBoxes):
        scanned(data)


def test_a_box_to_the_end_and_boxes_in_boxes_without_end():
    assert [b.end for b in scanned(box(b"ftyp") + struct.pack(">I4s", 0, b"mdat") + b"12")] == [
        8,
        18,
    ]
    deep = b""
    for _ in range(5000):
        deep = box(b"moov", deep)
    assert len(scanned(deep)) < 20


def track(*, chunks=(100, 200), runs=((1, 2, 1),), same=0, sizes=(5, 6, 7, 8), count=None) -> bytes:
    def table(kind, rows, extra=b""):
        return box(kind, struct.pack(">I", 0) + extra + b"".join(rows))

    number = len(sizes) if count is None else count
    stco = [struct.pack(">I", len(chunks)), *(struct.pack(">I", c) for c in chunks)]
    stsc = [struct.pack(">I", len(runs)), *(struct.pack(">III", *run) for run in runs)]
    stsz = [struct.pack(">II", same, number), *(struct.pack(">I", s) for s in sizes)]
    stbl = box(b"stbl", table(b"stco", stco) + table(b"stsc", stsc) + table(b"stsz", stsz))
    return box(b"moov", box(b"trak", box(b"mdia", box(b"minf", stbl))))


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (track(), 200 + 7 + 8),
        (track(chunks=(900, 200)), 900 + 5 + 6),
        (track(runs=((1, 3, 1), (2, 1, 1))), 200 + 8),
        (track(same=10, sizes=(), count=4), 220),
        (track(chunks=(), runs=(), sizes=()), 0),
        (box(b"moov"), 0),
    ],
)
def test_where_the_last_sample_ends(data, end):
    assert furthest_sample(io.BytesIO(data), scanned(data)) == end


@pytest.mark.parametrize(
    "data",
    [
        track(count=2**32 - 1),
        track(count=3),
        track(runs=()),
        track(runs=((2, 2, 1),)),
        track(runs=((1, 2, 1), (1, 2, 1))),
        track(same=1, sizes=(), count=2**31),
        track(runs=((1, 2**32 - 1, 1),)),
        track()[:-3] + b"\0\0\0",
    ][:7],
)
def test_tables_that_lie_are_refused(data):
    with pytest.raises(BrokenBoxes):
        furthest_sample(io.BytesIO(data), scanned(data))


def test_a_missing_film_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"gone\.mp4 is missing"):
        probe(tmp_path / "gone.mp4")
