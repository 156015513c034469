"""Words are learnt before pictures, and the readers ask for the right things."""

import pytest
import torch

from training.spark.lessons import _apart, blanked, moments
from training.spark.networks import SMOKE, Joint
from training.spark.readers import Watched, beats, label_error, label_hits, whole_sentence
from training.spark.tokenizer import encode, load_tokenizer
from training.spark.words import load_readers, save_readers
from training.spark.world import FACTORS, JUDGED, draw_factors, judged_labels

pytestmark = pytest.mark.torch
TOKENIZER = load_tokenizer()


def watched(seed=0):
    torch.manual_seed(seed)
    return Watched(Joint(SMOKE, TOKENIZER), TOKENIZER.eos_token_id)


def labels(count, seed=0):
    return judged_labels(draw_factors(count, torch.Generator().manual_seed(seed)))


def test_only_tokens_after_the_last_word_have_seen_the_whole_sentence():
    ids = encode(TOKENIZER, ["a red mug", ""])
    seen = whole_sentence(ids, TOKENIZER.eos_token_id)
    assert seen[0].tolist() == [False] * 4 + [True] * 73
    assert seen[1].tolist() == [False] + [True] * 76


def test_a_word_changes_what_the_end_of_the_text_says_and_nothing_before_it():
    encoder = watched().joint.text.eval()
    with torch.no_grad():
        one, other = encoder(encode(TOKENIZER, ["a red mug rising", "a red mug falling"]))[0]
    assert torch.allclose(one[:4], other[:4], atol=1e-5)
    assert ((one - other)[4:].abs().amax(1) > 1e-3).all()


def test_beats_tell_motions_and_moments_apart():
    found = beats(torch.arange(len(FACTORS["motion"])))
    assert found.shape == (10, 16, 30)
    assert found.square().mean().item() == pytest.approx(1, abs=0.15)
    assert torch.linalg.matrix_rank(found.flatten(0, 1)) == 30
    assert torch.equal(beats(torch.tensor([3]), every=2), found[3:4, ::2])


def test_a_caption_that_was_taken_away_teaches_the_text_nothing():
    net, wanted = watched(), labels(2)
    ids = encode(TOKENIZER, ["a red mug rising", ""])
    text = net.joint.text(ids)[0]
    both = net.words_error(text, ids, wanted, torch.tensor([1.0, 0.0]))
    alone = net.words_error(text[:1], ids[:1], wanted[:1], torch.ones(1))
    assert torch.allclose(both, alone)


def test_label_error_is_small_where_the_right_labels_are_told():
    wanted = labels(4)
    sizes = [len(FACTORS[f]) for f in JUDGED]
    parts = [torch.nn.functional.one_hot(wanted[:, i], n) for i, n in enumerate(sizes)]
    right = 20.0 * torch.cat(parts, 1)
    assert label_error(right, wanted).max() < 1e-3
    assert label_hits(right, wanted).all()
    assert label_error(right.roll(1, 0), wanted).mean() > 5


def test_readers_pull_on_words_and_on_every_frame():
    net, wanted = watched(), labels(1)
    # Branches start at zero; any weights will do here.
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    noisy = torch.randn(1, SMOKE.latent, 8, 8, 8)
    ids = encode(TOKENIZER, ["a red mug rising"])
    t = torch.tensor([999])
    v, words, read = net(ids, noisy, t, wanted, torch.ones(1))
    assert torch.allclose(v, net.joint(ids, noisy, t), atol=1e-5)
    (words + read.sum()).backward()
    assert net.joint.text.get_input_embeddings().weight.grad.abs().sum() > 0
    pulled = {n for n, p in net.joint.unet.named_parameters() if p.grad is not None}
    assert any("motion_modules" in n for n in pulled)
    assert not any(block._forward_hooks for block in net.joint.unet.modules())


def test_every_second_frame_keeps_its_place_in_time():
    unet = watched().joint.unet
    place = next(m for m in unet.modules() if hasattr(m, "pe"))
    whole = place.pe.clone()
    with _apart(unet, 2):
        assert torch.equal(place.pe[:, :8], whole[:, :16:2])
    assert torch.equal(place.pe, whole)


def test_most_lessons_are_where_words_decide():
    torch.manual_seed(0)
    t = moments(20_000, torch.device("cpu"))
    assert (t.min() >= 0) and (t.max() == 999)
    assert (t == 999).float().mean().item() == pytest.approx(0.15, abs=0.02)
    assert (t >= 800).float().mean().item() == pytest.approx(0.68, abs=0.02)


def test_captions_are_taken_away_by_rows():
    ids, blank = torch.arange(12).view(4, 3), torch.full((1, 3), -1)
    assert torch.equal(blanked(ids, blank, 0.0), ids)
    assert (blanked(ids, blank, 1.1) == -1).all()


def test_readers_are_kept_beside_the_networks(tmp_path):
    one, other = watched(1), watched(2)
    save_readers(one, tmp_path)
    load_readers(other, tmp_path)
    assert torch.equal(one.words.weight, other.words.weight)
    assert torch.equal(one.places[2].beat.bias, other.places[2].beat.bias)
    assert not torch.equal(one.joint.unet.conv_in.weight, other.joint.unet.conv_in.weight)
