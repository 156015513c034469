"""The bundled model, really rendered."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from reelkiln.backends.registry import find_backend
from reelkiln.plan.card import Preset
from reelkiln.reel import Size
from tiny_models import make_card, make_plan, nothing

pytestmark = pytest.mark.torch
STEPS = 4


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    """The same seed on two backgrounds: uint8 (8, 160, 160, 3) each."""
    preset = Preset(steps=STEPS, guidance=1.0, scheduler="EulerDiscreteScheduler")
    card = make_card("animatediff", preset, name="spark")
    root = Path(str(resources.files("reelkiln.models").joinpath("bundled", "spark")))
    folders = {"model": root / "model", "motion": root / "motion"}
    plan = make_plan(card, frames=8, size=Size(160, 160))
    segments = [
        replace(plan.segments[0], prompt=f"a gold lipstick rotating on a {colour} background")
        for colour in ("red", "blue")
    ]
    backend = find_backend("animatediff")
    assert backend.check(card, folders) == ()
    with backend.open(plan, card, folders, nothing) as session:
        clips = [session.render(segment, nothing) for segment in segments]
    assert [clip.finite_share for clip in clips] == [1.0, 1.0]
    return [clip.frames for clip in clips]


def test_the_background_is_the_one_asked(clips):
    for frames, (more, less) in zip(clips, [(0, 2), (2, 0)], strict=True):
        border = np.concatenate([frames[:, :12].reshape(-1, 3), frames[:, -12:].reshape(-1, 3)])
        means = border.mean(axis=0)
        assert means[more] > means[less] + 25


def test_there_is_a_thing_in_the_middle_and_it_changes(clips):
    for frames in clips:
        assert frames.shape == (8, 160, 160, 3)
        grey = frames.astype(float).mean(axis=3)
        assert grey[:, 40:120, 60:100].std() > grey[:, :12].std()
        assert np.abs(np.diff(grey, axis=0)).mean() > 0.05
