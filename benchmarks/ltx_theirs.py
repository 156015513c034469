"""What LTX-Video is compared with: diffusers' own pipeline, and AnimateDiff as the user ran it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import (
    AnimateDiffPipeline,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    LTXConditionPipeline,
    UNetMotionModel,
)

from held import Ram, capped, cells, wall_time
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


def theirs(bench: Bench, case: Case, cap: float, name: str, ready: Callable[[Any], None]) -> None:
    """Print the figures of the library's pipeline, words given as embeddings."""
    size, width = bench.size(case), bench.card.tokens
    told = f"| {case.name}, words kept | {cap or 'none'} | {name} |"
    marks: list[float] = []

    def step_done(_pipe: Any, _index: int, _time: Any, _more: Any) -> dict[str, Any]:
        marks.append(wall_time())
        return {}

    try:
        with capped(cap), Ram() as ram, quiet(), torch.no_grad():
            begun = wall_time()
            pipe = diffusers_pipe(bench)
            ready(pipe)
            loaded = wall_time() - begun
            hidden = FULL_LTX.text[0] if not bench.shrink else TINY_LTX.text[0]
            words = torch.randn(1, width, hidden, dtype=torch.bfloat16, device=bench.device)
            mask = torch.ones(1, width, dtype=torch.bool, device=bench.device)
            for _ in range(2):
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
            del pipe
        figures = [loaded, 0.0, marks[-1] - start, end - marks[-1], end - start]
        figures += [peak / GiB, ram.most / GiB, 0.0]
        print(told, cells(figures), flush=True)
    except RuntimeError as error:
        print(told, f"{str(error).splitlines()[0]:.90} | " + "| " * 7, flush=True)


def resident(pipe: Any) -> None:
    """Everything on the GPU."""
    pipe.to("cuda" if torch.cuda.is_available() else "cpu")


def sequential(pipe: Any) -> None:
    """The way the user had: one layer on the GPU at a time, the picture decoded in tiles."""
    pipe.vae.enable_tiling()
    if torch.cuda.is_available():
        pipe.enable_sequential_cpu_offload()


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
