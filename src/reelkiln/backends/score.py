"""Words to picture: does a clip show what its prompt says?

A scorer is called with a clip and the words; None says that it cannot tell. Three exist: one that
never tells, the bundled model's own judge, which reads a clip's product, colour, background,
surface and motion and compares them with those of them that the words name, and SigLIP
(`backends/align.py`). `mark` names what is measured: of a `score` zero lies between what fits and
what does not; an `alignment` has no such place, and is compared with other clips.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from reelkiln.backends.weights import check_safetensors
from reelkiln.errors import WeightsBroken
from reelkiln.reel import Clip

__all__ = [
    "NullScorer",
    "Scorer",
    "SparkScorer",
    "Vocabulary",
    "open_scorer",
    "read_vocabulary",
    "read_words",
]

Vocabulary = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Factor ("product", "motion", …) to label to the phrases that name it."""


WORD = r"\w+"


class Scorer(Protocol):
    """How well a picture fits words."""

    @property
    def mark(self) -> str:
        """What it measures: "score" or "alignment"."""
        ...

    def __call__(self, clip: Clip, words: str) -> float | None:
        """Score a clip: more is better."""
        ...


class NullScorer:
    """Cannot tell, whatever it is shown."""

    mark = "score"

    def __call__(self, clip: Clip, words: str) -> float | None:
        """None."""
        return None


def read_words(words: str, vocabulary: Vocabulary) -> dict[str, str]:
    """The labels that words name: factor to label, factors that are not named left out.

    Longer phrases win over shorter ones inside them ("pink background" names no pink product); of
    several labels of a factor, the one named first counts.

    >>> known = {"colour": {"pink": ("pink",)}, "background": {"pink": ("pink background",)}}
    >>> read_words("On a Pink, pink background", known)
    {'colour': 'pink', 'background': 'pink'}
    """
    text = f" {' '.join(re.findall(WORD, words.lower()))} "
    found: list[tuple[int, str, str]] = []
    for phrase, factor, label in _longest_first(vocabulary):
        while (start := text.find(f" {phrase} ")) >= 0:
            found.append((start, factor, label))
            # What is read is crossed out, so that no shorter phrase is found inside it.
            text = f"{text[:start]} {'_' * len(phrase)} {text[start + len(phrase) + 2 :]}"
    labels: dict[str, str] = {}
    for _, factor, label in sorted(found):
        labels.setdefault(factor, label)
    return {factor: labels[factor] for factor in vocabulary if factor in labels}


def _longest_first(vocabulary: Vocabulary) -> list[tuple[str, str, str]]:
    """Every phrase with its factor and label."""
    entries = [
        (phrase.lower(), factor, label)
        for factor, labels in vocabulary.items()
        for label, said in labels.items()
        for phrase in said
    ]
    return sorted(entries, key=lambda entry: (-len(entry[0]), entry))


@dataclass(frozen=True, slots=True, eq=False)
class SparkScorer:
    """The bundled model's judge, loaded.

    `vocabulary` holds every phrase, also of factors that are not judged; `judged` names the labels
    of each factor that the judge reads, in the order of its outputs.
    """

    network: Any
    vocabulary: Vocabulary
    judged: Mapping[str, tuple[str, ...]]
    mark: str = "score"

    def __call__(self, clip: Clip, words: str) -> float | None:
        """Score a clip.

        Returns:
            the mean, over the factors that the words name, of how much surer the judge is of the
            label asked for than of the likeliest other: -1 (all wrong) to 1 (all right). None
            where the words name nothing that the judge knows.
        """
        sure = self.read(clip)
        asked = {f: label for f, label in read_words(words, self.vocabulary).items() if f in sure}
        if not asked:
            return None
        margins = [
            sure[f][label] - max(p for other, p in sure[f].items() if other != label)
            for f, label in asked.items()
        ]
        return sum(margins) / len(margins)

    def read(self, clip: Clip) -> dict[str, dict[str, float]]:
        """How sure the judge is of each label: factor to label to probability (0 to 1)."""
        import torch

        from reelkiln.backends.spark_judge import prepare

        with torch.inference_mode():
            found = self.network(prepare(clip.frames))
        return {
            factor: dict(zip(labels, found[factor][0].softmax(0).tolist(), strict=True))
            for factor, labels in self.judged.items()
        }


def open_scorer(folder: Path) -> SparkScorer:
    """Load the judge from its folder (`config.json` and `model.safetensors`), on the CPU.

    Raises:
        WeightsBroken: a file is missing, cut short, or not what the judge needs; it is named.
    """
    from safetensors.torch import load_file

    from reelkiln.backends.spark_judge import build_judge

    config, weights = folder / "config.json", folder / "model.safetensors"
    factors = _read_config(config)
    check_safetensors(weights, "spark")
    judged = {f: tuple(labels) for f, labels in factors["factors"].items()}
    network = build_judge({f: len(labels) for f, labels in judged.items()})
    try:
        network.load_state_dict({k: v.float() for k, v in load_file(weights).items()})
    except RuntimeError as error:
        raise WeightsBroken(
            f"{weights} holds other layers than the judge has", hint="Install reelkiln again."
        ) from error
    vocabulary = _phrases(factors)
    return SparkScorer(network.eval().requires_grad_(False), vocabulary, judged)


def read_vocabulary(folder: Path) -> Vocabulary:
    """Every phrase that the model of a judge was trained on, without loading the judge.

    Raises:
        WeightsBroken: its `config.json` cannot be read; it is named.
    """
    return _phrases(_read_config(folder / "config.json"))


def _phrases(config: Mapping[str, Any]) -> Vocabulary:
    return {
        f: {label: tuple(said) for label, said in labels.items()}
        for f, labels in (config["factors"] | {"light": config["other"]}).items()
    }


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if {"factors", "other"} <= config.keys():
            return config
        reason = "it names no factors"
    except (OSError, ValueError, AttributeError) as error:
        reason = str(error)
    raise WeightsBroken(
        f"the judge's {file} cannot be read: {reason}", hint="Install reelkiln again."
    )
