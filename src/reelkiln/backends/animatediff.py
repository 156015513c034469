"""The family "animatediff": Stable Diffusion 1.5 with a motion adapter, by diffusers.

Sources of a card: "model" is a Stable Diffusion repository, "motion" a motion adapter, either a
repository with a `config.json` or a single safetensors file shaped for that model (the way
few-step adapters are published).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelkiln.backends.arrange import Arrangement, memory_peak, quick_sums
from reelkiln.backends.emphasis import beyond, embed, weighted
from reelkiln.backends.latents import Latents
from reelkiln.backends.libraries import library_problems, quiet
from reelkiln.backends.load import load_part
from reelkiln.backends.motion import calm
from reelkiln.backends.opening import opened
from reelkiln.backends.pixels import to_pixels
from reelkiln.backends.schedule import make_scheduler, schedule_problems
from reelkiln.backends.seam import Finding, Folders, OnStep, Peak, Session, Step
from reelkiln.backends.wall import Steps, wall
from reelkiln.backends.weights import (
    Part,
    file_problems,
    only_file,
    part_problems,
    read_json,
    text_problems,
)
from reelkiln.backends.windows import Windows
from reelkiln.errors import ReelkilnError, UsageError, WeightsMissing
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan
from reelkiln.reel import Clip, Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AnimateDiffFamily"]

UNET = Part("unet", "UNet2DConditionModel")
VAE = Part("vae", "AutoencoderKL")
TEXT = Part("text_encoder", "CLIPTextModel", stem="model")
MOTION = Part("", "MotionAdapter")
TINY_VAE = Part("", "AutoencoderTiny")
TINY_DECODER = "tiny_decoder"
"""The source of a card that holds a small decoder of the same latents."""


class AnimateDiffFamily:
    """`Backend` of the family "animatediff"."""

    def check(self, card: Card, folders: Folders) -> tuple[Finding, ...]:
        """See `seam.Backend.check`. Reads headers only: milliseconds."""
        return tuple(Finding(error.message, error.hint) for error in _problems(card, folders))

    @contextmanager
    def open(self, plan: Plan, card: Card, folders: Folders, on_step: OnStep) -> Iterator[Session]:
        """See `seam.Backend.open`."""
        quick = card.presets[plan.preset].quick_sums and plan.dtype == "float16"
        problems = _problems(card, folders)
        with (
            opened(
                plan, card, problems, on_step, lambda steps: _Session(plan, card, folders, steps)
            ) as session,
            quick_sums(quick),
        ):
            yield session


class _Session:
    """`Session` of the family "animatediff"."""

    def __init__(self, plan: Plan, card: Card, folders: Folders, steps: Steps) -> None:
        self._plan, self._card, self._folders = plan, card, folders
        self._arrangement = Arrangement(plan)
        self._words: dict[tuple[str, str], tuple[Any, Any]] = {}
        self._pipe = _load(plan, card, folders, steps)
        self._windows = Windows(self._pipe, plan.reach)
        calm(self._pipe.unet, plan.motion)
        every = card.presets[plan.preset].cache_every
        self._arrangement.prepare(self._pipe, self._pipe.unet, every)

    def encode(self, segments: Sequence[Segment], on_step: OnStep) -> None:
        """See `seam.Session.encode`. The words of the plan's own segments are encoded with them."""
        steps = Steps(on_step)
        every = (*segments, *self._plan.segments)
        new = sorted({_words(segment) for segment in every} - set(self._words))
        with self._guarded(steps):
            steps(Step("encode", 0, max(len(new), 1)))
            if new:
                self._encode_all(new, steps)
            else:
                steps(Step("encode", 1, 1))

    def denoise(self, segment: Segment, on_step: OnStep, lead: Clip | None = None) -> Latents:
        """See `seam.Session.denoise`.

        Raises:
            UsageError: a start picture or a lead is given, which this family cannot follow.
        """
        if segment.image is not None or segment.lead_frames or lead is not None:
            raise UsageError(
                f"{self._card.name} renders from words alone, not from a picture or other frames",
                hint="Choose a model that takes a start picture, or leave the picture out.",
            )
        if _words(segment) not in self._words:
            self.encode((segment,), on_step)
        steps = Steps(on_step)
        with self._guarded(steps):
            latents = self._denoise(segment, self._words[_words(segment)], steps)
            return Latents({"latents": latents.float().cpu().numpy()})

    def decode(self, latents: Latents, on_step: OnStep) -> Clip:
        """See `seam.Session.decode`."""
        import torch

        steps = Steps(on_step)
        with self._guarded(steps):
            kept = torch.from_numpy(latents.array("latents"))
            dtype = getattr(torch, self._plan.dtype)
            frames, finite = self._decode(kept.to(self._arrangement.device, dtype), steps)
        return Clip(frames, self._plan.fps, finite / frames.size)

    def render(self, segment: Segment, on_step: OnStep, lead: Clip | None = None) -> Clip:
        """See `seam.Session.render`."""
        self.encode((segment,), on_step)
        return self.decode(self.denoise(segment, on_step, lead), on_step)

    @contextmanager
    def _guarded(self, steps: Steps) -> Iterator[None]:
        """Nothing foreign gets out, nothing is printed, no gradient is kept."""
        import torch

        with wall("render", self._card.name, steps), quiet(), torch.no_grad():
            yield

    def unread(self, segment: Segment) -> str:
        """See `seam.Session.unread`."""
        negative = segment.negative if self._plan.guidance > 1 else ""
        with quiet():
            told = [beyond(self._pipe.tokenizer, words) for words in (segment.prompt, negative)]
        return "; ".join(filter(None, told))

    def peak(self) -> Peak:
        """See `seam.Session.peak`."""
        return memory_peak(self._plan)

    def close(self) -> None:
        """Let go of every tensor."""
        self._arrangement.close()
        del self._pipe, self._windows
        self._words.clear()

    def _encode_all(self, words: Sequence[tuple[str, str]], steps: Steps) -> None:
        """Embeddings of each prompt and, with guidance, of its negative: (1, tokens, width) each.

        All at once, so that the encoder can leave before denoising.
        """
        pipe, device = self._pipe, self._arrangement.device
        if pipe.text_encoder is None:
            pipe.register_modules(text_encoder=_load_text(self._plan, self._card, self._folders))
        with self._arrangement.on_device(pipe.text_encoder):
            for done, (prompt, negative) in enumerate(words, 1):
                self._words[prompt, negative] = pipe.encode_prompt(
                    None if weighted(prompt) else prompt,
                    device,
                    1,
                    self._plan.guidance > 1,
                    negative,
                    prompt_embeds=self._emphasised(prompt),
                    negative_prompt_embeds=self._emphasised(negative),
                )
                steps(Step("encode", done, len(words)))
        if self._plan.rung.residence != "resident":
            self._arrangement.leave()
            pipe.register_modules(text_encoder=None)

    def _emphasised(self, words: str) -> Any:
        """Embeddings of words with weights in them, None for plain ones."""
        if not weighted(words):
            return None
        pipe = self._pipe
        return embed(pipe.tokenizer, pipe.text_encoder, words, self._arrangement.device)

    def _denoise(self, segment: Segment, words: tuple[Any, Any], steps: Steps) -> Any:
        """Latents of shape (1, channels, frames, height / 8, width / 8)."""
        import torch

        plan, pipe = self._plan, self._pipe
        steps(Step("denoise", 0, plan.steps))

        def step_done(_pipe: Any, index: int, _time: Any, _tensors: Any) -> dict[str, Any]:
            steps(Step("denoise", index + 1, plan.steps))
            return {}

        self._windows.fit(segment.frames)
        with self._arrangement.on_device(pipe.unet):
            return pipe(
                prompt_embeds=words[0],
                negative_prompt_embeds=words[1],
                num_frames=segment.frames,
                width=plan.size.width,
                height=plan.size.height,
                num_inference_steps=plan.steps,
                guidance_scale=plan.guidance,
                # On the host, so that a seed means the same noise on every device.
                generator=torch.Generator("cpu").manual_seed(segment.seed),
                output_type="latent",
                callback_on_step_end=step_done,
                # Asked for tensors, the pipeline calls locals(), and an error kept by somebody then
                # keeps every tensor of the render: Python 3.11 clears frames, not that dictionary.
                callback_on_step_end_tensor_inputs=[],
            ).frames

    def _decode(self, latents: Any, steps: Steps) -> tuple[NDArray[np.uint8], int]:
        """Pixels, uint8 (frames, height, width, 3), and how many values were finite."""
        import numpy as np

        vae, count = self._pipe.vae, latents.shape[2]
        pictures = latents[0].permute(1, 0, 2, 3) * (1 / vae.config.scaling_factor)
        at_once = count if self._plan.rung.decode == "whole" else 1
        chunks, finite = [], 0
        steps(Step("decode", 0, count))
        with self._arrangement.on_device(vae):
            for start in range(0, count, at_once):
                decoded = vae.decode(pictures[start : start + at_once]).sample
                pixels, good = to_pixels(decoded)
                chunks.append(pixels)
                finite += good
                steps(Step("decode", start + len(pixels), count))
        return np.concatenate(chunks), finite


