from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image

from film.scenes import moving_box, plain
from film.test_stops import left_in, my_encoders, stopped_at_lines
from reelkiln.errors import FilmError, UsageError
from reelkiln.film.compose import Shown
from reelkiln.film.join import Piece
from reelkiln.film.overlay import Picture
from reelkiln.film.platforms import find_platform
from reelkiln.film.read import read
from reelkiln.film.reel import Delivery, finish_reel
from reelkiln.film.tags import read_tags
from reelkiln.film.validate import validate
from reelkiln.reel import Clip, Size

SMALL = Delivery(size=Size(270, 480))


def lit(count, fps, colour):
    """A soft light of this colour that moves over the picture."""
    down, across = np.mgrid[0 : 1 : 112 * 1j, 0 : 1 : 64 * 1j]
    frames = [
        np.outer(0.2 + 0.7 * np.exp(-9 * ((across - at) ** 2 + (down - 0.5) ** 2)), colour)
        for at in np.linspace(0.2, 0.8, count)
    ]
    return Clip(np.stack(frames).astype(np.uint8).reshape(count, 112, 64, 3), Fraction(fps))


def three_shots():
    """Six seconds: a cut after 2, a cross-fade of half a second from 3.5."""
    return [
        Piece(clips=[lit(17, 8, (255, 150, 90))], seconds=Fraction(2)),
        Piece(clips=[lit(48, 24, (120, 250, 110))], seconds=Fraction(2)),
        Piece(clips=[lit(21, 8, (90, 140, 255))], seconds=Fraction(5, 2), crossfade=Fraction(1, 2)),
    ]


def made(target, pieces, overlays=(), wish=SMALL, on_frame=lambda done, total: None, **tags):
    return finish_reel(pieces, overlays, target, wish, tags, on_frame=on_frame, preset="superfast")


def test_a_reel_of_three_shots_is_taken_by_instagram(tmp_path):
    target, heard = tmp_path / "a.mp4", []
    wish = Delivery(size=Size(1080, 1920))
    facts = made(target, three_shots(), (), wish, lambda *s: heard.append(s), title="Glow")
    assert (facts.frames, facts.fps, facts.seconds) == (144, 24, 6)
    assert facts.size == Size(1080, 1920)
    assert heard == sorted(heard)
    assert heard[-1] == (144, 144)
    assert read_tags(target)["title"] == "Glow"
    report = validate(target, find_platform("instagram-reels"))
    failed = [check for check in report.checks if check.state == "fail"]
    assert not failed, failed


def test_the_frames_in_the_file_are_those_of_the_join(tmp_path):
    target = tmp_path / "a.mp4"
    card = Picture(Image.new("RGBA", (60, 40), (255, 255, 255, 255)), 20, 300, SMALL.size)
    over = Shown(picture=card, start=Fraction(1), end=Fraction(3))
    facts = made(target, three_shots(), [over])
    assert facts.frames == 144
    seen = [frame for clip in read(target) for frame in clip.frames]
    tints = np.array([frame.reshape(-1, 3).mean(axis=0).argmax() for frame in seen])
    assert (tints[:48] == 0).all()
    assert (tints[48:84] == 1).all()
    assert (tints[96:] == 2).all()
    covered = [int(frame[320, 50].min()) for frame in seen]
    assert min(covered[29:67]) > 240
    assert max(covered[:23] + covered[73:]) < 200
    jumps = [cv2.absdiff(one, two).mean() for one, two in pairwise(seen)]
    assert np.argmax(jumps) == 47
    assert max(jumps[:47] + jumps[48:]) < jumps[47] / 3


def test_equal_pieces_give_equal_bytes(tmp_path):
    for name in "ab":
        made(tmp_path / f"{name}.mp4", three_shots()[:2], title="t")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("fps", [25, 30])
def test_other_rates_and_a_loop_are_proved(tmp_path, fps):
    wish = Delivery(size=Size(64, 112), fps=Fraction(fps), loop=Fraction(1, 2))
    facts = made(tmp_path / "a.mp4", three_shots(), wish=wish)
    assert facts.frames == round(Fraction("5.5") * fps)
    assert facts.fps == fps


def test_what_goes_wrong_leaves_the_old_film_and_no_child(tmp_path):
    target = tmp_path / "a.mp4"
    target.write_text("old")

    def strike(done, total):
        raise ZeroDivisionError

    def kill(done, total):
        my_encoders()[-1].kill()

    short = [*three_shots()[:2], Piece(clips=[moving_box(4)], seconds=Fraction(3))]
    late = [Piece(clips=[plain((1, 2, 3), 8, fps=8)], seconds=Fraction(99), forth_and_back=True)]
    wrong = Picture(Image.new("RGBA", (3, 3)), 0, 0, Size(20, 20))
    over = [Shown(picture=wrong, start=Fraction(0), end=Fraction(1))]
    for error, make in [
        (FilmError, lambda: made(target, short)),
        (ZeroDivisionError, lambda: made(target, three_shots(), on_frame=strike)),
        (FilmError, lambda: made(target, late, on_frame=kill)),
        (UsageError, lambda: made(target, three_shots(), over)),
        (UsageError, lambda: made(target, [])),
    ]:
        with pytest.raises(error):
            make()
        assert target.read_text() == "old"
        assert left_in(tmp_path) == ["a.mp4"]
        assert not my_encoders()


JOINED = """
    from film.test_reel import *
    def once(target):
        length = Fraction(1, 6)
        pieces = [Piece(clips=[moving_box(3, width=64, height=64)], seconds=length, crossfade=fade)
                  for fade in (Fraction(0), Fraction(1, 12))]
        made(target, pieces, wish=Delivery(size=Size(36, 64)))
"""


def test_ctrl_c_around_the_joining_leaves_no_part_file_and_no_child(tmp_path):
    files = ("join.py", "motion.py", "reel.py", "child.py")
    assert stopped_at_lines(JOINED, tmp_path, *files, every=29) >= 8
