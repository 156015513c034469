"""The wall of this room: errors of torch and the model libraries leave it as ours, or not at all.

`TABLE` names every foreign error that loading or rendering can raise and what it becomes. A test
walks the libraries' own error classes and fails when one of them is in no row.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, TypeAlias

from reelkiln.backends.seam import OnStep, Step
from reelkiln.errors import (
    MissingLibrary,
    OutOfMemory,
    ReelkilnError,
    RenderFailed,
    WeightsBroken,
)

__all__ = ["TABLE", "Steps", "Task", "table", "translate", "wall"]

Task: TypeAlias = Literal["load", "render"]
Meaning: TypeAlias = Literal["memory", "library", "weights", "failure"]

TABLE: Mapping[type[Exception], Mapping[Task, Meaning]] = {
    MemoryError: {"load": "memory", "render": "memory"},
    ImportError: {"load": "library", "render": "library"},
    # So are torch.OutOfMemoryError and torch.AcceleratorError; `_means` reads their words.
    RuntimeError: {"load": "weights", "render": "failure"},
    OSError: {"load": "weights", "render": "failure"},
    ValueError: {"load": "weights", "render": "failure"},
    LookupError: {"load": "weights", "render": "failure"},
    TypeError: {"load": "weights", "render": "failure"},
    ArithmeticError: {"load": "weights", "render": "failure"},
}
"""A foreign error, and its subclasses, to what it means while loading and while rendering.

Classes of the libraries that descend from Exception alone join them in `table`. What is in no row
is a mistake in this package and leaves as it is.
"""

OUT_OF_MEMORY = (
    "out of memory",  # torch.OutOfMemoryError; CUDA error 2, also while pinning host memory
    "DefaultCPUAllocator",  # torch on the CPU has no class for it
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",  # its handle did not fit
    "not enough memory",  # torch on the CPU under Windows
)
LINE = 240
"""Characters of a foreign message that are kept: torch adds a page of advice."""


class Steps:
    """The caller's `on_step`, remembering what it raised, so that the wall lets it through."""

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self.raised: BaseException | None = None

    def __call__(self, step: Step) -> None:
        """Report a step."""
        try:
            self._on_step(step)
        except BaseException as error:
            self.raised = error
            raise


@contextmanager
def wall(task: Task, model: str, steps: Steps, file: str = "") -> Iterator[None]:
    """Let nothing foreign out. Errors of ours and errors that `steps` raised pass unchanged.

    `file` is what is being read, where one file or folder can be named.

    What an error leaves behind it is freed: the frames of a failed render hold tensors, and would
    keep the device full for as long as somebody holds the error.
    """
    try:
        yield
    except tuple(table()) as error:
        traceback.clear_frames(error.__traceback__)
        ours = None if error is steps.raised else translate(error, task, model, file)
        if ours is None:
            raise
        raise ours from error


def table() -> Mapping[type[Exception], Mapping[Task, Meaning]]:
    """`TABLE` with the libraries' own classes. Imports torch."""
    import torch
    from huggingface_hub.errors import StrictDataclassError  # a configuration of transformers
    from safetensors import SafetensorError

    weights: Mapping[Task, Meaning] = {"load": "weights", "render": "failure"}
    failure: Mapping[Task, Meaning] = {"load": "failure", "render": "failure"}
    return {
        **TABLE,
        SafetensorError: weights,
        StrictDataclassError: weights,
        torch.FatalError: failure,
        torch.cuda.DeferredCudaCallError: failure,
    }


def translate(error: Exception, task: Task, model: str, file: str = "") -> ReelkilnError | None:
    """What a foreign error means to the caller; None for one that is ours or in no row."""
    if isinstance(error, ReelkilnError):
        return None
    meaning = _means(error, task)
    return None if meaning is None else _say(meaning, _first_line(error), model, file)


def _means(error: Exception, task: Task) -> Meaning | None:
    text = str(error)
    if isinstance(error, RuntimeError) and any(words in text for words in OUT_OF_MEMORY):
        return "memory"
    rows = (row for kind, row in table().items() if isinstance(error, kind))
    return next(rows, {}).get(task)


def _say(meaning: Meaning, what: str, model: str, file: str) -> ReelkilnError:
    match meaning:
        case "memory":
            return OutOfMemory(
                f"{model} ran out of memory: {what}",
                hint="Close other programs that use the GPU, or ask for a smaller or shorter clip.",
            )
        case "library":
            return MissingLibrary(
                f"{model} needs a library that does not load: {what}",
                hint='Install the model libraries: pip install ".[gpu]" in the clone.',
            )
        case "weights":
            return WeightsBroken(
                f"{file or model} does not load: {what}",
                hint=f"Fetch it again with `reelkiln models pull {model}`.",
            )
        case "failure":
            return RenderFailed(
                f"{model} failed while rendering: {what}",
                hint="Try another seed; if it stays, report it with the recipe beside the file.",
            )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    return line if len(line) <= LINE else line[: LINE - 1] + "…"