def _words(segment: Segment) -> tuple[str, str]:
    return segment.prompt, segment.negative


# ── loading ──────────────────────────────────────────────────────────────────────────────────────


def _problems(card: Card, folders: Folders) -> Iterator[ReelkilnError]:
    yield from library_problems(card)
    yield from schedule_problems(card)
    for name in ("model", "motion"):
        if not folders.get(name, Path()).is_dir() or name not in folders:
            yield WeightsMissing(
                f"the weights of {card.name} are not on the disk ({name})",
                hint=f"Get them with `reelkiln models pull {card.name}`.",
            )
            return
    model, motion = folders["model"], folders["motion"]
    for part in (TEXT, VAE, UNET):
        yield from part_problems(model, part, card.name)
    for file in ("scheduler/scheduler_config.json", "tokenizer/vocab.json"):
        yield from text_problems(model / file, card.name)
    yield from text_problems(model / "tokenizer/merges.txt", card.name)
    if TINY_DECODER in folders:
        yield from part_problems(folders[TINY_DECODER], TINY_VAE, card.name)
    if (motion / "config.json").is_file():
        yield from part_problems(motion, MOTION, card.name)
        return
    yield from file_problems(motion, card.name)


def _load(plan: Plan, card: Card, folders: Folders, steps: Steps) -> Any:
    """The pipeline, its parts in host memory at the plan's dtype, without a duplicate adapter."""
    from diffusers import AnimateDiffPipeline
    from transformers import CLIPTokenizer

    model, preset = folders["model"], card.presets[plan.preset]
    parts: dict[str, Any] = {"motion_adapter": None}
    loads: dict[str, Callable[[], Any]] = {
        "text_encoder": lambda: _load_text(plan, card, folders),
        "vae": lambda: _load_decoder(plan, card, folders),
        "unet": lambda: _load_unet(plan, card, folders),
        "tokenizer": lambda: CLIPTokenizer.from_pretrained(
            model / "tokenizer", local_files_only=True
        ),
        "scheduler": lambda: make_scheduler(
            preset.scheduler,
            read_json(model / "scheduler" / "scheduler_config.json", card.name),
            preset.schedule,
        ),
    }
    steps(Step("load", 0, len(loads)))
    for done, (name, load) in enumerate(loads.items(), start=1):
        with wall("load", card.name, steps, str(model / name)):
            parts[name] = load()
        steps(Step("load", done, len(loads)))
    pipe = AnimateDiffPipeline(**parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _load_decoder(plan: Plan, card: Card, folders: Folders) -> Any:
    """The model's own autoencoder, or the tiny decoder that the preset adds."""
    from diffusers import AutoencoderKL, AutoencoderTiny

    if TINY_DECODER in card.presets[plan.preset].adds:
        folder = folders.get(TINY_DECODER)
        if folder is None:
            raise WeightsMissing(
                f"the small decoder of {card.name} is not on the disk",
                hint=f"Get it with `reelkiln models pull {card.name} --preset {plan.preset}`.",
            )
        return load_part(AutoencoderTiny, folder, TINY_VAE, plan.dtype, card.name)
    return load_part(AutoencoderKL, folders["model"], VAE, plan.dtype, card.name)


def _load_text(plan: Plan, card: Card, folders: Folders) -> Any:
    from transformers import CLIPTextModel

    return load_part(CLIPTextModel, folders["model"], TEXT, plan.dtype, card.name)


def _load_unet(plan: Plan, card: Card, folders: Folders) -> Any:
    """The picture network and the motion modules as one, each weight in memory once.

    The merged network is built without storage and takes over the tensors of both, where diffusers'
    own merge fills a third copy in 32 bits: 5.2 GiB for Stable Diffusion 1.5.
    """
    import torch
    from diffusers import UNet2DConditionModel, UNetMotionModel

    unet = load_part(UNet2DConditionModel, folders["model"], UNET, plan.dtype, card.name)
    adapter = _load_motion(plan, card, folders["motion"], unet.config)
    with torch.device("meta"):
        merged = UNetMotionModel.from_unet2d(unet, adapter, load_weights=False)
    merged.load_state_dict({**unet.state_dict(), **adapter.state_dict()}, assign=True)
    return merged.eval().requires_grad_(False)


def _load_motion(plan: Plan, card: Card, folder: Path, unet: Any) -> Any:
    import torch
    from diffusers import MotionAdapter
    from safetensors.torch import load_file

    if (folder / "config.json").is_file():
        return load_part(MotionAdapter, folder, MOTION, plan.dtype, card.name)
    dtype = getattr(torch, plan.dtype)
    weights = {
        key: value.to(dtype) for key, value in load_file(only_file(folder, card.name)).items()
    }
    longest = next(v.shape[1] for k, v in weights.items() if k.endswith("pos_embed.pe"))
    with torch.device("meta"):
        adapter = MotionAdapter(
            block_out_channels=unet.block_out_channels,
            motion_layers_per_block=unet.layers_per_block,
            motion_norm_num_groups=unet.norm_num_groups,
            motion_max_seq_length=longest,
            use_motion_mid_block=any(key.startswith("mid_block.") for key in weights),
        )
    adapter.load_state_dict(weights, assign=True)
    return adapter
