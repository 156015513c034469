"""From the hub to the device: the real card, layout and loading code, with tiny weights."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from loopback import LoopbackHub, hub, hub_environment  # noqa: F401
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Folders
from reelkiln.models.cards import find_card
from reelkiln.models.hub import Hub
from reelkiln.models.installed import locate
from reelkiln.models.pull import pull
from reelkiln.models.verify import verify
from reelkiln.plan.card import Card
from reelkiln.plan.machine import imagine
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Shot, Size
from tiny_models import nothing

GiB = 1024**3

THE_USERS_WAY = """
from diffusers import AnimateDiffPipeline, MotionAdapter
motion, model, commit = {motion!r}, {model!r}, {commit!r}
held = MotionAdapter.from_pretrained(motion, revision=commit, local_files_only=True)
adapter = MotionAdapter.from_pretrained(motion, variant="fp16")
assert held.config["block_out_channels"] == adapter.config["block_out_channels"]
pipe = AnimateDiffPipeline.from_pretrained(
    model, motion_adapter=adapter, safety_checker=None, feature_extractor=None
)
print(type(pipe.unet).__name__)
"""


def serve(hub: LoopbackHub, card: Card, tiny: Folders) -> None:  # noqa: F811
    """The card's repositories, at the commits that the card names."""
    for source in card.sources:
        hub.add(source.repo, tiny[source.name], source.branch, source.revision)


def test_the_users_pair_is_pulled_checked_opened_and_rendered(
    hub: LoopbackHub,  # noqa: F811
    tmp_path: Path,
    tiny: Folders,
) -> None:
    card = find_card("epicrealism")
    serve(hub, card, tiny)
    folders = pull(card, "standard", cache=tmp_path / "hub", hub=Hub(endpoint=hub.endpoint))
    arrived = {p.relative_to(folders["model"]).as_posix() for p in folders["model"].rglob("*.*")}
    assert arrived == set(card.sources[0].files)
    assert verify(card, "standard", tmp_path / "hub") == ()

    backend = find_backend(card.family)
    assert backend.check(card, folders) == ()
    shot = Shot(prompt="a red jar", model=card.name, size=Size(512, 512), seed=3)
    plan = plan_shot(shot, card, imagine(vram=0, ram=64 * GiB))
    segment = replace(plan.segments[0], frames=4)
    plan = replace(plan, size=Size(64, 64), steps=1, segments=(segment,))
    with backend.open(plan, card, folders, nothing) as session:
        clip = session.render(segment, nothing)
    assert clip.frames.shape == (4, 64, 64, 3)


def test_from_pretrained_and_the_pull_share_one_cache(
    hub: LoopbackHub,  # noqa: F811
    tmp_path: Path,
    tiny: Folders,
) -> None:
    card, cache = find_card("epicrealism"), tmp_path / "hub"
    serve(hub, card, tiny)
    model, motion, *further = card.sources
    only_motion = replace(card, sources=(motion, *further))
    commit = pull(only_motion, "standard", cache=cache, hub=Hub(endpoint=hub.endpoint))["motion"]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            THE_USERS_WAY.format(motion=motion.repo, model=model.repo, commit=commit.name),
        ],
        env=hub_environment(hub, cache),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "UNetMotionModel", done.stderr
    assert any("fp16" in asked.path for asked in hub.asked)
    assert not hub.gets("fp16")  # on the hub it is the same content, and that lies here already
    assert locate(card, "standard", cache)["model"].parent.parent.name.endswith("epiCRealism")
    hub.asked.clear()
    pull(card, "standard", cache=cache, hub=Hub(endpoint=hub.endpoint))
    assert not hub.gets()
