"""Scorers: their cards are honest, and one is pulled, checked and found like a model."""

from __future__ import annotations

import pytest

from loopback import LoopbackHub, hub, hub_environment  # noqa: F401
from reelkiln.backends.align import check_aligner, open_aligner
from reelkiln.backends.tiny_scorer import write_siglip
from reelkiln.errors import UnknownName, UsageError, WeightsMissing
from reelkiln.models.cards import load_cards, read_toml
from reelkiln.models.hub import Hub
from reelkiln.models.installed import is_installed, locate
from reelkiln.models.pull import needed, pull
from reelkiln.models.scorers import find_fetchable, find_scorer, load_scorers
from reelkiln.models.verify import verify
from reelkiln.plan.scorer import ScorerCard

TEXT = """
name = "seer"
title = "Seer"
summary = "Looks."
ram = 1000
[licence]
name = "apache-2.0"
state = "not verified"
[[sources]]
name = "scorer"
repo = "nobody/seer"
bytes = 5
files = ["config.json"]
"""


@pytest.mark.parametrize("card", load_scorers().values(), ids=load_scorers())
def test_a_scorer_is_as_honest_as_a_model(card):
    (source,) = card.sources
    assert source.revision or source.unverified
    assert card.licence.state == "read" or card.licence.commercial == "unknown"
    assert card.name not in load_cards()


def test_names_are_found_and_unknown_ones_name_the_nearest():
    assert find_fetchable("siglip") == find_scorer("siglip")
    assert find_fetchable("spark") == load_cards()["spark"]
    with pytest.raises(UnknownName) as refused:
        find_fetchable("siglib")
    assert refused.value.hint.startswith("Did you mean siglip?")
    with pytest.raises(UnknownName):
        find_scorer("spark")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "seer"', 'name = "Seer"', "bad name"),
        ("ram = 1000", "ram = 0", "ram above 0"),
        ('repo = "nobody/seer"', "", "a repo"),
        ("ram = 1000", "", "key 'ram' is missing"),
        ("ram = 1000", "ram = 1000\nfps = 8", "unknown key 'fps'"),
        ('"config.json"', '"weights.bin"', "neither safetensors"),
    ],
)
def test_a_mistake_is_named(old, new, said):
    assert read_toml(ScorerCard, TEXT, "seer.toml").name == "seer"
    with pytest.raises(UsageError, match=said):
        read_toml(ScorerCard, TEXT.replace(old, new, 1), "seer.toml")


@pytest.mark.torch
def test_pulled_checked_opened_and_verified(hub: LoopbackHub, tmp_path):  # noqa: F811
    card, cache = find_scorer("siglip"), tmp_path / "hub"
    assert not is_installed(card, "", cache)
    with pytest.raises(WeightsMissing) as missing:
        locate(card, "", cache)
    assert "spark" not in missing.value.hint
    (source,) = card.sources
    hub.add(source.repo, write_siglip(tmp_path / "made"), source.branch, source.revision)
    order = needed(card, "", cache=cache, hub=Hub(endpoint=hub.endpoint))
    assert {wanted.file.path for wanted in order.files} == set(source.files)
    folder = pull(card, "", cache=cache, hub=Hub(endpoint=hub.endpoint))["scorer"]
    assert not hub.gets("pytorch_model.bin")
    assert is_installed(card, "", cache)
    assert verify(card, "", cache) == ()
    assert check_aligner(card, folder) == ()
    assert open_aligner(card, folder).mark == "alignment"
