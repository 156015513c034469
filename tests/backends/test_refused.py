"""What the model libraries offer and what does nothing, breaks, or costs more than it saves.

Each was tried (docs/measured) with diffusers 0.42: none may come back into the source unnoticed.
"""

from dataclasses import replace
from pathlib import Path

import pytest

import reelkiln
from plan.toys import CARDS, LED
from reelkiln.plan.ladder import CPU_LADDER, LADDER, NARROW, Rung, illegal, rungs

SOURCE = "\n".join(
    path.read_text("utf-8") for path in (Path(reelkiln.__file__).parent / "backends").glob("*.py")
)

REFUSED = {
    "enable_attention_slicing(": "a silent no-op for both families",
    "pipe.enable_vae_slicing(": "gone from these pipelines",
    "pipe.enable_vae_tiling(": "gone from these pipelines",
    "set_attention_backend(": "no effect here, and it changes the whole process",
    "enable_sequential_cpu_offload(": "pageable, synchronous, five times slower",
    "enable_model_cpu_offload(": "the whole network must fit",
    "enable_group_offload(": "a fresh allocation for every block of every step",
    "low_cpu_mem_usage=True": "with blocks four times slower",
    "enable_forward_chunking(": "thousands of calls, or sizes that do not divide",
    "enable_free_noise_split_inference(": "breaks picture prompts, 40 % slower",
    "fuse_qkv_projections(": "keeps the originals: more memory",
    "enable_cache(": "not there for motion modules, or fails while rendering",
    "apply_pyramid_attention_broadcast": "1.3 GiB of caches",
    "device_map=": "no split is known for these networks",
    "compile_repeated_blocks(": "no blocks are named for it",
    "cudnn.benchmark": "workspaces of hundreds of MiB",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_does_nothing_or_harm_is_not_called(words):
    assert words not in SOURCE, REFUSED[words]


WIDE = CARDS["epicrealism"]
CASTABLE = replace(
    WIDE,
    name="somebodys-own",
    parts=tuple(replace(part, castable=part.stage == "denoise") for part in WIDE.parts),
)


@pytest.mark.parametrize(
    ("rung", "card", "why"),
    [
        (Rung(residence="streamed"), CARDS["spark"], "cannot be streamed"),
        (Rung(residence="staged", storage_bits=8), CARDS["epicrealism"], "stored in 8 bits"),
        (Rung(residence="streamed", storage_bits=8), CASTABLE, "streamed in 8 bits"),
        (Rung(residence="cpu", storage_bits=8), LED, "nothing from 8 bits"),
        (Rung(residence="staged", decode="tiles"), CARDS["epicrealism"], "decoded in tiles"),
        (Rung(residence="staged", split=True), LED, "in chunks"),
    ],
)
def test_what_a_model_cannot_do_is_refused_with_the_reason(rung, card, why):
    assert why in illegal(rung, card)


@pytest.mark.parametrize("card", [*CARDS.values(), CASTABLE, LED], ids=lambda card: card.name)
def test_no_ladder_holds_a_rung_that_its_model_cannot_stand_on(card):
    for preset in card.presets.values():
        for gpu in (True, False):
            ladder = rungs(card, preset, gpu=gpu, bits=16)
            assert not [rung for rung in ladder if illegal(rung, card)]
            assert len(ladder) == len(set(ladder))


def test_two_passes_are_never_planned_without_guidance():
    few = CARDS["epicrealism-lightning"]
    ladder = rungs(few, few.presets["standard"], gpu=True, bits=16)
    assert not any(rung.two_pass for rung in ladder)
    assert any(rung.two_pass for rung in (*LADDER, *NARROW, *CPU_LADDER))
