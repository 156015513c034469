import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from film.scenes import ffmpeg
from reelkiln.film.limit import limited, to_gain, true_peak
from reelkiln.film.waves import RATE, write_raw


def between(shift: float) -> np.ndarray:
    """A tone at a quarter of the rate whose samples miss its peaks by up to 3 dB."""
    time = np.arange(RATE // 2)
    swell = np.minimum(1, np.minimum(time, time[::-1]) / 2000)
    return np.stack([swell * np.sin(np.pi / 2 * (time + shift))] * 2, axis=1).astype(np.float32)


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5, 0.8])
def test_peaks_between_samples_are_seen(shift):
    assert true_peak([between(shift)]) == pytest.approx(0, abs=0.35)


def test_silence_has_no_peak():
    assert true_peak([np.zeros((100, 2), np.float32)]) == -np.inf
    assert true_peak([]) == -np.inf


def test_ffmpeg_sees_the_same_peak_and_the_limiter_holds_it(tmp_path):
    loud = np.random.default_rng(3).uniform(-1, 1, (RATE, 2)).astype(np.float32)
    write_raw(limited([loud], 4.0, to_gain(-2)), tmp_path / "a.f32")
    form = ("-f", "f32le", "-ar", str(RATE), "-ac", "2")
    report = ffmpeg(
        *form, "-i", str(tmp_path / "a.f32"), "-af", "ebur128=peak=true", "-f", "null", "-"
    ).stderr
    seen = float(re.findall(r"Peak:\s+(\S+) dBFS", report)[-1])
    assert -3 < seen <= -1.8


@given(
    seed=st.integers(0, 99),
    gain=st.sampled_from([0.1, 1.0, 7.0]),
    cuts=st.lists(st.integers(0, 6000), max_size=4),
)
def test_the_limiter_keeps_the_length_and_the_ceiling_however_it_is_cut(seed, gain, cuts):
    chance = np.random.default_rng(seed)
    sound = (chance.standard_normal((6000, 2)) * chance.uniform(0, 0.6)).astype(np.float32)
    whole = np.concatenate(list(limited([sound], gain, 0.5)))
    assert whole.shape == sound.shape
    assert np.abs(whole).max() <= 0.5 + 1e-6
    parts = np.split(sound, sorted(cuts))
    assert np.allclose(np.concatenate(list(limited(parts, gain, 0.5))), whole, atol=1e-6)


def test_what_is_quiet_is_left_alone():
    quiet = (between(0.3) * 0.4).astype(np.float32)
    assert np.allclose(np.concatenate(list(limited([quiet], 1.0, 0.5))), quiet, atol=1e-7)
