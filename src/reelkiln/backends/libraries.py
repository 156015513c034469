"""The model libraries: are they here, of a version that works, and can they be quiet?"""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

from packaging.specifiers import SpecifierSet

from reelkiln.errors import MissingLibrary
from reelkiln.plan.scorer import Fetchable

__all__ = ["library_problems", "quiet", "require_torch", "settle_allocator"]

NEEDED = ("torch", "diffusers", "transformers", "accelerate", "safetensors")
INSTALL = 'Install the model libraries: pip install ".[gpu]" in the clone.'
CHATTY = r"(torch|diffusers|transformers|accelerate|huggingface_hub)\b"


def library_problems(card: Fetchable) -> Iterator[MissingLibrary]:
    """What is missing, or of a version that `card.versions` does not admit. Imports nothing."""
    for name in dict.fromkeys((*NEEDED, *card.versions)):
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield MissingLibrary(f"{card.name} needs {name}, which is not installed", hint=INSTALL)
            continue
        admitted = card.versions.get(name, "")
        if not SpecifierSet(admitted).contains(found, prereleases=True):
            yield MissingLibrary(
                f"{card.name} is known to work with {name}{admitted}, and {found} is installed",
                hint=f'Install a version that was tried: pip install "{name}{admitted}".',
            )


def settle_allocator() -> None:
    """Have torch's GPU memory in pieces that grow, where it can; call before CUDA is used.

    With pieces of fixed size a third of a small card is lost between them, and the search for room
    costs a third of a step (docs/measured/faster.md). Windows has no such pieces. The setting is
    read once, when the first tensor goes to the device; a user's own stands.
    """
    names = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
    if platform.system() == "Linux" and not any(name in os.environ for name in names):
        os.environ[names[0]] = "expandable_segments:True"


def require_torch(card: Fetchable, device: str) -> None:
    """Import the libraries once, quietly, about 3 s the first time.

    Raises:
        MissingLibrary: one of them does not import, or torch cannot use the planned device.
    """
    if device == "cuda":
        settle_allocator()
    try:
        with _patient_threads(), quiet():
            import diffusers  # noqa: F401 - whether it loads
            import torch
            import transformers  # noqa: F401 - whether it loads
    except (ImportError, OSError) as error:  # OSError: a shared library of torch does not load
        raise MissingLibrary(
            f"{card.name} needs torch and diffusers, which do not load: {error}", hint=INSTALL
        ) from error
    if device == "cuda" and not torch.cuda.is_available():
        raise MissingLibrary(
            f"the plan of {card.name} needs a GPU, and torch {torch.__version__} cannot use one",
            hint="Install torch for your GPU, or plan again for the processor.",
        )


@contextmanager
def _patient_threads() -> Iterator[None]:
    """Load torch inside, and its OpenMP threads sleep while they wait, instead of spinning.

    Spinning threads starve each other as soon as another program wants the cores: a render of the
    bundled model on 2 cores with a load of 10 took 93 s, and 22 s with sleeping threads. The
    setting is read once, when the library is loaded; a user's own stands.
    """
    if "OMP_WAIT_POLICY" in os.environ:
        yield
        return
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    try:
        yield
    finally:
        del os.environ["OMP_WAIT_POLICY"]


@contextmanager
def quiet() -> Iterator[None]:
    """No bars, logs or warnings of the model libraries inside; as it was afterwards.

    Nothing is lost: what matters of a render is checked by value, not read from logs.
    """
    from diffusers.utils import logging as diffusers_log
    from transformers.utils import logging as transformers_log

    logs = (diffusers_log, transformers_log)
    before = [(log, log.get_verbosity(), log.is_progress_bar_enabled()) for log in logs]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=CHATTY)
        for log in logs:
            log.set_verbosity_error()
            log.disable_progress_bar()
        try:
            yield
        finally:
            for log, verbosity, had_bars in before:
                log.set_verbosity(verbosity)
                if had_bars:
                    log.enable_progress_bar()
