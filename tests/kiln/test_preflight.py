"""What is known of a model before its weights are here, held against a hub on loopback."""

import json
import struct
from dataclasses import replace

import pytest

from kiln.nulls import null_card
from loopback import hub  # noqa: F401
from reelkiln.backends.classes import FAMILY_CLASSES, family_problems
from reelkiln.backends.registry import FAMILIES
from reelkiln.errors import HubUnreachable, MissingLibrary, WeightsBroken, WeightsMissing
from reelkiln.kiln.preflight import preflight
from reelkiln.models.cards import find_card, load_cards
from reelkiln.models.hub import Hub

ADAPTER = "down_blocks.0.motion_modules.0.proj_in.weight"


def safetensors(*names):
    """A file with these tensors of one number each."""
    head = {
        name: {"dtype": "F32", "shape": [1], "data_offsets": [4 * at, 4 * at + 4]}
        for at, name in enumerate(names)
    }
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + b"\0" * 4 * len(names)


@pytest.fixture
def look(hub, tmp_path):  # noqa: F811
    def look(card, **more):
        there = Hub(endpoint=hub.endpoint, timeout=60.0)
        return preflight(card, "standard", cache=tmp_path / "cache", hub=there, **more)

    return look


def states(found):
    return {check.name: check.state for check in found.checks}


def test_a_single_file_of_another_family_is_named(hub, look):  # noqa: F811
    hub.add("nobody/null-one", {"one.safetensors": safetensors(ADAPTER)})
    found = look(null_card("null-one", files=("one.safetensors",)))
    (problem,) = found.problems()
    assert isinstance(problem, WeightsBroken)
    assert problem.message == (
        "nobody/null-one/one.safetensors is a motion of animatediff, and null-one is of null"
    )
    assert states(found)["weights"] == "wrong"


def test_a_single_file_whose_kind_nobody_knows_is_let_through(hub, look):  # noqa: F811
    hub.add("nobody/null-one", {"one.safetensors": safetensors("anything")})
    found = look(null_card("null-one", files=("one.safetensors",)))
    assert not found.problems()
    assert found.order is not None


def test_a_sharded_variant_is_recognised_as_one(hub, look):  # noqa: F811
    hub.add("nobody/null-one", {"t/model-00001-of-00002.safetensors": safetensors("a")})
    found = look(null_card("null-one", files=("t/model.fp16-00001-of-00002.safetensors",)))
    (problem,) = found.problems()
    assert isinstance(problem, WeightsMissing)
    assert "has no variant 'fp16': there is t/model-00001-of-00002.safetensors" in problem.message


def test_a_plain_file_that_is_not_there_is_no_variant(hub, look):  # noqa: F811
    hub.add("nobody/null-one", {"config.json": b"{}"})
    (problem,) = look(null_card("null-one", files=("one.safetensors",))).problems()
    assert "has no file one.safetensors" in problem.message


def test_a_configuration_that_is_no_json_object_is_named(hub, look):  # noqa: F811
    hub.add("nobody/null-one", {"vae/config.json": b"[1]"})
    (problem,) = look(null_card("null-one", files=("vae/config.json",))).problems()
    assert problem.message == "nobody/null-one/vae/config.json is not a JSON object"


def test_without_an_answer_the_rest_is_not_known(hub, look):  # noqa: F811
    hub.faults.login_page = True
    found = look(null_card("null-one", files=("config.json",)))
    assert isinstance(found.lost, HubUnreachable)
    assert states(found)["files"] == "unknown"
    assert not found.problems()


def test_offline_asks_nobody(hub, look):  # noqa: F811
    found = look(null_card("null-one", files=("config.json",)), offline=True)
    assert states(found)["classes"] == "unknown"
    assert found.lost is None
    assert not hub.asked


@pytest.mark.torch
def test_classes_of_components_that_are_not_fetched_do_not_matter(hub, look):  # noqa: F811
    index = b'{"vae": ["diffusers", "AutoencoderKL"], "safety_checker": ["diffusers", "Gone"]}'
    hub.add("nobody/null-one", {"model_index.json": index, "vae/w.safetensors": safetensors("a")})
    card = null_card("null-one", files=("model_index.json", "vae/w.safetensors"))
    found = look(card)
    assert not found.problems()
    assert [c.said for c in found.checks if c.name == "classes"] == ["AutoencoderKL"]


def test_every_family_says_which_classes_it_makes():
    assert set(FAMILY_CLASSES) == {*FAMILIES, "siglip"}


@pytest.mark.torch
def test_the_installed_libraries_have_what_every_card_needs():
    for card in load_cards().values():
        assert list(family_problems(card)) == []


@pytest.mark.torch
def test_a_library_without_the_familys_class_is_named_before_the_hub_is_asked(look):
    """A repository of single files names no class: its family does."""
    euler = replace(null_card().presets["standard"], scheduler="EulerNeverScheduler")
    ltx = find_card("ltx-2b-distilled")
    (problem,) = look(replace(ltx, presets={"standard": euler}), offline=True).problems()
    assert isinstance(problem, MissingLibrary)
    assert problem.message.startswith("ltx-2b-distilled needs EulerNeverScheduler, which diffusers")
    assert "diffusers>=0.42" in problem.hint


@pytest.mark.torch
@pytest.mark.parametrize(
    ("config", "words"),
    [
        (b'{"_class_name": "AutoencoderNever"}', "AutoencoderNever, which diffusers"),
        (b'{"architectures": ["T9EncoderModel"]}', "T9EncoderModel, which transformers"),
        (b'{"auto_map": {"AutoModel": "own.Net"}}', "Python code in the repository"),
        (b'{"_class_name": "__file__"}', "__file__, which diffusers"),
    ],
)
def test_a_components_own_configuration_is_read_too(hub, look, config, words):  # noqa: F811
    hub.add("nobody/null-one", {"vae/config.json": config})
    (problem,) = look(null_card("null-one", files=("vae/config.json",))).problems()
    assert words in problem.message
