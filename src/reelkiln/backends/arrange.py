"""A plan's rung, carried out: where each part of a pipeline lies, and when.

What each way costs was measured with full-size weights under an allocator cap, and is recorded in
`docs/measured/`. What diffusers accepts and what does nothing or harm is not here: attention
slicing (a silent no-op), VAE slicing on the pipeline (gone), group offloading (a fresh allocation
for every block of every step).
"""

from __future__ import annotations

import gc
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reelkiln.backends.chunks import in_chunks
from reelkiln.backends.eight_bits import is_narrow
from reelkiln.backends.probe import ram_peak
from reelkiln.backends.seam import Peak
from reelkiln.backends.steps_cache import StepCache
from reelkiln.backends.stream import Stream
from reelkiln.backends.units import worth_in
from reelkiln.backends.upload import Upload
from reelkiln.plan.plan import Plan

__all__ = ["Arrangement", "device_memory", "memory_peak", "quick_sums"]


class Arrangement:
    """Where the parts of one loaded pipeline lie."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stream: Stream | None = None
        self._streamed: Any = None
        self._cache: StepCache | None = None
        self._there: Any = None
        self._home: list[tuple[Any, Any]] = []

    @property
    def device(self) -> Any:
        """The torch device that computes."""
        import torch

        return torch.device(self._plan.device)

    def prepare(self, pipe: Any, denoiser: Any, cache_every: int = 1) -> None:
        """Rearrange a freshly loaded pipeline whose parts all lie in host memory.

        With `cache_every` above 1, a UNet with motion modules skips its deep layers in the other
        steps of a segment.

        The order matters: layers are split before hooks are hung on them, and passes go outermost.
        """
        import torch

        rung = self._plan.rung
        if rung.split:
            in_chunks(denoiser)
        if rung.storage_bits == 8 and not is_narrow(denoiser):
            compute = getattr(torch, self._plan.dtype)
            denoiser.enable_layerwise_casting(torch.float8_e4m3fn, compute_dtype=compute)
        if rung.residence == "resident":
            pipe.to(self.device)
        if rung.residence == "streamed":
            worth, kept = worth_in(denoiser), self._plan.kept_bytes
            self._stream = Stream(denoiser, self.device, kept=kept, worth=worth)
            self._streamed = denoiser
        if cache_every > 1:
            # Without guidance there is nothing to part: one call a step, whatever the rung says.
            passes = 2 if rung.two_pass and self._plan.guidance > 1 else 1
            self._cache = StepCache(denoiser, cache_every, passes)
        if rung.two_pass:
            _in_two_passes(denoiser)

    @contextmanager
    def on_device(self, part: Any) -> Iterator[None]:
        """Have one part of the pipeline on the device inside.

        A staged part stays until another one is wanted, so that a batch that goes stage by stage
        moves it once. Its host copy is kept meanwhile: coming back copies nothing.

        Features that steps took from earlier ones are forgotten at the end: they are another
        segment's no more, and decoding needs their room.
        """
        if self._plan.rung.residence in ("staged", "streamed") and part is not self._there:
            self.leave()
            self._go(part)
        try:
            yield
        finally:
            if self._cache is not None:
                self._cache.begin()

    def leave(self) -> None:
        """Free the device of the part that is there, and of what its stage left in the cache."""
        if self._there is None:
            return
        if self._stream is not None:
            self._stream.leave()
        for tensor, data in self._home:
            tensor.data = data
        self._there, self._home = None, []
        if self._plan.device == "cuda":
            import torch

            torch.cuda.empty_cache()

    def close(self) -> None:
        """Free the device and what is pinned of the host's memory."""
        self.leave()
        if self._stream is not None:
            self._stream.close()
        self._stream = self._streamed = self._cache = None

    def _go(self, part: Any) -> None:
        self._there = part
        if self._stream is not None and part is self._streamed:
            self._stream.enter()
            return
        upload = Upload(self.device)
        for tensor in (*part.parameters(), *part.buffers()):
            # Noted before it goes: out of memory half way must find every tensor's way home.
            self._home.append((tensor, tensor.data))
            tensor.data = upload(tensor.data)


def _in_two_passes(denoiser: Any) -> None:
    """Run a guided batch of two as two calls: half the working memory, the same arithmetic.

    Pipelines repeat the words for every frame, so the rows of a half are counted, not assumed.
    """
    import torch

    whole = denoiser.forward

    def forward(*given: Any, **named: Any) -> Any:
        tensors = [value for value in (*given, *named.values()) if isinstance(value, torch.Tensor)]
        count = tensors[0].shape[0]
        halves = [
            whole(
                *(_part(value, index, count) for value in given),
                **{name: _part(value, index, count) for name, value in named.items()},
            )
            for index in range(count)
        ]
        if isinstance(halves[0], tuple):
            return (torch.cat([half[0] for half in halves]),)
        return type(halves[0])(sample=torch.cat([half.sample for half in halves]))

    denoiser.forward = forward


def _part(value: Any, index: int, count: int) -> Any:
    """The rows of one guidance half; what has no rows is for both."""
    import torch

    if not isinstance(value, torch.Tensor) or value.ndim == 0 or value.shape[0] % count:
        return value
    return value.chunk(count)[index]


@contextmanager
def device_memory(plan: Plan) -> Iterator[None]:
    """Count the device's memory from zero inside, and leave nothing on it afterwards.

    Under Windows the driver pages device memory to host memory without a word, which is ten times
    slower; a capped allocator says instead that memory is short, which can be acted upon.
    """
    if plan.device != "cuda":
        try:
            yield
        finally:
            gc.collect()
        return
    import torch

    capped = platform.system() == "Windows"
    if capped:
        free, total = torch.cuda.mem_get_info()
        torch.cuda.set_per_process_memory_fraction(min(1.0, free / total))
    torch.cuda.reset_peak_memory_stats()
    try:
        yield
    finally:
        gc.collect()
        torch.cuda.empty_cache()
        if capped:
            torch.cuda.set_per_process_memory_fraction(1.0)


@contextmanager
def quick_sums(wanted: bool) -> Iterator[None]:
    """Let 16-bit matrix products be summed up in 16 bits inside, where torch can (from 2.7)."""
    import torch

    matmul = torch.backends.cuda.matmul
    if not wanted or not hasattr(matmul, "allow_fp16_accumulation"):
        yield
        return
    before = matmul.allow_fp16_accumulation
    matmul.allow_fp16_accumulation = True
    try:
        yield
    finally:
        matmul.allow_fp16_accumulation = before


def memory_peak(plan: Plan) -> Peak:
    """The most held: by the allocator since `device_memory` began, by the process ever."""
    if plan.device != "cuda":
        return Peak(vram=0, ram=ram_peak())
    import torch

    return Peak(vram=int(torch.cuda.max_memory_reserved()), ram=ram_peak())
