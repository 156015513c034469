"""The cards: every file of the folder is honest, and a mistake in one is named by file and key."""

import json
import pickle
import struct
import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from reelkiln.backends.registry import find_backend
from reelkiln.errors import UnknownName, UsageError
from reelkiln.models.cards import find_card, load_cards, read_card
from reelkiln.models.installed import sources_for
from reelkiln.plan.card import Card, Licence, Part, Source
from reelkiln.plan.fit import fit_size
from reelkiln.plan.form import read
from reelkiln.reel import ASPECTS, Size

CARDS = load_cards()
FOLDER = Path(str(files("reelkiln.models"))) / "cards"
BUNDLED = FOLDER.parent / "bundled"
ROOT = Path(__file__).resolve().parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TEXT = (FOLDER / "epicrealism.toml").read_text("utf-8")

every = pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)


def test_every_file_of_the_folder_is_a_card():
    assert sorted(CARDS) == sorted(path.stem for path in FOLDER.glob("*.toml"))
    assert {"spark", "epicrealism", "epicrealism-lightning"} <= set(CARDS)


@every
def test_a_card_belongs_to_a_family_that_is_there(card):
    assert find_backend(card.family)


@every
def test_only_needed_files_that_carry_no_code(card):
    for source in card.sources:
        for name in source.files:
            assert name.endswith((".safetensors", ".json", ".txt", ".model")), name
            assert not name.startswith(("safety_checker", "feature_extractor")), name
            assert ".fp16." not in name, name


@every
def test_commercial_use_is_not_promised_unread(card):
    if card.licence.state == "not verified":
        assert card.licence.commercial == "unknown"
    else:
        assert card.licence.source
        assert card.licence.read_on


@every
def test_what_the_hub_holds_is_named_with_its_state(card):
    for source in card.sources:
        assert bool(source.repo) is not card.bundled
        # A list that was read was read at a commit.
        assert source.unverified or source.revision or card.bundled


@every
def test_libraries_are_pinned_to_what_the_extra_installs(card):
    wanted = {
        requirement.name: requirement.specifier
        for requirement in map(Requirement, EXTRAS["optional-dependencies"]["gpu"])
    }
    pins = {name: SpecifierSet(text) for name, text in card.versions.items()}
    assert pins.keys() >= {"diffusers", "transformers", "accelerate", "torch"}
    for name, spec in pins.items():
        for version in ("0.41.9", "0.42.1", "0.43.0", "1.15.0", "1.16.0", "2.13.0", "2.14.0"):
            assert spec.contains(version) == wanted[name].contains(version), (name, version)


@every
def test_presets_of_a_card_are_the_three_of_the_program(card):
    assert set(card.presets) == {"draft", "standard", "final"}
    steps = [card.presets[name].steps for name in ("draft", "standard", "final")]
    assert steps == sorted(steps)


def test_the_proven_pair_and_its_four_step_kin():
    proven, quick = CARDS["epicrealism"], CARDS["epicrealism-lightning"]
    standard = proven.presets["standard"]
    assert (standard.steps, standard.guidance) == (25, 7.5)
    assert dict(standard.schedule) == {"beta_schedule": "linear"}
    for preset in quick.presets.values():
        assert (preset.steps, preset.guidance) == (4, 1.0)
        assert preset.schedule["timestep_spacing"] == "trailing"
        assert preset.schedule["beta_schedule"] == "linear"
    assert proven.parts == quick.parts
    assert proven.sources[0] == quick.sources[0]


# ── sets: one model, stored in several ways ──────────────────────────────────────────────────────

SETS = """
default_set = "small"

[sets.small]
title = "8 bits"
quality = "hardly to be told apart; not measured"
bits = { unet = 8 }

[sets.whole]
title = "as published"
quality = "what its authors trained"
"""


def two_sets() -> str:
    """The proven card, whose picture model is to be had in two forms."""
    other = TEXT[TEXT.index("[[sources]]") : TEXT.index("# As listed at this commit.")]
    small = other.replace("emilianJR/epiCRealism", "maker/small") + 'sets = ["small"]\n\n'
    text = TEXT.replace(other, other + 'sets = ["whole"]\n\n' + small)
    return text.replace("\n[reach]", f"{SETS}\n[reach]", 1)


def test_a_set_is_the_card_under_another_name_with_its_own_sources():
    card = read_card(two_sets(), "epicrealism.toml")
    assert [s.repo.split("/")[0] for s in sources_for(card, "standard")] == ["maker", "guoyww"]
    whole = card.with_set("whole")
    assert (whole.name, whole.default_set) == ("epicrealism@whole", "whole")
    repos = [s.repo.split("/")[0] for s in sources_for(whole, "standard")]
    assert repos == ["emilianJR", "guoyww"]
    assert card.with_set("small") is card
    with pytest.raises(UnknownName, match="no set is called 'hole'") as caught:
        card.with_set("hole")
    assert "Did you mean whole" in caught.value.hint


