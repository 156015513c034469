"""Compare our token estimate with CLIP's own byte-pair vocabulary on every starter prompt.

Usage: python benchmarks/token_lengths.py BPE_FILE
BPE_FILE is `bpe_simple_vocab_16e6.txt.gz`, as the wheel of `open_clip_torch` carries it
(`pip download --no-deps open_clip_torch`, then unzip it). T5's vocabulary comes with no package;
for it the script prints our estimate next to the number of words.
"""

import gzip
import itertools
import sys
from importlib import resources
from pathlib import Path

import regex  # comes with transformers

from reelkiln.script.dialects import DIALECTS
from reelkiln.script.expand import Scripted, expand
from reelkiln.script.lengths import token_count, unweighted
from reelkiln.script.workspace import read_workspace

WORDS = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")


def read_ranks(path: Path) -> dict[tuple[str, str], int]:
    """The first 48,894 merges: those that CLIP uses (49,152 - 256 - 2)."""
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    return {(a, b): rank for rank, (a, b) in enumerate(line.split() for line in lines)}


def count(text: str, ranks: dict[tuple[str, str], int]) -> int:
    """CLIP's tokens of a text with begin and end marks (ASCII only, as the starter is in tags)."""
    total = 2
    for word in WORDS.findall(unweighted(text).lower()):
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            neighbours = enumerate(itertools.pairwise(parts))
            pairs = [(ranks.get(pair, 10**9), at) for at, pair in neighbours]
            best, at = min(pairs)
            if best == 10**9:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        total += len(parts)
    return total


def starter_shots() -> list[Scripted]:
    """Six products, five templates, twenty shots each."""
    with resources.as_file(resources.files("reelkiln.script").joinpath("starter")) as folder:
        space = read_workspace(folder)
    return [
        shot
        for template in space.templates.values()
        for product in space.products.values()
        for shot in expand(template, product, space.brand, space.lists, count=20)
    ]


def main() -> None:
    """Print the spread of estimate minus truth, and the longest prompt in each dialect."""
    ranks = read_ranks(Path(sys.argv[1]))
    shots = starter_shots()
    for dialect, limit in DIALECTS.items():
        prompts = [shot.wordings[dialect].prompt for shot in shots]
        ours = [token_count(prompt, dialect) for prompt in prompts]
        line = f"{dialect}: {len(prompts)} prompts, ours at most {max(ours)} of {limit}"
        if dialect != "paragraph":
            real = [count(prompt, ranks) for prompt in prompts]
            over = [a - b for a, b in zip(ours, real, strict=True)]
            line += f", real at most {max(real)}, estimate minus real {min(over)} to {max(over)}"
        else:
            words = [len(prompt.split()) for prompt in prompts]
            line += f", at most {max(words)} words"
        print(line)


if __name__ == "__main__":
    main()
