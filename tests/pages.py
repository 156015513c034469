"""Reading the project's documents: their links, their headings, the commands in their code."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path for where in ("*.md", "docs/**/*.md", "training/**/*.md") for path in ROOT.glob(where)
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
RENDERS = ("make", "remake")


def blocks(page, *languages):
    """The contents of a page's code blocks in one of these languages."""
    return [code for lang, code in FENCE.findall(page.read_text("utf-8")) if lang in languages]


def links(page):
    """The targets of a page's links and pictures, code left out."""
    return LINK.findall(FENCE.sub("", page.read_text("utf-8")))


def anchors(page):
    """The names of a page's headings as links use them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def commands(page):
    """Every command line of a page's shell blocks."""
    lines = "\n".join(blocks(page, "sh", "powershell")).splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def reelkiln_calls(page, *, rendering):
    """The arguments of every `reelkiln` line of a page: those that render, or all the others."""
    calls = [shlex.split(line)[1:] for line in commands(page) if line.startswith("reelkiln ")]
    return [call for call in calls if (call[0] in RENDERS) is rendering]