def test_sets_of_a_model_are_asked_for_by_name():
    assert find_card("epicrealism").default_set == ""
    with pytest.raises(UnknownName, match="no set is called 'bf16'"):
        find_card("epicrealism@bf16")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('default_set = "small"', "", "default_set '' is not one of the sets"),
        ('default_set = "small"', 'default_set = "tiny"', "default_set 'tiny' is not one"),
        ('sets = ["whole"]', "", "sources must have names, each its own"),
        ('sets = ["whole"]', 'sets = ["hole"]', "is of an unknown set hole"),
        ("bits = { unet = 8 }", "bits = { unit = 8 }", "bits of an unknown part unit"),
        ("bits = { unet = 8 }", "bits = { unet = 7 }", "bits of 'unet' must be 8, 16 or 32"),
        ('title = "8 bits"', 'titel = "8 bits"', "unknown key 'titel'"),
    ],
)
def test_a_mistake_in_a_set_is_named(old, new, complaint):
    assert old in two_sets()
    with pytest.raises(UsageError) as caught:
        read_card(two_sets().replace(old, new), "epicrealism.toml")
    assert complaint in caught.value.message


# ── the bundled model is what its card says ──────────────────────────────────────────────────────


@pytest.mark.parametrize("source", CARDS["spark"].sources, ids=lambda source: source.name)
def test_bundled_files_are_those_of_the_card_to_the_byte(source):
    folder = BUNDLED / "spark" / source.name
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*")}
    assert set(there) - {"MODEL_CARD.md", "README.md"} == set(source.files)
    assert sum(there[name].stat().st_size for name in source.files) == source.bytes


def shapes(path):
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}


def count(path, *, without=()):
    total = 0
    for name, shape in shapes(path).items():
        if not name.endswith(without):
            size = 1
            for side in shape:
                size *= side
            total += size
    return total


def test_bundled_parameters_are_counted_from_the_weights():
    root = BUNDLED / "spark"
    weights = "diffusion_pytorch_model.safetensors"
    # Positions are tables, not parameters.
    motion = count(root / "motion" / weights, without=("pos_embed.pe",))
    counted = {
        "text_encoder": count(
            root / "model" / "text_encoder" / "model.safetensors", without=("position_ids",)
        ),
        "unet": count(root / "model" / "unet" / weights) + motion,
        "vae": count(root / "model" / "vae" / weights),
    }
    assert {part.name: part.params for part in CARDS["spark"].parts} == counted


def test_the_bundled_vocabulary_is_known_to_its_tokenizer():
    vocab = json.loads((BUNDLED / "spark/model/tokenizer/vocab.json").read_text("utf-8"))
    for words in CARDS["spark"].vocabulary:
        for word in words.split():
            assert f"{word}</w>" in vocab, word


def test_spark_has_its_own_licence_and_says_what_it_is():
    spark = CARDS["spark"]
    assert (spark.licence.state, spark.licence.commercial) == ("read", "allowed")
    assert "tiny" in spark.summary
    assert (spark.presets["standard"].steps, spark.presets["standard"].guidance) == (8, 1.0)


# ── finding ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "near"),
    [("sparc", "spark"), ("epicrealism-lightening", "epicrealism-lightning"), ("SPARK", "spark")],
)
def test_an_unknown_model_names_the_nearest(name, near):
    with pytest.raises(UnknownName, match=f"no model is called '{name}'") as refused:
        find_card(name)
    assert refused.value.hint.startswith(f"Did you mean {near}?")
    assert refused.value.exit_code == 2


def test_a_known_model_is_found():
    assert find_card("spark") == CARDS["spark"]


