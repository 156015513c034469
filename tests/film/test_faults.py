import errno
import inspect
import signal
from pathlib import Path

import av.error
import pytest

from reelkiln.errors import DiskFull, FilmError, UsageError
from reelkiln.film.faults import TABLE, encoder_failed, fault_of, on_disk, translated

FOREIGN = sorted(
    {
        kind
        for kind in vars(av.error).values()
        if inspect.isclass(kind)
        and issubclass(kind, av.error.FFmpegError)
        and kind is not av.error.FFmpegError
    },
    key=lambda kind: kind.__name__,
)


def test_pyav_has_the_tree_that_this_test_walks():
    assert len(FOREIGN) > 40


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_every_error_of_pyav_has_a_row(kind):
    assert fault_of(kind) is not None


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_every_error_of_pyav_is_translated_and_names_the_file(kind):
    code = next((number for number, known in av.error.classes.items() if known is kind), 1)
    named = pytest.raises((FilmError, UsageError), match=r"^some/film\.mp4 \w")
    with named as caught, translated(Path("some/film.mp4")):
        raise kind(code, "foreign words")
    assert caught.value.hint
    assert "foreign words" not in caught.value.message


def test_no_row_is_shadowed_or_for_a_class_that_is_gone():
    assert set(TABLE) <= set(FOREIGN)


def test_other_errors_pass_through():
    with pytest.raises(KeyError), translated(Path("x")):
        raise KeyError


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EFBIG, DiskFull),
        (errno.ENOENT, UsageError),
        (errno.EACCES, UsageError),
        (errno.EROFS, UsageError),
        (errno.ENAMETOOLONG, UsageError),
        (errno.EIO, FilmError),
    ],
)
def test_what_the_system_says_while_writing(number, kind):
    with pytest.raises(kind, match=r"^out/a\.mp4 ") as caught, on_disk(Path("out/a.mp4")):
        raise OSError(number, "foreign")
    assert type(caught.value) is kind
    assert caught.value.hint


def test_a_device_that_is_really_full():
    with pytest.raises(DiskFull), on_disk(Path("a.png")):
        Path("/dev/full").write_bytes(b"x")


@pytest.mark.parametrize(
    ("code", "said", "kind"),
    [
        (228, "[out#0/mp4 @ 0x1] Error writing trailer: No space left on device\n", DiskFull),
        (-signal.SIGXFSZ, "", DiskFull),
        (1, "x\nConversion failed!\n\n", FilmError),
        (-9, "", FilmError),
    ],
)
def test_what_ffmpeg_says_when_it_fails(code, said, kind):
    error = encoder_failed(Path("a.mp4"), code, said)
    assert type(error) is kind
    assert error.message.startswith("a.mp4 could not be ")
    assert "\n" not in error.message
