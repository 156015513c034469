"""Does the installed library have the class that a repository names? Asked before its download."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from reelkiln.backends.libraries import quiet
from reelkiln.errors import MissingLibrary, ReelkilnError, WeightsBroken
from reelkiln.plan.scorer import Fetchable

__all__ = ["FAMILY_CLASSES", "class_problem", "family_problems", "tokenizer_problems"]

LIBRARIES = ("diffusers", "transformers")
READERS = ("sentencepiece", "protobuf")
"""What transformers needs to turn a SentencePiece model into a tokenizer. Without one of them it
tries to read the file as another format and asks for tiktoken, which does not help."""


FAMILY_CLASSES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "animatediff": {
        "diffusers": (
            "AnimateDiffPipeline",
            "AutoencoderKL",
            "MotionAdapter",
            "UNet2DConditionModel",
            "UNetMotionModel",
        ),
        "transformers": ("CLIPTextModel", "CLIPTokenizer"),
    },
    "ltx": {
        "diffusers": (
            "AutoencoderKLLTXVideo",
            "LTXConditionPipeline",
            "LTXVideoTransformer3DModel",
        ),
        "transformers": ("T5EncoderModel", "T5TokenizerFast"),
    },
    "siglip": {"transformers": ("SiglipModel", "SiglipTokenizer")},
    "null": {},
}
"""The classes that the code of each family makes, by the library that has them. A repository of
single files names none, and its family needs them all the same."""


def family_problems(card: Fetchable) -> Iterator[MissingLibrary]:
    """Classes that the card's family makes and that its presets schedule with, which the installed
    library does not have. Nothing of a library that is not installed: `library_problems` says that.
    """
    wanted = {library: list(names) for library, names in FAMILY_CLASSES[card.family].items()}
    for preset in getattr(card, "presets", {}).values():
        if preset.scheduler and "diffusers" in wanted:
            wanted["diffusers"].append(preset.scheduler)
    for library, names in wanted.items():
        home = _module(library)
        for name in dict.fromkeys(names):
            if home is not None and not _has(home, name):
                tried = f"{library}{card.versions.get(library, '')}"
                yield MissingLibrary(
                    f"{card.name} needs {name}, which {library} {metadata.version(library)}"
                    " does not have",
                    hint=f'Install a version that was tried: pip install "{tried}".',
                )


def class_problem(file: str, component: str, library: str, name: str) -> ReelkilnError | None:
    """What stands against loading a component as the class that its repository names.

    Args:
        file: where the repository says so, for the message.
        library: "diffusers", "transformers", or a module of the repository itself.

    Returns:
        None where the class is there, or where the library itself is not: `library_problems`
        says that.
    """
    if library not in LIBRARIES and not _known_module(library):
        return WeightsBroken(
            f"{component} in {file} is a {name} of Python code in the repository,"
            " which is never run",
            hint="Use a repository whose classes are those of diffusers or transformers.",
        )
    home = _module(library if library in LIBRARIES else "diffusers")
    if home is None or _has(home, name) or library not in LIBRARIES:
        return None
    found = metadata.version(library)
    return MissingLibrary(
        f"{component} in {file} is a {name}, which {library} {found} does not have",
        hint=f"Use a model that was tried with {library} {found}, or a reelkiln that admits a"
        f" {library} with this class.",
    )


def tokenizer_problems(card: Fetchable) -> Iterator[MissingLibrary]:
    """Libraries that are missing to read the tokenizers among the card's files."""
    folders: dict[str, set[str]] = {}
    for source in card.used_sources:
        for path in source.files:
            folder, _, name = f"{source.repo}/{path}".rpartition("/")
            folders.setdefault(folder, set()).add(name)
    for folder, names in folders.items():
        pieces = sorted(name for name in names if name.endswith(".model"))
        if not pieces or "tokenizer.json" in names:
            continue
        missing = [name for name in READERS if not _installed(name)]
        if missing:
            yield MissingLibrary(
                f"the tokenizer {folder}/{pieces[0]} of {card.name} needs"
                f" {' and '.join(missing)}, not installed here",
                hint=f'Run: pip install {" ".join(missing)} (in the clone: pip install ".[gpu]").',
            )


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _module(name: str) -> Any:
    try:
        with quiet():
            return importlib.import_module(name)
    except (ImportError, OSError):
        return None


def _has(module: Any, name: str) -> bool:
    """The name comes from a repository: nothing but a public class or module answers to it."""
    if not name.isidentifier() or name.startswith("_"):
        return False
    with quiet():
        return name in dir(module) or isinstance(getattr(module, name, None), type)


def _known_module(library: str) -> bool:
    """Whether it is a module of diffusers' own pipelines, as in old indexes."""
    pipelines = _module("diffusers.pipelines")
    return pipelines is None or _has(pipelines, library)
