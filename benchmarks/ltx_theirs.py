"""What LTX-Video is compared with: diffusers' own pipeline, and AnimateDiff as the user ran it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers import (
    AnimateDiffPipeline,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    LTXConditionPipeline,
    UNetMotionModel,
)

from held import Ram, capped, cells, let_go, pinned, ran_out, told, wall_time
from ltx_cases import Bench, Case
from reelkiln.backends import tiny
from reelkiln.backends.libraries import quiet
from reelkiln.backends.ltx_files import load_transformer, load_vae
from reelkiln.backends.tiny_ltx import FULL_LTX, TINY_LTX
from reelkiln.plan.machine import GiB


def diffusers_pipe(bench: Bench) -> Any:
    """The library's own pipeline with transformer and autoencoder whole, in 16 bits."""
    (file,) = bench.folders["model"].glob("*.safetensors")
    with quiet():
        vae = load_vae(file, "bfloat16", "decoder", model="")
        vae.encoder = load_vae(file, "bfloat16", "encoder", model="").encoder
        pipe = LTXConditionPipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(),
            vae=vae,
            text_encoder=None,
            tokenizer=None,
            transformer=load_transformer(file, "bfloat16", narrow=False, model=""),
        )
    pipe.set_progress_bar_config(disable=True)
    return pipe


@dataclass(frozen=True)
class Row:
    """One clip, or what became of it: seconds of loading, encoding, denoising, decoding, and of the
    whole clip without loading; GiB of the GPU, of private and of pinned memory."""

    case: str
    cap: str
    way: str
    figures: tuple[float, ...]
    said: str = ""

    @property
    def together(self) -> float:
        """Seconds from the prompt to the frames."""
        return self.figures[4]

    def __str__(self) -> str:
        """The row of a table."""
        rest = cells(self.figures) if self.figures else f"{self.said} |" + " |" * 7
        return f"| {self.case} | {self.cap} | {self.way} | {rest}"

    @classmethod
    def read(cls, line: str) -> Row | None:
        """The row that was printed as this line; None: it is none."""
        parts = [part.strip() for part in line.strip().strip("|").split("|")]
        if not line.startswith("| ") or len(parts) != 11:
            return None
        try:
            return cls(*parts[:3], tuple(map(float, parts[3:])))
        except ValueError:
            return cls(*parts[:3], (), parts[3])


def theirs(  # noqa: PLR0917 - the columns of a row, in their order
    bench: Bench,
    cases: Sequence[Case],
    cap: float,
    name: str,
    ready: Callable[[Any], None],
    clips: int = 1,
) -> list[Row]:
    """The figures of the library's pipeline, words given as embeddings, printed as they come: made
    ready once for all cases, and anew after one that failed. A case with no memory to be decoded in
    one go is tried again in tiles, as are those after it; whatever a way raises is its row."""
    kept: list[Any] = []
    rows: list[Row] = []
    tiled = False
    with capped(cap), told(cap), quiet(), torch.no_grad():
        for case in cases:
            before = len(rows)
            for again in (False, True) if not tiled else (True,):
                head = Row(f"{case.name}, words kept", f"{cap or 'none'}", name, ())
                found, short = _tried(bench, case, head, ready, kept, clips, tiled=again)
                rows += found
                if not short:
                    break
                tiled = True
            for row in rows[before:]:
                print(row, flush=True)
        kept.clear()
        let_go()
    return rows


