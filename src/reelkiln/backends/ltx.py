"""The family "ltx": LTX-Video from version 0.9.5 on, by diffusers' LTXConditionPipeline.

Sources of a card: "model" holds one safetensors file with transformer and autoencoder, and the
folder `tokenizer`; "encoder" holds the text encoder T5-XXL in one or more safetensors files.

Words are encoded first and kept (`words_cache.py`); the encoder is streamed and never stays
(`t5.py`). A start picture, or the last frames of the segment before, stand at frame 0 and are not
denoised. Keys of `Preset.schedule` that are not the scheduler's: `decode_timestep` and
`decode_noise_scale` (what the decoder was trained to be told), `guidance_rescale`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reelkiln.backends.arrange import Arrangement, memory_peak
from reelkiln.backends.latents import Latents
from reelkiln.backends.libraries import quiet
from reelkiln.backends.ltx_checks import model_file, problems
from reelkiln.backends.ltx_decode import decode_windows, tiled
from reelkiln.backends.ltx_files import load_transformer, load_vae
from reelkiln.backends.ltx_lead import beginning
from reelkiln.backends.ltx_lean import lean
from reelkiln.backends.ltx_words import Words
from reelkiln.backends.opening import opened
from reelkiln.backends.pixels import to_pixels
from reelkiln.backends.schedule import make_scheduler
from reelkiln.backends.seam import Finding, Folders, OnStep, Peak, Session, Step
from reelkiln.backends.wall import Steps, wall
from reelkiln.errors import UsageError
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan
from reelkiln.reel import Clip, Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LtxFamily"]

OWN = ("decode_timestep", "decode_noise_scale", "guidance_rescale")
"""Keys of a preset's schedule that are not the scheduler's."""
AT_ONCE = 8
"""Frames turned into pixels at once: a value takes 12 bytes while it is rounded."""


class LtxFamily:
    """`Backend` of the family "ltx"."""

    def check(self, card: Card, folders: Folders) -> tuple[Finding, ...]:
        """See `seam.Backend.check`. Reads headers only: milliseconds."""
        return tuple(Finding(error.message, error.hint) for error in problems(card, folders))

    @contextmanager
    def open(self, plan: Plan, card: Card, folders: Folders, on_step: OnStep) -> Iterator[Session]:
        """See `seam.Backend.open`."""
        with opened(
            plan,
            card,
            problems(card, folders),
            on_step,
            lambda steps: _Session(plan, card, folders, steps),
        ) as session:
            yield session


class _Session:
    """`Session` of the family "ltx"."""

    def __init__(self, plan: Plan, card: Card, folders: Folders, steps: Steps) -> None:
        import torch

        self._plan, self._card = plan, card
        self._file = model_file(card, folders)
        self._arrangement = Arrangement(plan)
        self._dtype = getattr(torch, plan.dtype)
        steps(Step("load", 0, 3))
        self._words = Words(plan, card, folders)
        steps(Step("load", 1, 3))
        with wall("load", card.name, steps, str(self._file)):
            self._pipe = self._load_pipe()
        steps(Step("load", 2, 3))
        with wall("load", card.name, steps, str(self._file)):
            self._vae = load_vae(self._file, plan.dtype, "decoder", model=card.name)
            lean(self._vae.decoder)
            if plan.rung.residence == "resident":
                self._vae.to(self._arrangement.device)
        self._decode = self._decoder()
        steps(Step("load", 3, 3))

    # ── the seam ─────────────────────────────────────────────────────────────────────────────────

    def encode(self, segments: Sequence[Segment], on_step: OnStep) -> None:
        """See `seam.Session.encode`. Steps count the encoder's blocks."""
        steps = Steps(on_step)
        if not all(map(self._words.knows, segments)):
            self._arrangement.leave()  # the encoder's blocks need the room
        with self._guarded(steps):
            self._words.encode((*segments, *self._plan.segments), self._arrangement.device, steps)

    def denoise(self, segment: Segment, on_step: OnStep, lead: Clip | None = None) -> Latents:
        """See `seam.Session.denoise`. A start picture is a lead of one frame.

        Raises:
            UsageError: the segment wants a start picture or a lead, and none was handed in.
        """
        if lead is None and (segment.image is not None or segment.lead_frames):
            raise UsageError(
                f"segment {segment.index} of {self._card.name} continues from frames that are not"
                " there",
                hint="Hand in as lead the start picture, or the frames of the segment before.",
            )
        if not self._words.knows(segment):
            self.encode((segment,), on_step)
        steps = Steps(on_step)
        with self._guarded(steps):
            latents = self._denoise(segment, lead, steps)
            return Latents({"latents": latents.float().cpu().numpy()})

    def decode(self, latents: Latents, on_step: OnStep) -> Clip:
        """See `seam.Session.decode`."""
        import torch

        steps = Steps(on_step)
        with self._guarded(steps):
            kept = torch.from_numpy(latents.array("latents"))
            frames, finite = self._pictures(kept.to(self._arrangement.device, self._dtype), steps)
        return Clip(frames, self._plan.fps, finite / frames.size)

    def render(self, segment: Segment, on_step: OnStep, lead: Clip | None = None) -> Clip:
        """See `seam.Session.render`."""
        self.encode((segment,), on_step)
        return self.decode(self.denoise(segment, on_step, lead), on_step)

    def unread(self, segment: Segment) -> str:
        """See `seam.Session.unread`."""
        return self._words.unread(segment)

    def peak(self) -> Peak:
        """See `seam.Session.peak`."""
        return memory_peak(self._plan)

    def close(self) -> None:
        """Let go of every tensor."""
        self._arrangement.close()
        del self._pipe, self._vae, self._words, self._decode

    @contextmanager
    def _guarded(self, steps: Steps) -> Iterator[None]:
        """Nothing foreign gets out, nothing is printed, no gradient is kept."""
        import torch

        with wall("render", self._card.name, steps), quiet(), torch.no_grad():
            yield

    # ── denoising ────────────────────────────────────────────────────────────────────────────────

    def _load_pipe(self) -> Any:
        """The pipeline around the transformer alone: words come encoded, latents leave."""
        from diffusers import LTXConditionPipeline

        plan, preset = self._plan, self._card.presets[self._plan.preset]
        transformer = load_transformer(
            self._file, plan.dtype, narrow=plan.rung.storage_bits == 8, model=self._card.name
        )
        theirs = {key: value for key, value in preset.schedule.items() if key not in OWN}
        pipe = LTXConditionPipeline(
            scheduler=make_scheduler(preset.scheduler, {}, theirs),
            vae=None,
            text_encoder=None,
            tokenizer=None,
            transformer=transformer,
        )
        pipe.set_progress_bar_config(disable=True)
        self._arrangement.prepare(pipe, transformer)
        return pipe

    def _denoise(self, segment: Segment, lead: Clip | None, steps: Steps) -> Any:
        """Latents (1, channels, latent frames, height / 32, width / 32), ready for the decoder."""
        import torch

        plan, pipe, preset = self._plan, self._pipe, self._card.presets[self._plan.preset]
        steps(Step("denoise", 0, plan.steps))

        def step_done(_pipe: Any, index: int, _time: Any, _tensors: Any) -> dict[str, Any]:
            steps(Step("denoise", index + 1, plan.steps))
            return {}

        if lead is not None:
            self._arrangement.leave()  # the picture's encoder needs the room
        conditions, pipe.vae = beginning(
            lead,
            self._file,
            plan.size,
            dtype=plan.dtype,
            device=self._arrangement.device,
            model=self._card.name,
        )
        # On the host, so that a seed means the same noise on every device.
        generator = torch.Generator("cpu").manual_seed(segment.seed)
        with self._arrangement.on_device(pipe.transformer):
            latents = pipe(
                conditions=conditions,
                **self._words.of(segment, self._arrangement.device),
                num_frames=segment.frames,
                width=plan.size.width,
                height=plan.size.height,
                frame_rate=float(plan.fps),
                num_inference_steps=plan.steps,
                timesteps=[1000 * sigma for sigma in preset.sigmas] or None,
                guidance_scale=plan.guidance,
                guidance_rescale=float(preset.schedule.get("guidance_rescale", 0.0)),
                generator=generator,
                output_type="latent",
                callback_on_step_end=step_done,
                # See `animatediff.py`: asked for tensors, the pipeline calls locals().
                callback_on_step_end_tensor_inputs=[],
            ).frames
        return self._for_decoder(latents, generator)

    def _for_decoder(self, latents: Any, generator: Any) -> Any:
        """Latents in the decoder's own scale, with the little noise that it was trained for."""
        import torch

        vae, noise = self._vae, self._setting("decode_noise_scale", self._told)
        mean, std = (
            value.view(1, -1, 1, 1, 1).to(latents.device, latents.dtype)
            for value in (vae.latents_mean, vae.latents_std)
        )
        latents = (latents * std / vae.config.scaling_factor + mean).to(self._dtype)
        fresh = torch.randn(latents.shape, generator=generator, dtype=latents.dtype)
        return (1 - noise) * latents + noise * fresh.to(latents.device)

    # ── decoding ─────────────────────────────────────────────────────────────────────────────────

    @property
    def _told(self) -> float:
        """The time step that the decoder is told."""
        return self._setting("decode_timestep", 0.0)

    def _setting(self, name: str, default: float) -> float:
        return float(self._card.presets[self._plan.preset].schedule.get(name, default))

    def _decoder(self) -> Any:
        if self._plan.rung.decode == "tiles":
            return tiled(self._vae, self._card.costs.decode_tile, self._plan.tiling)
        return self._vae.decoder

    def _pictures(self, latents: Any, steps: Steps) -> tuple[NDArray[np.uint8], int]:
        """Pixels, uint8 (frames, height, width, 3), and how many values were finite."""
        import numpy as np
        import torch

        costs = self._card.costs
        windows = {"whole": 0, "long": costs.decode_long}
        window = windows.get(self._plan.rung.decode, costs.decode_window)
        told = torch.tensor([self._told], device=latents.device, dtype=latents.dtype)
        count = 8 * latents.shape[2] - 7
        pixels: list[NDArray[np.uint8]] = []
        done = finite = 0
        steps(Step("decode", 0, count))
        with self._arrangement.on_device(self._vae):
            for run in decode_windows(lambda part: self._decode(part, told), latents, window):
                for start in range(0, len(run), AT_ONCE):
                    chunk, good = to_pixels(run[start : start + AT_ONCE])
                    pixels.append(chunk)
                    finite += good
                    done += len(chunk)
                    steps(Step("decode", done, count))
        return np.concatenate(pixels), finite