# ── mistakes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fps = 8", "fps = ", "not TOML"),
        ("fps = 8", "fpz = 8", "unknown key 'fpz'"),
        ("fps = 8\n", "", "key 'fps' is missing"),
        ("fps = 8", "fps = 0", "fps must be above 0"),
        ("fps = 8", "fps = 8.5", "fps must be a whole number or text"),
        ("frames_max = 64", "frames_max = '64'", "frames_max must be a whole number"),
        ("frames_max = 64", "frames_max = true", "frames_max must be a whole number"),
        ('kind = "windows"', 'kind = "magic"', "reach.kind must be one of windows"),
        ("stride = 4", "stride = 40", "reach: windows need"),
        ('native = ["512x512"]', "native = []", "native lists no size"),
        ('native = ["512x512"]', 'native = ["512"]', r"native\[0\] must be a size"),
        ('native = ["512x512"]', 'native = ["500x500"]', "native size 500x500 is not legal"),
        ("side_multiple = 64", "side_multiple = 60", "multiple of costs.cell"),
        ("side_max = 1024", "side_max = 1000", "side_min and side_max"),
        ('stage = "encode"', 'stage = "decode"', "parts must cover"),
        ('stage = "encode"', 'stage = "dream"', r"parts\[0\].stage must be one of"),
        ("params = 123_060_480", "params = 0", r"parts\[0\]: part 'text_encoder' has no par"),
        ("largest_block = 637_000_000", "largest_block = 9_000_000_000", "largest_block must be"),
        ("split_bytes = 11_000", "split_bytes = 20_000", "split_bytes must be"),
        ("guidance = 7.5", "guidance = inf", "guidance must be a number"),
        ("steps = 40", "steps = 0", "presets.final: steps must be 1 to 1000"),
        ("[presets.standard]", "[presets.usual]", "no preset 'standard'"),
        ("steps = 40", 'steps = 40\nadds = ["lora"]', "'final' adds unknown source lora"),
        ('state = "not verified"', 'state = "read"', "licence: read, but source"),
        (
            'state = "not verified"',
            'state = "not verified"\ncommercial = "allowed"',
            "commercial use cannot be 'allowed' while nobody has read it",
        ),
        (
            'state = "not verified"',
            'state = "not verified"\ncommercial = "conditions"',
            "commercial use cannot be 'conditions'",
        ),
        ('repo = "emilianJR/epiCRealism"\n', "", "needs a repo"),
        ('repo = "emilianJR/epiCRealism"', 'repo = "https://x/y/z"', "not of the form owner/name"),
        ('"504374388860e52e206813f44f1ab60a3814152a"', '"5043743"', "40 hex digits"),
        ('"config.json", "diff', '"config.bin", "diff', "neither safetensors"),
        ('"config.json", "diff', '"../config.json", "diff', "leaves its folder"),
        ('"config.json", "diff', '"C:/config.json", "diff', "leaves its folder"),
        ('"config.json", "diff', '"config.json", "config.json", "diff', "lists a file twice"),
        ('name = "motion"', 'name = "model"', "each its own"),
        ('name = "epicrealism"', 'name = "Epic Realism"', "bad name"),
        ('name = "epicrealism"', 'name = "epic"', "holds the card 'epic'"),
        ("[versions]", "[version]", "unknown key 'version'"),
        ('diffusers = "', "diffusers = 42 # ", "versions.diffusers must be text"),
    ],
)
def test_a_mistake_is_named_by_file_and_key(old, new, message):
    assert old in TEXT
    with pytest.raises(UsageError, match=message) as refused:
        read_card(TEXT.replace(old, new, 1), "epicrealism.toml")
    assert refused.value.message.startswith("epicrealism.toml: ")
    assert refused.value.hint
    assert "\n" not in refused.value.message


def test_a_near_miss_is_suggested():
    with pytest.raises(UsageError) as refused:
        read_card(TEXT.replace("fps = 8", "fpz = 8"), "epicrealism.toml")
    assert refused.value.hint == "Did you mean fps?"


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.just([]),
    st.just({}), st.lists(st.integers(), max_size=2),
)  # fmt: skip


@given(st.data(), values)
def test_any_wrong_value_ends_in_a_card_or_a_named_refusal(data, value):
    table = tomllib.loads(TEXT)
    place = table
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    try:
        assert isinstance(read(Card, table, ""), Card)
    except UsageError as refused:
        assert refused.message
        assert refused.hint


def test_a_card_keeps_itself_honest_when_it_is_made_by_code():
    with pytest.raises(UsageError):
        replace(CARDS["epicrealism"].licence, commercial="allowed")
    with pytest.raises(UsageError, match="not a date"):
        Licence(name="x", state="read", source="y", read_on="yesterday")
    with pytest.raises(UsageError, match="belong together"):
        Source(name="model", repo="a/b", files=("a.json",))
    with pytest.raises(UsageError):
        Part(name="unet", stage="denoise", params=1, largest_block=2)


@every
def test_a_card_crosses_a_process_wall(card):
    assert pickle.loads(pickle.dumps(card)) == card  # noqa: S301


@every
def test_every_aspect_of_delivery_can_be_rendered(card):
    for size in (*ASPECTS.values(), Size(640, 640)):
        assert fit_size(card, size).pixels
