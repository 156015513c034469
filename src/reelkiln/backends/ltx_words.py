"""The words of LTX's segments, encoded: from the cache, or by the streamed text encoder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reelkiln.backends.ltx_checks import TOKENIZER, encoder_files
from reelkiln.backends.seam import WORDS, Folders, Step
from reelkiln.backends.t5 import Sentence, encode_sentences, load_tokenizer, tokenize
from reelkiln.backends.wall import Steps
from reelkiln.backends.words_cache import WordsCache, identity
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan
from reelkiln.reel import Segment

__all__ = ["Words"]


class Words:
    """Encoded sentences of one session, in host memory."""

    def __init__(self, plan: Plan, card: Card, folders: Folders) -> None:
        import torch

        self._plan, self._card = plan, card
        self._files = encoder_files(card, folders)
        self._tokenizer = load_tokenizer(folders["model"] / TOKENIZER)
        self._cache = WordsCache(folders.get(WORDS))
        self._known: dict[str, tuple[Any, Any]] = {}
        # float16 overflows in this encoder.
        self._dtype = torch.float32 if plan.dtype == "float32" else torch.bfloat16
        self._about: dict[str, str | int] = {
            "encoder": identity(self._files),
            "tokenizer": identity([folders["model"] / TOKENIZER / "spiece.model"]),
            "places": card.tokens,
            "dtype": str(self._dtype),
        }

    def knows(self, segment: Segment) -> bool:
        """Whether all words of this segment are encoded."""
        return set(self._sentences(segment)) <= set(self._known)

    def of(self, segment: Segment, device: Any) -> dict[str, Any]:
        """The pipeline's arguments for this segment's words, on the device."""
        import torch

        dtype = getattr(torch, self._plan.dtype)
        said: dict[str, Any] = {}
        for start, words in zip(("", "negative_"), self._sentences(segment), strict=False):
            hidden, mask = self._known[words]
            said[f"{start}prompt_embeds"] = hidden.to(device, dtype)
            said[f"{start}prompt_attention_mask"] = mask.to(device)
        return said

    def encode(self, segments: Iterable[Segment], device: Any, steps: Steps) -> None:
        """Encode what is not known yet; a sentence that was cut is told of in the last step."""
        every = {words for segment in segments for words in self._sentences(segment)}
        taken = {
            words: tokenize(self._tokenizer, words, self._card.tokens)
            for words in sorted(every - set(self._known))
        }
        missing = [words for words in taken if not self._from_cache(words, taken[words])]
        note = "; ".join(self._cut(one) for one in taken.values() if one.lost)
        if not missing:
            steps(Step("encode", 0, 1))
            steps(Step("encode", 1, 1, note))
            return

        def on_block(done: int, blocks: int) -> None:
            steps(Step("encode", done, blocks, note if done == blocks else ""))

        encoded = encode_sentences(
            self._files,
            [taken[words] for words in missing],
            device=device,
            dtype=self._dtype,
            model=self._card.name,
            on_block=on_block,
        )
        for words, hidden in zip(missing, encoded, strict=True):
            self._cache.keep(self._cache.key(words, **self._about), hidden)
            self._remember(words, hidden, taken[words])

    def unread(self, segment: Segment) -> str:
        """The words of a segment that find no place in the encoder; empty where all do."""
        taken = (
            tokenize(self._tokenizer, words, self._card.tokens)
            for words in self._sentences(segment)
        )
        return "; ".join(each.lost for each in taken if each.lost)

    def _sentences(self, segment: Segment) -> tuple[str, ...]:
        """The prompt, and with guidance the negative."""
        guided = self._plan.guidance > 1
        return (segment.prompt, segment.negative) if guided else (segment.prompt,)

    def _from_cache(self, words: str, taken: Sentence) -> bool:
        hidden = self._cache.find(self._cache.key(words, **self._about))
        if hidden is not None:
            self._remember(words, hidden, taken)
        return hidden is not None

    def _remember(self, words: str, hidden: Any, taken: Sentence) -> None:
        import torch

        self._known[words] = (hidden[None], torch.tensor([taken.mask]))

    def _cut(self, taken: Sentence) -> str:
        return (
            f"{self._card.name} reads {self._card.tokens} tokens of a sentence: “{taken.lost}” was"
            " left out"
        )
