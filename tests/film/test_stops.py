"""The film room while everything around it breaks: real processes, real signals, full disks."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from film.scenes import make, moving_box, wish
from reelkiln.errors import DiskFull, FilmError
from reelkiln.film.conform import conform
from reelkiln.film.encode import command, encode
from reelkiln.film.finish import ffmpeg_program
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.partfile import patiently, write_bytes

HERE = Path(__file__).parent.parent


def child(body: str, *arguments: object, **more) -> subprocess.Popen[str]:
    """A real Python process that has the scenes at hand."""
    head = "import os, signal, sys, time\nfrom pathlib import Path\nfrom film.scenes import *\n"
    # Started in the background by a shell, we inherit a Ctrl-C that nobody hears.
    head += "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(body), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])},
        **more,
    )


def said(process: subprocess.Popen[str]) -> str:
    try:
        return process.communicate(timeout=120)[0]
    finally:
        process.kill()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def my_encoders() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "ffmpeg" in p.name()]


STOPPED_AT_MANY_MOMENTS = """
    import psutil
    folder, clip = Path(sys.argv[1]), moving_box(24, fps=24)
    target = folder / "a.mp4"
    make(target, clip)
    begin = time.monotonic()
    make(target, clip)
    lasts = time.monotonic() - begin
    stopped = tried = 0
    while stopped < 20 and tried < 200:
        target.unlink(missing_ok=True)
        begin = time.monotonic()
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.001 + lasts * (tried % 25) / 25)
            make(target, clip)
            signal.setitimer(signal.ITIMER_REAL, 0)
            lasts = time.monotonic() - begin  # the machine may have been busier before
        except KeyboardInterrupt:
            stopped += 1
        tried += 1
        left = {path.name for path in folder.iterdir()} - {"a.mp4", "work"}
        assert not left, left
        assert not psutil.Process().children(), "a child is left"
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if target.exists():
            assert probe(target).frames == 24
    print("stopped", stopped)
"""


def test_ctrl_c_at_20_moments_leaves_no_part_file_and_no_child(tmp_path):
    # The alarm stands for the key: it raises SIGINT wherever the program is just then.
    body = """
    from reelkiln.film.facts import probe
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    """
    process = child(textwrap.dedent(body) + textwrap.dedent(STOPPED_AT_MANY_MOMENTS), tmp_path)
    words = said(process)
    assert process.returncode == 0, words
    assert int(words.split()[-1]) == 20


AT_LINES = """
    import psutil, tempfile
    folder, every, lines, strike = Path(sys.argv[1]), int(sys.argv[2]), 0, -1
    files, target = set(sys.argv[3].split()), folder / "a.mp4"
    tempfile.tempdir = str(folder)

    def watch(frame, event, argument):
        global lines
        if Path(frame.f_code.co_filename).name not in files:
            return None
        if event == "line":
            lines += 1
            if lines == strike:
                signal.raise_signal(signal.SIGINT)
        return watch

    def traced():
        global lines
        lines = 0
        sys.settrace(watch)
        try:
            once(target)
        finally:
            sys.settrace(None)

    traced()
    total, stopped = lines, 0
    for strike in range(1, total, every):
        target.unlink(missing_ok=True)
        try:
            traced()
        except KeyboardInterrupt:
            stopped += 1
        left = {path.name for path in folder.iterdir()} - {"a.mp4", "work"}
        assert not left, (strike, left)
        assert not psutil.Process().children(), (strike, "a child is left")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, strike
    print("stopped", stopped, "of", total)
"""


def stopped_at_lines(once: str, folder: Path, *files: str, every: int) -> int:
    """Ctrl-C at every so manieth line of these files while `once(target)` runs in a real process.
    Returns how often it was stopped; each time nothing was left behind."""
    body = textwrap.dedent(once) + textwrap.dedent(AT_LINES)
    process = child(body, folder, every, " ".join(files))
    words = said(process)
    assert process.returncode == 0, words
    return int(words.split()[-3])


ENCODED = """
    def once(target):
        clip = moving_box(2, fps=24, width=32, height=32)
        make(target, clip, seconds=1 / 12, size="32x32")
