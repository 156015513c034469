"""A small SentencePiece vocabulary, written by hand: the form of T5's tokenizer, without its words.

Format: the protobuf message ModelProto of sentencepiece (`sentencepiece_model.proto`): field 1 is a
piece (1 text, 2 score, 3 kind), field 2 the trainer's settings, field 3 the normalizer's.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

__all__ = ["write_spiece"]

SPACE = "▁"
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
EXTRA = 100
"""T5's words for holes, which its tokenizer adds after the vocabulary."""


def write_spiece(folder: Path, words: int) -> None:
    """Write a `tokenizer` folder of `words` words: letters, marks, and every byte as a word.

    Any text can be told in it, one letter a token.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [("<pad>", CONTROL), ("</s>", CONTROL), ("<unk>", UNKNOWN), (SPACE, NORMAL)]
    pieces += [(chr(code), NORMAL) for code in range(33, 127)]
    pieces += [(SPACE + chr(code), NORMAL) for code in range(97, 123)]
    pieces += [(f"unused{index}", NORMAL) for index in range(max(words - EXTRA - len(pieces), 0))]
    body = b"".join(_message(1, _piece(text, kind)) for text, kind in pieces)
    # Numbers of the unknown, begin (none), end and pad words.
    trainer = _number(3, 1) + _number(40, 2) + _number(41, 2**64 - 1)
    trainer += _number(42, 1) + _number(43, 0)
    normalizer = _message(1, b"identity") + _number(3, 1) + _number(4, 1) + _number(5, 1)
    body += _message(2, trainer) + _message(3, normalizer)
    (folder / "spiece.model").write_bytes(body)
    _write_json(folder / "tokenizer_config.json", _settings())
    _write_json(folder / "special_tokens_map.json", _special())
    _write_json(folder / "added_tokens.json", {})


def _special() -> dict[str, object]:
    return {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def _settings() -> dict[str, object]:
    return {
        **_special(),
        "extra_ids": EXTRA,
        "model_max_length": 128,
        "legacy": True,
        "tokenizer_class": "T5Tokenizer",
    }


def _piece(text: str, kind: int) -> bytes:
    # The longer the piece, the likelier: a word's first letter goes together with its space.
    score = struct.pack("<f", -10.0 / len(text) if kind == NORMAL else 0.0)
    return _message(1, text.encode("utf-8")) + b"\x15" + score + _number(3, kind)


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _write_json(file: Path, data: dict[str, object]) -> None:
    file.write_text(json.dumps(data, indent=2), encoding="utf-8", newline="\n")