def _tried(  # noqa: PLR0917 - what a case is tried with
    bench: Bench,
    case: Case,
    head: Row,
    ready: Callable[[Any], None],
    kept: list[Any],
    clips: int,
    *,
    tiled: bool,
) -> tuple[list[Row], bool]:
    """A row for each clip, and whether memory was short. `kept` holds the pipeline and the seconds
    that it took to load, or nothing: it is filled here, and emptied by a failure."""
    head = replace(head, way=f"{head.way}{', tiles' if tiled else ''}")
    marks: list[float] = []
    try:
        if not kept:
            begun = wall_time()
            pipe = diffusers_pipe(bench)
            ready(pipe)
            if tiled:
                pipe.vae.enable_tiling()
                pipe.vae.use_framewise_decoding = True
            kept[:] = pipe, wall_time() - begun
        found = _clips(bench, case, kept[0], marks, clips)
        return [replace(head, figures=(kept[1], *figures)) for figures in found], False
    except Exception as error:  # noqa: BLE001 - what a way raises is a result
        short = ran_out(error)
        why = " ".join(str(error).split()).replace("|", "/")
        what = "out of memory" if short else type(error).__name__
        said = f"{what} after {len(marks)} steps: {why:.120}"
        if not short:
            traceback.print_exc()
    kept.clear()
    pipe = None
    let_go()
    return [replace(head, said=said)], short


def _clips(
    bench: Bench, case: Case, pipe: Any, marks: list[float], clips: int
) -> list[tuple[float, ...]]:
    """Encode, denoise, decode and together in seconds, memory of the GPU, private and pinned
    memory in GiB: of so many clips after one that warms up. `marks` gets when each step of a clip
    was done."""
    size, width = bench.size(case), bench.card.tokens

    def step_done(_pipe: Any, _index: int, _time: Any, _more: Any) -> dict[str, Any]:
        marks.append(wall_time())
        return {}

    hidden = FULL_LTX.text[0] if not bench.shrink else TINY_LTX.text[0]
    words = torch.randn(1, width, hidden, dtype=torch.bfloat16, device=bench.device)
    mask = torch.ones(1, width, dtype=torch.bool, device=bench.device)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    found: list[tuple[float, ...]] = []
    with Ram() as ram:
        for _ in range(1 + clips):
            marks.clear()
            start = wall_time()
            pipe(
                prompt_embeds=words,
                prompt_attention_mask=mask,
                num_frames=case.frames,
                width=size.width,
                height=size.height,
                frame_rate=24,
                timesteps=[1000 * s for s in bench.card.presets["standard"].sigmas],
                guidance_scale=1.0,
                decode_timestep=0.05,
                decode_noise_scale=0.025,
                generator=torch.Generator("cpu").manual_seed(1),
                output_type="np",
                callback_on_step_end=step_done,
                callback_on_step_end_tensor_inputs=[],
            )
            end = wall_time()
            peak = torch.cuda.max_memory_reserved() if torch.cuda.is_available() else 0
            spent = (0.0, marks[-1] - start, end - marks[-1], end - start)
            found.append((*spent, peak / GiB, ram.most / GiB, pinned() / GiB))
    return found[1:]


def resident(pipe: Any) -> None:
    """Everything on the GPU."""
    pipe.to("cuda" if torch.cuda.is_available() else "cpu")


def sequential(pipe: Any) -> None:
    """The way the user had: one layer on the GPU at a time, the picture decoded in tiles."""
    pipe.vae.enable_tiling()
    if torch.cuda.is_available():
        pipe.enable_sequential_cpu_offload()


def leaf_group(pipe: Any) -> None:
    """diffusers' memory recipe: groups of leaves, with a stream."""
    _grouped(pipe.transformer, offload_type="leaf_level")
    _grouped(pipe.vae, offload_type="leaf_level")


def block_group(pipe: Any) -> None:
    """diffusers' memory recipe: one block of the transformer at a time, with a stream."""
    _grouped(pipe.transformer, offload_type="block_level", num_blocks_per_group=1)
    _grouped(pipe.vae, offload_type="leaf_level")


def _grouped(network: Any, **options: Any) -> None:
    if torch.cuda.is_available():
        cuda, cpu = torch.device("cuda"), torch.device("cpu")
        network.enable_group_offload(
            onload_device=cuda, offload_device=cpu, use_stream=True, **options
        )


def model_offload(pipe: Any) -> None:
    """diffusers' memory recipe: one network on the GPU at a time."""
    if torch.cuda.is_available():
        pipe.enable_model_cpu_offload()


