from fractions import Fraction

import cv2
import numpy as np
import pytest

from film.scenes import box_at, moving_box
from reelkiln.errors import FilmError
from reelkiln.film.conform import Finish, conform
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.motion import UNEXPLAINED, retime, unexplained
from reelkiln.film.program import ffmpeg_program
from reelkiln.reel import Size

SIZE = Size(96, 96)


def texture(seed):
    """Soft patches of colour, as large as the frame three times over."""
    small = np.random.default_rng(seed).integers(0, 255, (14, 40, 3), np.uint8)
    return cv2.resize(small, (288, 96), interpolation=cv2.INTER_CUBIC)


def panned(at):
    """The picture at a time in frames: it moves 4 pixels to the left in each."""
    shift = np.array([[1, 0, -4 * at], [0, 1, 0]], np.float32)
    return cv2.warpAffine(texture(1), shift, (96, 96))


def turned_into(at):
    """At each whole time another picture; in between, a mixture of two."""
    before, after = (texture(10 + int(at) + step)[:, :96] for step in (0, 1))
    return cv2.addWeighted(before, 1 - at % 1, after, at % 1, 0)


def retimed(frames, source, fps, seconds=1):
    size = Size(frames[0].shape[1], frames[0].shape[0])
    work = conform(size, Fraction(source), Finish(size, Fraction(seconds), Fraction(fps)))
    made = retime(iter(frames[: work.fed]), work, ffmpeg_program(), Interrupts())
    return list(made)


def off(found, wanted):
    return float(np.abs(np.stack(found).astype(int) - np.stack(wanted)).mean())


def test_motion_is_told_from_pictures_that_turn_into_others():
    moving = [unexplained(panned(at), panned(at + 1)) for at in range(4)]
    turning = [unexplained(turned_into(at), turned_into(at + 1)) for at in range(4)]
    assert max(moving) < UNEXPLAINED / 2
    assert min(turning) > UNEXPLAINED * 1.3
    assert unexplained(panned(0), panned(0)) == 0


def test_what_moves_is_interpolated_and_what_turns_is_blended():
    for scene, wanted in ((panned, 8), (turned_into, 1)):
        found = retimed([scene(at) for at in range(10)], 8, 24)
        truth = [scene(at / 3) for at in range(24)]
        mixed = [
            cv2.addWeighted(scene(at // 3), 1 - at % 3 / 3, scene(at // 3 + 1), at % 3 / 3, 0)
            for at in range(24)
        ]
        assert off(found, truth) < wanted
        assert (off(found, mixed) < 0.5) == (scene is turned_into)


@pytest.mark.parametrize("fps", [24, 25, 30])
@pytest.mark.parametrize("source", [8, 12, 16, 48])
def test_counts_are_exact_and_motion_is_even(source, fps):
    frames = list(moving_box(source + 3, width=128, height=64, step=1).frames)
    found = retimed(frames, source, fps)
    assert len(found) == fps
    seen = np.array([box_at(frame) for frame in found])
    first = box_at(frames[0])
    assert np.abs(seen - (first + np.arange(fps) * source / fps)).max() < 0.8


def test_frames_that_lie_on_a_source_frame_are_that_frame():
    frames = [panned(at) for at in range(10)]
    found = retimed(frames, 8, 24)
    assert all((found[at * 3] == frames[at]).all() for at in range(8))


def test_an_ffmpeg_that_fails_says_why(tmp_path):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'it went wrong' >&2\nexit 3\n")
    program.chmod(0o755)
    work = conform(SIZE, Fraction(8), Finish(SIZE, Fraction(1), Fraction(24)))
    with pytest.raises(FilmError, match="motion could not be interpolated: it went wrong"):
        list(retime(iter([panned(0)] * work.fed), work, str(program), Interrupts()))
