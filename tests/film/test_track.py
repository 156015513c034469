"""A person's music: every form of it that is read, and every way in which it can be wrong."""

import struct
from pathlib import Path

import numpy as np
import pytest

from film.scenes import ffmpeg, make, wav
from reelkiln.errors import FilmError, UsageError
from reelkiln.film.track import Rights, Track, play_track
from reelkiln.film.waves import RATE


def tone(seconds: float, rate: int = RATE, channels: int = 2) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return np.repeat(0.5 * np.sin(2 * np.pi * 500 * time)[:, None], channels, axis=1)


def heard(path: Path, seconds: float = 600, start: float = 0) -> np.ndarray:
    blocks = list(play_track(Track(path), round(seconds * RATE), round(start * RATE)))
    assert all(block.dtype == np.float32 and block.shape[1] == 2 for block in blocks)
    return np.concatenate(blocks)


@pytest.mark.parametrize("ending", ["mp3", "flac", "ogg", "m4a", "aiff", "mka"])
@pytest.mark.parametrize("channels", [1, 2])
def test_music_of_all_forms_comes_at_48_khz_in_stereo(tmp_path, ending, channels):
    plain = wav(tmp_path / "plain.wav", tone(1, 44_100, channels), 44_100)
    path = tmp_path / f"song.{ending}"
    ffmpeg("-i", str(plain), str(path))
    sound = heard(path)
    assert len(sound) == pytest.approx(RATE, abs=0.06 * RATE)
    middle = sound[RATE // 4 : 3 * RATE // 4].astype(np.float64)
    strongest = np.argmax(np.abs(np.fft.rfft(middle[:, 0])))
    assert strongest == 250  # 500 Hz in half a second
    assert np.allclose(middle[:, 0], middle[:, 1], atol=0.02)


def test_samples_come_through_unchanged_and_only_those_asked_for(tmp_path):
    samples = np.random.default_rng(1).uniform(-1, 1, (RATE, 2))
    path = wav(tmp_path / "a.wav", samples)
    exact = np.round(samples * 32767) / 32768
    assert np.allclose(heard(path), exact, atol=1e-6)
    assert np.allclose(heard(path, 0.25, 0.5), exact[RATE // 2 : 3 * RATE // 4], atol=1e-6)


@pytest.mark.parametrize("at_start", [True, False])
def test_what_is_damaged_beyond_the_part_asked_for_does_no_harm(tmp_path, at_start):
    path = wav(tmp_path / "a.wav", tone(4))
    ffmpeg("-i", str(path), str(tmp_path / "a.flac"))
    data = bytearray((tmp_path / "a.flac").read_bytes())
    place = len(data) // 10 if at_start else len(data) * 9 // 10
    data[place : place + 3000] = b"\x55" * 3000
    (tmp_path / "b.flac").write_bytes(data)
    if at_start:
        with pytest.raises(FilmError, match=r"b\.flac is not music that can be read"):
            heard(tmp_path / "b.flac", 2)
    else:
        assert len(heard(tmp_path / "b.flac", 1)) == RATE


def test_zero_length_is_named(tmp_path):
    wav(tmp_path / "a.wav", np.zeros((0, 2)))
    with pytest.raises(FilmError, match=r"a\.wav (has a sound track of no length|is not music)"):
        heard(tmp_path / "a.wav")
    (tmp_path / "b.wav").touch()
    with pytest.raises(FilmError, match=r"b\.wav is not music"):
        heard(tmp_path / "b.wav")


def test_ten_hours_are_named_before_any_is_decoded(tmp_path):
    path = tmp_path / "long.wav"
    size = 10 * 3600 * 8000
    head = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8
    )
    with path.open("wb") as file:
        file.write(head + struct.pack("<4sI", b"data", size))
        file.truncate(44 + size)  # a hole: it takes no room
    with pytest.raises(FilmError, match=r"long\.wav lasts 10:00:00 h; .* 2:00:00 h"):
        heard(path)


def test_a_film_without_sound_and_a_picture_are_named(tmp_path):
    make(tmp_path / "film.mp4")
    ffmpeg("-i", str(tmp_path / "film.mp4"), "-an", "-c", "copy", str(tmp_path / "mute.mp4"))
    with pytest.raises(FilmError, match=r"mute\.mp4 has no sound track"):
        heard(tmp_path / "mute.mp4")
    assert not heard(tmp_path / "film.mp4").any()


@pytest.mark.parametrize("ending", ["flac", "m4a", "mka", "aiff"])
def test_a_file_cut_short_is_named(tmp_path, ending):
    path = wav(tmp_path / "a.wav", tone(4))
    whole = tmp_path / f"whole.{ending}"
    ffmpeg("-i", str(path), "-movflags", "+faststart", str(whole))
    cut = tmp_path / f"cut.{ending}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(FilmError, match=r"cut\.\w+ (is cut short|is not music)"):
        heard(cut)


def test_numbers_that_are_no_sound_are_named(tmp_path):
    for number, wrong in enumerate((np.nan, np.inf, 1e9)):
        samples = tone(1).astype("<f4")
        samples[1000] = wrong
        (tmp_path / "raw").write_bytes(samples.tobytes())
        path = tmp_path / f"{number}.wav"
        form = ("-f", "f32le", "-ar", str(RATE), "-ac", "2")
        ffmpeg(*form, "-i", str(tmp_path / "raw"), "-c:a", "pcm_f32le", str(path))
        with pytest.raises(FilmError, match="numbers that are no sound"):
            heard(path)


def test_a_start_behind_the_end_a_missing_file_and_a_folder_are_named(tmp_path):
    path = wav(tmp_path / "a.wav", tone(1))
    with pytest.raises(UsageError, match=r"a\.wav lasts 1\.0 s and cannot start at 2\.0 s"):
        heard(path, 1, 2)
    with pytest.raises(UsageError, match=r"b\.wav is missing"):
        heard(tmp_path / "b.wav")
    with pytest.raises(UsageError, match="is a folder"):
        heard(tmp_path)


def test_a_playlist_opens_nothing_else(tmp_path):
    wav(tmp_path / "a.wav", tone(1))
    path = tmp_path / "song.mp3"
    path.write_text("#EXTM3U\n#EXTINF:1,\na.wav\n#EXT-X-ENDLIST\n")
    with pytest.raises(FilmError, match=r"song\.mp3 is not music"):
        heard(path)


@pytest.mark.parametrize("wrong", ["", "  ", "two\nlines"])
def test_rights_are_words_on_one_line(wrong):
    with pytest.raises(UsageError, match="licence"):
        Rights(wrong, "somewhere")
    with pytest.raises(UsageError, match="source"):
        Rights("CC0 1.0", wrong)