"""


@pytest.mark.once
def test_ctrl_c_at_every_line_around_the_encoder_leaves_no_part_file_and_no_child(tmp_path):
    files = ("partfile.py", "interrupt.py", "encode.py", "child.py")
    assert stopped_at_lines(ENCODED, tmp_path, *files, every=1) >= 40


def test_a_real_ctrl_c_ends_a_program_at_once(tmp_path):
    process = child(
        """
        target = Path(sys.argv[1], "a.mp4")
        def endless():
            for _ in range(10**6):
                yield moving_box(8)
        from reelkiln.film.finish import finish
        hear = lambda done, total: print("encoding", flush=True)
        try:
            finish(endless(), target, wish(600), {}, hear)
        except KeyboardInterrupt:
            print("interrupted")
            sys.exit(130)
        """,
        tmp_path,
        start_new_session=True,
    )
    assert process.stdout.readline() == "encoding\n"
    os.killpg(process.pid, signal.SIGINT)
    assert said(process).endswith("interrupted\n")
    assert process.returncode == 130
    assert left_in(tmp_path) == []


def test_a_program_that_is_killed_leaves_no_film_and_no_encoder(tmp_path):
    process = child(
        """
        import psutil
        target = Path(sys.argv[1], "a.mp4")
        def endless():
            for _ in range(10**6):
                yield moving_box(8)
                (me,) = psutil.Process().children()
                print(me.pid, flush=True)
        from reelkiln.film.finish import finish
        finish(endless(), target, wish(600), {}, lambda done, total: None)
        """,
        tmp_path,
    )
    encoder = psutil.Process(int(process.stdout.readline()))
    process.kill()
    process.communicate()
    encoder.wait(timeout=30)
    assert not (tmp_path / "a.mp4").exists()
    make(tmp_path / "a.mp4", seconds=1 / 12)


def test_an_encoder_that_is_killed_is_told_and_leaves_nothing(tmp_path):
    target = tmp_path / "a.mp4"
    target.write_text("old")

    def strike(done, total):
        for encoder in my_encoders():
            assert os.getpgid(encoder.pid) != os.getpgid(0), "the terminal's Ctrl-C is ours alone"
            encoder.kill()

    with pytest.raises(FilmError, match=r"a\.mp4 could not be encoded"):
        make(target, moving_box(8), seconds=60, loop=True, on_frame=strike)
    assert target.read_text() == "old"
    assert left_in(tmp_path) == ["a.mp4"]
    assert my_encoders() == []


@pytest.mark.parametrize("when", [1, 24])
def test_what_the_listener_raises_comes_out_unchanged(tmp_path, when):
    class Stop(Exception):
        pass

    def stop(done, total):
        if done >= when:
            raise Stop

    with pytest.raises(Stop):
        make(tmp_path / "a.mp4", on_frame=stop)
    assert left_in(tmp_path) == []
    assert my_encoders() == []


def test_what_the_material_raises_comes_out_unchanged(tmp_path):
    def broken():
        yield moving_box(4, fps=24)
        raise OSError(28, "somebody else's disk")

    from reelkiln.film.finish import finish

    with pytest.raises(OSError, match="somebody else") as caught:
        finish(broken(), tmp_path / "a.mp4", wish(1), {}, lambda done, total: None)
    assert type(caught.value) is OSError
    assert left_in(tmp_path) == []


FULL = """
    import resource
    from reelkiln.errors import ReelkilnError
    folder, most = Path(sys.argv[1]), int(sys.argv[2])
    import imageio_ffmpeg, reelkiln.film.finish
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    try:
        make(folder / "a.mp4", moving_box(8), seconds=2, loop=True, size="256x256")
    except ReelkilnError as error:
        print(error.code, error.exit_code, error.message, sep="|")
"""


@pytest.mark.parametrize("most", [4096, 8_000])
def test_a_quota_that_is_reached_while_encoding(tmp_path, most):
    words = said(child(FULL, tmp_path, most))
    assert words.startswith("disk_full|75|"), words
    assert words.strip().endswith("a.mp4 could not be written: the disk is full")
    assert left_in(tmp_path) == []


def test_a_disk_that_is_full_while_encoding(tmp_path):
    (tmp_path / "a.mp4").symlink_to("/dev/full")
    clip = moving_box(24, fps=24)
    work = conform(clip.size, clip.fps, wish(1))
    (tmp_path / "tags").write_bytes(b";FFMETADATA1\n")
    arguments = command(ffmpeg_program(), work, tmp_path / "tags", tmp_path / "a.mp4")
    with pytest.raises(DiskFull):
        encode(arguments, clip.frames, tmp_path / "a.mp4", lambda done: None, Interrupts())


def test_a_small_file_on_a_full_disk_leaves_the_old_one(tmp_path):
    (tmp_path / "a.json").write_text("old")
    words = said(
        child(
            """
            import resource
            from reelkiln.errors import DiskFull
            from reelkiln.film.partfile import write_bytes
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
            try:
                write_bytes(Path(sys.argv[1], "a.json"), b"x" * 1000)
            except DiskFull as error:
                print(error.message)
            """,
            tmp_path,
        )
    )
    assert words.strip().endswith("the disk is full")
    assert left_in(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "old"


def test_a_folder_that_may_not_be_written_to(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    words = said(
        child(
            """
            from reelkiln.errors import UsageError
            os.chdir(sys.argv[1])
            if os.geteuid() == 0:  # whom no rights bind
                os.setegid(65534)
                os.seteuid(65534)
            try:
                make(Path("locked/a.mp4"))
            except UsageError as error:
                print(error.exit_code, error.message)
            """,
            opened_up(tmp_path),
        )
    )
    assert words.strip() == "2 locked/a.mp4 cannot be written: the folder may not be written to"


def opened_up(folder: Path) -> Path:
    """Let every user of this machine pass through to a test's folder."""
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("#!/bin/sh\necho warm >&2\necho 'it went wrong' >&2\nexit 3\n", "it went wrong"),
        ("#!/bin/sh\nexit 3\n", "it ended with code 3"),
        ("#!/bin/sh\nexit 0\n", "came out damaged"),
        (None, "cannot be started"),
        ("not a program", "cannot be started"),
    ],
)
def test_an_ffmpeg_that_does_not_work(tmp_path, monkeypatch, script, says):
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    if script is not None:
        program.write_text(script)
        program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    with pytest.raises((FilmError), match=says) as caught:
        make(tmp_path / "a.mp4")
    assert caught.value.hint
    assert left_in(tmp_path) == []


def test_a_file_that_another_program_holds_for_a_moment_is_waited_for():
    tries = []

    def held_twice():
        tries.append(1)
        if len(tries) < 3:
            raise PermissionError("in use")

    patiently(held_twice, (0.001, 0.001, 0.001))
    assert len(tries) == 3
    tries.clear()
    with pytest.raises(PermissionError):
        patiently(held_twice, (0.001,))
    assert len(tries) == 2


def test_a_small_file_appears_whole_and_alone(tmp_path):
    write_bytes(tmp_path / "a.json", b"one")
    write_bytes(tmp_path / "a.json", b"two")
    assert (tmp_path / "a.json").read_bytes() == b"two"
    assert left_in(tmp_path) == ["a.json"]