def narrow_offload(pipe: Any) -> None:
    """diffusers' memory recipe: layers kept in 8 bits, one network on the GPU at a time."""
    pipe.transformer.enable_layerwise_casting(
        storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.bfloat16
    )
    model_offload(pipe)


def diffusers_mm(pipe: Any) -> None:
    """A peer, as its README says: it chooses by what memory is free."""
    from diffusers_mm import managed  # noqa: PLC0415 - only where it is measured

    managed(pipe)


def mmgp(pipe: Any) -> None:
    """A peer, for measurement alone: its licence keeps it out of the project. Its profile for much
    RAM and little GPU memory, pinned, without its rounding of weights to 8 bits."""
    _mmgp(pipe, 2, quantizeTransformer=False)


def mmgp_as_it_comes(pipe: Any) -> None:
    """Its profile for little memory of both kinds, with its rounding of weights to 8 bits."""
    _mmgp(pipe, 4)


def _mmgp(pipe: Any, profile: int, **more: Any) -> None:
    from mmgp import offload, profile_type  # noqa: PLC0415 - only where it is measured

    parts = {"transformer": pipe.transformer, "vae": pipe.vae}
    offload.profile(parts, profile_type(profile), verboseLevel=1, **more)


OURS, RESIDENT = "reelkiln", "diffusers, everything resident"
RECIPES: dict[str, Callable[[Any], None]] = {
    "diffusers, leaf-level group offload": leaf_group,
    "diffusers, block-level group offload": block_group,
    "diffusers, model offload": model_offload,
    "diffusers, 8-bit layers and model offload": narrow_offload,
}
PEERS: dict[str, Callable[[Any], None]] = {
    "diffusers-mm, managed()": diffusers_mm,
    "mmgp, profile 2 in 16 bits": mmgp,
    "mmgp, profile 4 as it comes": mmgp_as_it_comes,
}
"""These change the libraries they are imported beside: each runs in a process of its own."""


def users_way(bench: Bench, cap: float, steps: int = 25) -> None:
    """Print what AnimateDiff takes for two seconds in the user's configuration."""
    scale, side = (tiny.TINY, 64) if bench.shrink else (tiny.FULL, 512)
    told = f"| AnimateDiff, 16 frames 512x512, {steps} guided steps | {cap} |"
    told += " sequential offload, slices |"
    with quiet(), torch.device(bench.device):
        unet = UNetMotionModel.from_unet2d(tiny._unet(scale), tiny._adapter(scale))
        vae = tiny._vae(scale)
    marks: list[float] = []

    def step_done(_pipe: Any, _index: int, _time: Any, _more: Any) -> dict[str, Any]:
        marks.append(wall_time())
        return {}

    pipe = AnimateDiffPipeline(
        vae=vae.to("cpu", torch.float16).eval(),
        text_encoder=None,
        tokenizer=None,
        unet=unet.to("cpu", torch.float16).eval(),
        motion_adapter=None,
        scheduler=EulerDiscreteScheduler(beta_schedule="linear"),
    )
    del unet, vae
    pipe.set_progress_bar_config(disable=True)
    pipe.vae.enable_slicing()
    pipe.vae.enable_tiling()
    with capped(cap), quiet(), torch.no_grad():
        if bench.device == "cuda":
            pipe.enable_sequential_cpu_offload()
        width = scale.text[0]
        words = torch.randn(1, 77, width, dtype=torch.float16, device=bench.device)
        for count in (2, steps):
            marks.clear()
            start = wall_time()
            pipe(
                prompt_embeds=words,
                negative_prompt_embeds=words,
                num_frames=16,
                width=side,
                height=side,
                num_inference_steps=count,
                guidance_scale=7.5,
                output_type="np",
                decode_chunk_size=1,
                callback_on_step_end=step_done,
                callback_on_step_end_tensor_inputs=[],
            )
            end = wall_time()
        peak = torch.cuda.max_memory_reserved() if bench.device == "cuda" else 0
    figures = [0.0, 0.0, marks[-1] - start, end - marks[-1], end - start, peak / GiB, 0.0, 0.0]
    print(told, cells(figures), flush=True)
