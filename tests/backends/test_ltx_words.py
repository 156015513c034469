"""The streamed text encoder against the whole one; what is kept of it; what finds no place."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import T5EncoderModel

from reelkiln.backends import words_cache
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import WORDS, Step
from reelkiln.backends.t5 import encode_sentences, load_tokenizer, tokenize
from reelkiln.backends.tiny_ltx import ENCODER, write_ltx
from reelkiln.backends.words_cache import WordsCache, identity
from reelkiln.errors import Cancelled
from tiny_models import GUIDED, make_ltx_card, make_ltx_plan, make_t5_config, nothing

PLACES = 24
CARD = make_ltx_card()
SAYINGS = ("a red jar", "a blue can on a table", "", "x" * 60)


@pytest.fixture(scope="module")
def tokenizer(tiny_ltx):
    return load_tokenizer(tiny_ltx["model"] / "tokenizer")


def stream(folder: Path, tokenizer, sayings=SAYINGS, dtype=torch.float32, on_block=None):
    return encode_sentences(
        sorted(folder.glob("*.safetensors")),
        [tokenize(tokenizer, words, PLACES) for words in sayings],
        device=torch.device("cpu"),
        dtype=dtype,
        model="tiny",
        on_block=on_block or (lambda done, blocks: None),
    )


def whole(weights, tokenizer, sayings=SAYINGS, dtype=torch.float32):
    """What transformers' own class makes of the same numbers, loaded at once."""
    encoder = T5EncoderModel(make_t5_config()).eval()
    encoder.load_state_dict({name: value.float() for name, value in weights.items()})
    taken = tokenizer(
        list(sayings),
        padding="max_length",
        max_length=PLACES,
        truncation=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        return encoder.to(dtype)(taken.input_ids, attention_mask=taken.attention_mask.bool())[0]


def test_streamed_is_whole(tiny_ltx, tokenizer):
    ours = stream(tiny_ltx["encoder"], tokenizer)
    theirs = whole(load_file(tiny_ltx["encoder"] / ENCODER), tokenizer)
    assert torch.allclose(torch.stack(ours), theirs, atol=1e-5)
    assert theirs.std() > 0.1


def test_streamed_is_whole_in_bfloat16(tiny_ltx, tokenizer):
    ours = torch.stack(stream(tiny_ltx["encoder"], tokenizer, dtype=torch.bfloat16))
    theirs = whole(load_file(tiny_ltx["encoder"] / ENCODER), tokenizer, dtype=torch.bfloat16)
    assert ours.dtype == torch.bfloat16
    assert (ours.float() - theirs.float()).abs().mean() < 0.01 * theirs.float().std()


def test_more_sentences_than_go_together_come_back_in_order(tiny_ltx, tokenizer):
    sayings = [f"jar {chr(97 + index)}" for index in range(20)]
    alone = [stream(tiny_ltx["encoder"], tokenizer, [words])[0] for words in sayings]
    together = stream(tiny_ltx["encoder"], tokenizer, sayings)
    for one, two in zip(alone, together, strict=True):
        assert torch.allclose(one, two, atol=1e-5)


def test_an_encoder_in_shards_is_read_like_one(tiny_ltx, tokenizer, tmp_path):
    weights = load_file(tiny_ltx["encoder"] / ENCODER)
    names = sorted(weights)
    for shard in range(2):
        part = {name: weights[name] for name in names[shard::2]}
        save_file(part, tmp_path / f"model-{shard}.safetensors")
    ours, theirs = (stream(folder, tokenizer) for folder in (tmp_path, tiny_ltx["encoder"]))
    assert all(map(torch.equal, ours, theirs))


@pytest.mark.parametrize("scaled", [True, False])
def test_an_8_bit_encoder_is_widened_block_by_block(tokenizer, tmp_path, scaled):
    folders = write_ltx(tmp_path, dtype="bfloat16", narrow=True)
    weights = load_file(folders["encoder"] / ENCODER)
    if not scaled:  # the plain kind: the numbers themselves, rounded
        weights = {name: value for name, value in weights.items() if "scale" not in name}
        save_file(weights, folders["encoder"] / ENCODER)
    true = {}
    for name, value in weights.items():
        scale = weights.get(f"{name.removesuffix('.weight')}.scale_weight")
        if name != "scaled_fp8" and not name.endswith("scale_weight"):
            true[name] = value.float() * scale if scale is not None else value.float()
    assert {value.dtype for value in weights.values()} >= {torch.float8_e4m3fn, torch.bfloat16}
    ours = torch.stack(stream(folders["encoder"], tokenizer))
    assert torch.allclose(ours, whole(true, tokenizer), atol=1e-4, rtol=1e-3)


def test_every_block_is_told_and_may_stop_it(tiny_ltx, tokenizer):
    told = []
    stream(tiny_ltx["encoder"], tokenizer, on_block=lambda *step: told.append(step))
    assert told == [(0, 2), (1, 2), (2, 2)]

    def stop(done, blocks):
        if done:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        stream(tiny_ltx["encoder"], tokenizer, on_block=stop)


# ── places ───────────────────────────────────────────────────────────────────────────────────────


def test_a_long_sentence_is_cut_before_its_end_mark_and_says_what_is_lost(tokenizer):
    taken = tokenize(tokenizer, "a jar of honey on a wooden table", PLACES)
    theirs = tokenizer(
        "a jar of honey on a wooden table", max_length=PLACES, truncation=True
    ).input_ids
    assert list(taken.ids) == theirs
    assert all(taken.mask)
    assert taken.lost == "table"


def test_a_sentence_that_just_fits_loses_nothing(tokenizer):
    words = "x" * 23
    for length in range(15, 23):
        taken = tokenize(tokenizer, words[:length], PLACES)
        assert taken.lost == ""
        assert sum(taken.mask) == len(tokenizer(words[:length]).input_ids) <= PLACES


def notes(plan, card, folders) -> list[str]:
    told: list[Step] = []
    with find_backend("ltx").open(plan, card, folders, nothing) as session:
        session.encode(plan.segments, told.append)
        session.encode(plan.segments, told.append)
    return [step.note for step in told if step.note]


def test_the_words_lost_reach_the_person_once(tiny_ltx, tmp_path):
    plan = make_ltx_plan(CARD)
    long = replace(plan.segments[0], prompt="a jar of honey on a wooden table")
    plan = replace(plan, segments=(long,))
    for _ in ("encoded", "from the cache"):
        (note,) = notes(plan, CARD, {**tiny_ltx, WORDS: tmp_path})
        assert "tiny-ltx reads 24 tokens" in note
        assert "“table” was left out" in note


# ── the cache ────────────────────────────────────────────────────────────────────────────────────


def blocks_read(plan, card, folders) -> int:
    """How many blocks of the encoder a render streams."""
    told: list[Step] = []
    with find_backend("ltx").open(plan, card, folders, nothing) as session:
        clip = session.render(plan.segments[0], told.append)
        kept.append(clip.frames.tobytes())
    return max(step.total for step in told if step.phase == "encode")


kept: list[bytes] = []


def test_a_sentence_is_encoded_once_on_a_machine(tiny_ltx, tmp_path):
    folders = {**tiny_ltx, WORDS: tmp_path / "words"}
    kept.clear()
    assert [blocks_read(make_ltx_plan(CARD), CARD, folders) for _ in range(2)] == [2, 1]
    assert kept[0] == kept[1]
    assert len(list((tmp_path / "words").iterdir())) == 1


def test_with_guidance_the_negative_is_kept_too(tiny_ltx, tmp_path):
    card = make_ltx_card(GUIDED)
    folders = {**tiny_ltx, WORDS: tmp_path / "words"}
    assert [blocks_read(make_ltx_plan(card), card, folders) for _ in range(2)] == [2, 1]
    assert len(list((tmp_path / "words").iterdir())) == 2


@pytest.mark.parametrize("change", ["words", "places", "encoder", "dtype"])
def test_what_decides_the_numbers_decides_the_name(tiny_ltx, tmp_path, change):
    card, plan, folders = CARD, make_ltx_plan(CARD), {**tiny_ltx, WORDS: tmp_path / "words"}
    assert blocks_read(plan, card, folders) == 2
    if change == "words":
        segments = (replace(plan.segments[0], prompt="a blue can"),)
        plan = replace(plan, segments=segments)
    if change == "places":
        card = replace(card, tokens=20)
    if change == "encoder":
        folders |= {"encoder": write_ltx(tmp_path / "other", seed=1)["encoder"]}
    if change == "dtype":
        plan = replace(plan, dtype="bfloat16")
    assert blocks_read(plan, card, folders) == 2
    assert blocks_read(plan, card, folders) == 1


def test_a_damaged_file_counts_as_absent_and_is_mended(tmp_path):
    cache = WordsCache(tmp_path / "words")
    key = cache.key("a jar", encoder="e", places=24)
    assert cache.find(key) is None
    cache.keep(key, torch.ones(2, 3))
    assert torch.equal(cache.find(key), torch.ones(2, 3))
    (file,) = (tmp_path / "words").iterdir()
    for damage in (b"", b"no tensors", file.read_bytes()[:-4]):
        file.write_bytes(damage)
        assert cache.find(key) is None
    cache.keep(key, torch.ones(2, 3))
    assert torch.equal(cache.find(key), torch.ones(2, 3))


def test_a_disk_that_refuses_costs_only_time(tmp_path):
    (tmp_path / "words").write_text("a file where the folder should be", encoding="ascii")
    cache = WordsCache(tmp_path / "words")
    cache.keep("0" * 64, torch.ones(1))
    assert cache.find("0" * 64) is None
    nowhere = WordsCache(None)
    nowhere.keep("0" * 64, torch.ones(1))
    assert nowhere.find("0" * 64) is None


def test_the_ones_unused_for_longest_go_first(tmp_path, monkeypatch):
    import os

    monkeypatch.setattr(words_cache, "KEPT", 3)
    words = tmp_path / "words"
    cache = WordsCache(words)
    for index in range(3):
        cache.keep(f"{index}", torch.ones(1))
        os.utime(words / f"{index}.safetensors", (index, index))
    assert cache.find("0") is not None  # used now
    cache.keep("3", torch.ones(1))
    assert sorted(file.stem for file in words.iterdir()) == ["0", "2", "3"]


def test_a_file_of_the_hubs_cache_is_known_by_its_hash(tmp_path):
    blob = tmp_path / ("ab" * 32)
    blob.write_bytes(b"weights")
    plain = tmp_path / "plain.safetensors"
    plain.write_bytes(b"weights")
    try:
        link = tmp_path / "link.safetensors"
        link.symlink_to(blob)
        assert identity([link]) == "ab" * 32
    except OSError:  # Windows gives links to administrators only
        assert identity([blob]) == "ab" * 32
    assert identity([plain]) != identity([blob])
    assert identity([plain]) == identity([plain])


def test_words_are_read_where_nothing_may_be_written(tmp_path, monkeypatch):
    cache = WordsCache(tmp_path / "words")
    cache.keep("0" * 64, torch.ones(1))

    def refuse(*_):
        raise PermissionError("the folder is somebody else's")

    monkeypatch.setattr(words_cache.os, "utime", refuse)
    assert torch.equal(cache.find("0" * 64), torch.ones(1))
