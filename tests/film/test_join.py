import re
import weakref
from fractions import Fraction
from itertools import pairwise

import numpy as np
import psutil
import pytest

from film.scenes import box_at, moving_box, plain
from reelkiln.errors import FilmError, UsageError
from reelkiln.film.join import Piece, cuts, join
from reelkiln.reel import Clip, Size

SIZE, FPS = Size(54, 96), Fraction(24)
RED, GREEN, BLUE = (200, 20, 20), (20, 200, 20), (20, 20, 200)


def piece(clip, seconds=1, fade=0, loop=False):
    exact = (Fraction(one).limit_denominator(1000) for one in (seconds, fade))
    seconds, fade = exact
    return Piece(clips=[clip], seconds=seconds, crossfade=fade, forth_and_back=loop)


def children():
    return [one for one in psutil.Process().children() if "ffmpeg" in one.name()]


def test_a_cut_and_a_crossfade_lie_where_they_should():
    pieces = [
        piece(plain(RED, 24)),
        piece(plain(GREEN, 24)),
        piece(plain(BLUE, 24, side=48), fade=0.5),
    ]
    frames = list(join(pieces, SIZE, FPS))
    assert len(frames) == cuts(pieces, FPS).frames == 60
    assert all(frame.shape == (96, 54, 3) and frame.dtype == np.uint8 for frame in frames)
    seen = np.array([frame[40, 20] for frame in frames]).astype(int)
    assert (seen[:24] == RED).all()
    assert (seen[24:36] == GREEN).all()
    assert (seen[48:] == BLUE).all()
    share = (np.arange(12) + 0.5) / 12
    wanted = np.outer(1 - share, GREEN) + np.outer(share, BLUE)
    assert np.abs(seen[36:48] - wanted).max() <= 1


@pytest.mark.parametrize("fps", [24, 25, 30])
def test_pieces_of_several_sizes_and_rates_are_joined_exactly(fps):
    pieces = [
        piece(moving_box(9, fps=8, step=1), seconds=1.1),
        piece(moving_box(26, fps=24, width=128, height=72), seconds=1, fade=0.3),
        piece(moving_box(32, fps=30, width=40, height=90), seconds=1, fade=0.5),
        piece(moving_box(5, fps=8), seconds=2, loop=True),
    ]
    found = sum(1 for _ in join(pieces, SIZE, Fraction(fps)))
    assert found == round(Fraction("4.3") * fps)
    assert not children()


def test_the_middle_is_kept_and_the_shape_too():
    frames = np.zeros((2, 96, 192, 3), np.uint8)
    frames[:, :, 69:123] = 255
    (first, _) = join([piece(Clip(frames, FPS), seconds=1 / 12)], SIZE, FPS)
    assert first.min() == 255


def test_a_loop_ends_where_it_begins():
    clip = moving_box(48, fps=24, width=108, height=192)
    for index, frame in enumerate(clip.frames):
        frame[:] = index * 5
    frames = list(join([piece(clip, seconds=2)], SIZE, FPS, loop=Fraction(1, 2)))
    assert len(frames) == 36
    levels = [int(frame[5, 5, 0]) for frame in frames]
    assert levels[:24] == [60 + index * 5 for index in range(24)]
    assert abs(levels[35] - levels[0]) <= 15, "the last frame leads to the first"
    share = (np.arange(12) + 0.5) / 12
    wanted = (1 - share) * (np.arange(36, 48) * 5) + share * (np.arange(12) * 5)
    assert np.abs(np.array(levels[24:]) - wanted).max() <= 1


def test_a_loop_of_several_interpolated_pieces_has_no_jump():
    pieces = [
        piece(plain(RED, 8, fps=8)),
        piece(plain(GREEN, 8, fps=8), fade=0.25),
    ]
    frames = list(join(pieces, SIZE, FPS, loop=Fraction(1, 4)))
    assert len(frames) == 36
    seen = np.array([frame[40, 20] for frame in frames]).astype(int)
    steps = np.abs(np.diff(np.vstack([seen, seen[:1]]), axis=0)).max(axis=1)
    assert steps.max() <= 180 / 6 + 2
    assert not children()


@pytest.mark.parametrize("rate", [8, 24])
def test_forth_and_back_for_its_period_is_a_loop(rate):
    clip = moving_box(9, fps=rate, step=2, width=54, height=96)
    seconds = Fraction(2 * 8, rate)
    frames = list(join([piece(clip, seconds, loop=True)], SIZE, FPS))
    assert len(frames) == seconds * 24
    places = [box_at(frame) for frame in frames]
    moves = [abs(after - before) for before, after in pairwise([*places, places[0]])]
    assert max(moves) < 2 * rate / 24 + 0.5


def test_a_long_reel_is_never_held_whole():
    given, most = [], 0

    def stream(fps):
        nonlocal most
        for _ in range(fps * 8):
            clip = moving_box(1, fps=fps)
            given.append(weakref.ref(clip.frames))
            most = max(most, sum(frames() is not None for frames in given))
            yield clip

    pieces = [
        Piece(clips=stream(fps), seconds=Fraction(6), crossfade=Fraction(fade))
        for fps, fade in ((12, 0), (24, 1), (12, 1))
    ]
    assert sum(1 for _ in join(pieces, SIZE, FPS)) == 16 * 24
    assert len(given) > 250
    assert most <= 60


def test_a_reel_that_is_not_read_to_its_end_leaves_no_child():
    pieces = [piece(moving_box(10)), piece(moving_box(10), fade=0.5)]
    frames = join(pieces, SIZE, FPS)
    for _ in range(18):
        next(frames)
    assert len(children()) == 2, "both are open in a cross-fade"
    frames.close()
    assert not children()


@pytest.mark.parametrize(
    ("clips", "says"),
    [
        ([], "piece 2: there are no frames"),
        ([moving_box(6)], "piece 2: the material lasts 0.75 of 1.00 seconds"),
        ([moving_box(4), moving_box(4, fps=12)], "piece 2: clips of 64x64 at 8 fps"),
    ],
)
def test_material_that_does_not_last_is_named(clips, says):
    pieces = [piece(moving_box(10)), Piece(clips=clips, seconds=Fraction(1))]
    with pytest.raises(FilmError, match=re.escape(says)):
        list(join(pieces, SIZE, FPS))
    assert not children()


def test_a_rate_a_size_or_a_fade_that_cannot_be_is_refused_before_a_frame_is_taken():
    def never():
        raise AssertionError("a frame was taken")
        yield

    long = Piece(clips=never(), seconds=Fraction(1))
    faded = Piece(clips=never(), seconds=Fraction(1), crossfade=Fraction(3, 5))
    for pieces, size, fps, says in [
        ([long], SIZE, 23, "no reel has 23 frames"),
        ([long], Size(55, 96), 24, "no film can be 55x96"),
        ([long, faded], SIZE, 24, "into piece 2 of 0.6 s"),
    ]:
        with pytest.raises(UsageError, match=re.escape(says)):
            join(pieces, size, Fraction(fps))


def test_frames_too_small_for_ffmpeg_are_named():
    with pytest.raises(FilmError, match="24x42 are too small to interpolate"):
        list(join([piece(moving_box(9, width=24, height=42))], SIZE, FPS))


def test_what_the_material_raises_comes_out_unchanged():
    def broken():
        yield moving_box(4)
        raise OSError(28, "somebody else's disk")

    with pytest.raises(OSError, match="somebody else"):
        list(join([Piece(clips=broken(), seconds=Fraction(2))], SIZE, FPS))
    assert not children()
