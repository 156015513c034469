"""`reelkiln gate` as a process."""

from pathlib import Path

from cli.running import refused, result, run
from film.scenes import ffmpeg

GOOD = ("-f", "lavfi", "-i", "mandelbrot=s=160x90:r=8:start_scale=1:end_scale=0.2:end_pts=60")


def films():
    for name, source in (
        ("good.mp4", GOOD),
        ("black.mp4", ("-f", "lavfi", "-i", "color=s=160x90")),
    ):
        ffmpeg(*source, "-t", "2", "-pix_fmt", "yuv420p", name)


def test_a_table_with_reasons_and_a_report():
    films()
    done = run("gate", "good.mp4", "black.mp4", "--html", "report.html")
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["film", "verdict"]
    assert "pass" in lines[1].split()
    assert "REFUSED" in lines[2].split()
    assert any(line.startswith("black.mp4: 100% of the frames are black") for line in lines)
    assert lines[-1] == "not measured: writing, nudity, fit to the words, product, palette"
    assert "good.mp4" in Path("report.html").read_text("utf-8")


def test_json_and_zero_when_all_pass():
    films()
    done = run("gate", "good.mp4", "--json")
    assert done.returncode == 0, done.stderr
    (film,) = result(done)["films"]
    assert film["kept"] is True
    assert film["marks"]["frames"] == 16
    assert film["reasons"] == film["flags"] == []


def test_mistakes_of_the_command():
    films()
    assert "not #rrggbb" in refused(run("gate", "good.mp4", "--palette", "red"), 2)
    assert "--joins" in refused(run("gate", "good.mp4", "--joins", "a,b"), 2)
    refused(run("gate", "nowhere.mp4"), 2)
