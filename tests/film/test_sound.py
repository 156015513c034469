"""The sound of a film, from the wish to what a decoder hears."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from film.scenes import ffmpeg, moving_box, wav, wish
from reelkiln.errors import FilmError, UsageError
from reelkiln.film.beds import BEDS
from reelkiln.film.conform import conform
from reelkiln.film.encode import command, encode
from reelkiln.film.facts import probe
from reelkiln.film.finish import ffmpeg_program
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.loudness import measure_loudness
from reelkiln.film.sound import Sound, sound_beats, sound_rights, write_sound
from reelkiln.film.track import Rights, Track
from reelkiln.film.waves import RATE, read_raw, write_raw


def noise(seconds: float, level: float) -> np.ndarray:
    shape = (round(seconds * RATE), 2)
    return np.random.default_rng(5).uniform(-level, level, shape)


def written(sound: Sound, seconds: Fraction, folder: Path):
    heard = write_sound(sound, seconds, folder / "sound.f32")
    return heard, np.concatenate(list(read_raw(folder / "sound.f32")))


def film(folder: Path, sound: Path | None, seconds: float, fps: int = 24) -> Path:
    """A small film with this sound, made as the room makes it."""
    clip = moving_box(round(seconds * fps), fps=fps, step=0)
    work = conform(clip.size, clip.fps, wish(seconds, fps))
    notes, target = folder / "tags.txt", folder / "film.mp4"
    notes.write_bytes(b";FFMETADATA1\n")
    arguments = command(ffmpeg_program(), work, notes, target, sound=sound)
    encode(arguments, iter(clip.frames), target, lambda _: None, Interrupts())
    return target


def decoded(movie: Path) -> np.ndarray:
    """All samples of the sound track, from the first packet on: samples x 2."""
    with av.open(str(movie)) as container:
        blocks = [frame.to_ndarray().T for frame in container.decode(audio=0)]
    return np.concatenate(blocks)


@pytest.mark.parametrize("at", [0.1, 0.5, 1.25, 1.9])
def test_a_click_is_heard_when_it_was_meant(tmp_path, at):
    sound = np.zeros((2 * RATE, 2), np.float32)
    sound[round(at * RATE)] = 0.9
    write_raw([sound], tmp_path / "click.f32")
    movie = film(tmp_path, tmp_path / "click.f32", 2)
    heard = np.abs(decoded(movie)).max(axis=1)
    assert heard.max() > 0.1
    assert abs(int(np.argmax(heard)) - round(at * RATE)) < RATE / 1000
    # ffmpeg itself, which is not the library above, agrees.
    ffmpeg("-i", str(movie), "-f", "f32le", "-ac", "2", str(tmp_path / "again.f32"))
    again = np.abs(np.concatenate(list(read_raw(tmp_path / "again.f32")))).max(axis=1)
    assert abs(int(np.argmax(again)) - round(at * RATE)) < RATE / 1000


@pytest.mark.parametrize("samples", [1, RATE // 2, RATE + 7, 3 * RATE])
def test_the_track_lasts_exactly_as_long_as_the_picture(tmp_path, samples):
    write_raw([noise(3, 0.5)[:samples]], tmp_path / "sound.f32")
    movie = film(tmp_path, tmp_path / "sound.f32", 1.25)
    with av.open(str(movie)) as container:
        sound, picture = container.streams.audio[0], container.streams.video[0]
        assert sound.start_time == 0
        assert sound.duration * sound.time_base == picture.duration * picture.time_base
        assert sound.duration * sound.time_base == Fraction(5, 4)
    assert probe(movie).edit_lists == 0


@pytest.mark.parametrize("name", ["bright", "pulse"])  # calm has no sharp peaks
def test_a_film_with_a_bed_is_as_loud_as_wished_and_peaks_below_one_decibel(tmp_path, name):
    heard, _ = written(Sound(source=BEDS[name]), Fraction(4), tmp_path)
    assert heard.lufs == pytest.approx(-14, abs=0.11)
    movie = film(tmp_path, tmp_path / "sound.f32", 4)
    assert measure_loudness(movie).lufs == pytest.approx(-14, abs=0.3)
    report = ffmpeg("-i", str(movie), "-af", "ebur128=peak=true", "-f", "null", "-").stderr
    assert float(report.rpartition("Peak:")[2].split()[0]) <= -1


def test_loud_and_quiet_and_spiky_tracks_come_out_alike(tmp_path):
    spiky = noise(3, 0.02)
    spiky[:: RATE // 4] = 0.99
    for samples in (noise(3, 1.0), noise(3, 0.01), spiky):
        source = Track(wav(tmp_path / "a.wav", samples))
        heard, _ = written(Sound(source=source, gain=-3), Fraction(3), tmp_path)
        assert heard.lufs == pytest.approx(-17, abs=0.3)
        assert heard.peak <= -1.9


def test_silence_stays_silence_and_near_silence_is_not_blown_up(tmp_path):
    source = Track(wav(tmp_path / "a.wav", np.zeros((2 * RATE, 2))))
    heard, samples = written(Sound(source=source), Fraction(2), tmp_path)
    assert heard.lufs == -70
    assert heard.peak == -np.inf
    assert not samples.any()
    hiss = Track(wav(tmp_path / "b.wav", noise(2, 0.0005)))
    assert written(Sound(source=hiss), Fraction(2), tmp_path)[0].lufs < -30


@pytest.mark.parametrize("seconds", [Fraction(1, 24), Fraction(1, 3), Fraction(1001, 1000)])
def test_the_sound_has_exactly_the_films_samples(tmp_path, seconds):
    heard, samples = written(Sound(source=BEDS["pulse"]), seconds, tmp_path)
    assert len(samples) == heard.samples == round(seconds * RATE)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["sound.f32"]


def test_fades_begin_and_end_in_silence_and_the_middle_is_whole(tmp_path):
    source = Track(wav(tmp_path / "a.wav", np.full((4 * RATE, 2), 0.2) * [[1, -1]]))
    fades = Sound(source=source, fade_in=Fraction(1), fade_out=Fraction(1, 2))
    _, samples = written(fades, Fraction(4), tmp_path)
    level = np.abs(samples[:, 0]) / np.abs(samples[2 * RATE, 0])
    assert level[0] < 1e-4
    assert level[-1] < 1e-4
    assert level[RATE // 2] == pytest.approx(0.5, abs=0.01)
    assert level[-RATE // 4] == pytest.approx(0.5, abs=0.01)
    assert level[RATE + 10] == pytest.approx(1, abs=0.01)


def test_a_short_track_fades_at_its_own_end_and_silence_follows(tmp_path):
    source = Track(wav(tmp_path / "a.wav", noise(1, 0.5)))
    heard, samples = written(Sound(source=source), Fraction(2), tmp_path)
    assert (heard.music, heard.samples) == (RATE, 2 * RATE)
    assert np.abs(samples[RATE - 10 : RATE]).max() < 1e-3
    assert not samples[RATE + 10 :].any()


def test_start_passes_over_the_music_before_it(tmp_path):
    click = np.zeros((3 * RATE, 2))
    click[2 * RATE] = 0.9
    source = Track(wav(tmp_path / "a.wav", click))
    _, samples = written(Sound(source=source, start=Fraction(3, 2)), Fraction(1), tmp_path)
    assert int(np.argmax(np.abs(samples[:, 0]))) == RATE // 2


def test_nothing_is_left_where_the_track_fails(tmp_path):
    broken = tmp_path / "song.mp3"
    broken.write_bytes(b"no music at all" * 100)
    (tmp_path / "out").mkdir()
    with pytest.raises(FilmError, match=r"song\.mp3"):
        write_sound(Sound(source=Track(broken)), Fraction(2), tmp_path / "out" / "sound.f32")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    "wrong",
    [
        {"gain": 1.0},
        {"gain": float("nan")},
        {"gain": -41.0},
        {"fade_in": Fraction(-1)},
        {"fade_out": Fraction(601)},
        {"start": Fraction(-1)},
    ],
)
def test_wishes_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError, match="music cannot"):
        Sound(source=BEDS["calm"], **wrong)


@pytest.mark.parametrize("seconds", [Fraction(0), Fraction(601)])
def test_no_film_is_that_long(tmp_path, seconds):
    with pytest.raises(UsageError, match="no film"):
        write_sound(Sound(source=BEDS["calm"]), seconds, tmp_path / "x")


def test_beats_are_known_for_beds_and_unknown_for_tracks():
    late = Sound(source=BEDS["pulse"], start=Fraction(3, 4))
    assert sound_beats(late, Fraction(1)) == (Fraction(1, 4), Fraction(3, 4))
    assert sound_beats(Sound(source=Track(Path("a.wav"))), Fraction(1)) is None


def test_rights_are_said_or_said_to_be_missing():
    assert sound_rights(Sound(source=Track(Path("a.wav")))) == "music rights not stated"
    stated = Track(Path("a.wav"), Rights("CC0 1.0", "our own studio"))
    assert sound_rights(Sound(source=stated)) == "CC0 1.0, our own studio"
    assert "reelkiln" in sound_rights(Sound(source=BEDS["calm"]))
