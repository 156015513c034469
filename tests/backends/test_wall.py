"""No error of torch or the model libraries leaves the room as it is."""

import errno
import sys
from collections.abc import Iterator

import pytest
import torch
from diffusers import AnimateDiffPipeline  # noqa: F401  the whole path is imported

from reelkiln.backends.seam import Step
from reelkiln.backends.wall import TABLE, Steps, table, translate, wall
from reelkiln.errors import (
    Cancelled,
    MissingLibrary,
    OutOfMemory,
    RenderFailed,
    WeightsBroken,
)
from tiny_models import nothing

LIBRARIES = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "tokenizers")
ELSEWHERE = (
    # Parts of the libraries that loading and rendering never enter.
    "torch._dynamo",
    "torch._export",
    "torch._numpy",
    "torch._strobelight",
    "torch._subclasses",
    "torch.distributed",
    "torch.fx",
    "torch.jit",
    "torch.mtia",
    "torch.multiprocessing",
    "torch.package",
    "torch.testing",
    "torch.utils.checkpoint",
    "transformers.utils.chat_template_utils",
    "transformers.core_model_loading.SkipParameters",  # how a loader says: leave this one out
    "accelerate.utils.operations",  # gathering between processes
    "diffusers.loaders.single_file_utils",  # checkpoints in one file
)


def foreign_classes() -> Iterator[type[Exception]]:
    """Every exception class that a module of the libraries defines, as far as it is imported."""
    for name, module in list(sys.modules.items()):
        if module is None or name.partition(".")[0] not in LIBRARIES:
            continue
        for thing in list(vars(module).values()):
            if (
                issubclass(type(thing), type)  # isinstance would wake deprecated stand-ins
                and issubclass(thing, Exception)
                and not issubclass(thing, Warning)
                and thing.__module__.partition(".")[0] in LIBRARIES
            ):
                yield thing


def test_the_table_is_complete():
    stopped = tuple(table())
    strangers = {
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in foreign_classes()
        if not issubclass(kind, stopped)
    }
    assert sorted(name for name in strangers if not name.startswith(ELSEWHERE)) == []
    assert len({*foreign_classes()}) > 20


def test_no_row_of_the_table_is_in_vain():
    for kind, row in table().items():
        assert set(row) == {"load", "render"}
        others = [other for other in table() if other is not kind]
        assert not issubclass(kind, tuple(others))


def real(kind: type[Exception]) -> Exception:
    """An error as its library really raises it."""
    acts = {
        MemoryError: lambda: bytearray(1 << 62),
        ImportError: lambda: __import__("no_such_library"),
        RuntimeError: lambda: torch.zeros(2, 3) @ torch.zeros(2, 3),
        OSError: lambda: open("no/such/file"),  # noqa: PTH123, SIM115
        ValueError: lambda: torch.optim.SGD([torch.zeros(1)], lr=-1),
        LookupError: lambda: torch.zeros(2)[5],
        TypeError: lambda: torch.zeros("a"),
        ArithmeticError: lambda: 1 // 0,
    }
    with pytest.raises(kind) as raised:
        acts[kind]()
    return raised.value


@pytest.mark.parametrize("kind", TABLE)
@pytest.mark.parametrize(("task", "usual"), [("load", WeightsBroken), ("render", RenderFailed)])
def test_each_row_becomes_an_error_of_ours_in_one_line(kind, task, usual):
    ours = translate(real(kind), task, "tiny")
    expected = {MemoryError: OutOfMemory, ImportError: MissingLibrary}.get(kind, usual)
    assert type(ours) is expected
    assert "tiny" in ours.message
    assert "\n" not in ours.message
    assert ours.hint.endswith(".")


def test_torch_without_memory_on_the_processor_is_out_of_memory():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert type(translate(raised.value, "render", "tiny")) is OutOfMemory


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("task", ["load", "render"])
def test_what_torch_says_when_a_gpu_is_full_is_out_of_memory(error, task):
    assert type(translate(error, task, "tiny")) is OutOfMemory


def test_an_accelerator_error_of_another_kind_is_a_failed_render():
    error = torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nadvice")
    ours = translate(error, "render", "tiny")
    assert type(ours) is RenderFailed
    assert "illegal memory access" in ours.message
    assert "advice" not in ours.message


def test_ours_and_mistakes_of_this_package_pass():
    for error in (Cancelled("stop"), AttributeError("typo"), AssertionError("impossible")):
        assert translate(error, "render", "tiny") is None
        with pytest.raises(type(error)) as raised, wall("render", "tiny", Steps(nothing)):
            raise error
        assert raised.value is error


def test_the_callers_own_error_passes_though_it_looks_foreign():
    full = OSError(errno.ENOSPC, "No space left on device")

    def on_step(step: Step) -> None:
        raise full

    steps = Steps(on_step)
    with pytest.raises(OSError, match="No space") as raised, wall("render", "tiny", steps):
        steps(Step("encode", 0, 1))
    assert raised.value is full


def test_the_cause_is_kept_and_its_frames_hold_nothing():
    def deep() -> None:
        held = torch.zeros(8)
        held @ torch.zeros(3)

    with pytest.raises(RenderFailed) as raised, wall("render", "tiny", Steps(nothing)):
        deep()
    cause = raised.value.__cause__
    assert isinstance(cause, RuntimeError)
    trace = cause.__traceback__
    assert trace is not None
    while trace.tb_next:
        trace = trace.tb_next
    assert trace.tb_frame.f_locals == {}


def test_a_long_message_is_cut():
    ours = translate(RuntimeError("x" * 5000), "render", "tiny")
    assert ours is not None
    assert len(ours.message) < 300
