"""What twenty approvals made of a template, as a person sees it. The whole walk, with the bundled
model: `benchmarks/gate_learnt.py`."""

from datetime import UTC, datetime
from pathlib import Path

from cli.running import result, run
from reelkiln.reel import Origin, Take, Verdict
from reelkiln.store.ledger import open_ledger
from reelkiln.store.reviews import record_review

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HERO = Origin(template="hero-reveal", variant="v", product="rose-face-cream", number=0)


def approve(ledger, number):
    """A delivered clip of the template, as the line writes it down, and a person's yes."""
    verdict = Verdict(True, (), {"luma": 120.0 + number % 3, "softness": 0.2, "frames": 16.0})
    take = Take(segment=0, attempt=1, seed=number, path="", sha256="0", verdict=verdict)
    ledger.record_delivery(
        sha256=str(number), recipe_digest="d", recipe="{}", path="x", takes=(take,), now=NOW,
        model="spark", origin=HERO,
    )  # fmt: skip
    record_review(ledger, sha256=str(number), approved=True, reviewer="ada", note="", now=NOW)


def test_a_template_says_what_twenty_approved_clips_made_usual(monkeypatch):
    assert run("init", "glow").returncode == 0
    monkeypatch.chdir("glow")
    assert "usual" not in run("templates", "show", "hero-reveal").stdout
    Path(".reelkiln").mkdir(exist_ok=True)
    with open_ledger(Path(".reelkiln/ledger.db")) as ledger:
        for number in range(19):
            approve(ledger, number)
    early = run("templates", "show", "hero-reveal").stdout
    assert "what is usual is learnt from 20 approved clips: 19 so far" in early
    with open_ledger(Path(".reelkiln/ledger.db")) as ledger:
        approve(ledger, 19)
    shown = run("templates", "show", "hero-reveal").stdout.splitlines()
    assert "usual, from 20 approved clips; what lies outside is refused:" in shown
    assert "  brightness 110 to 132" in shown
    assert "  softness at most 0.27" in shown
    told = result(run("templates", "show", "hero-reveal", "--json"))
    assert told["approved"] == 20
    assert told["usual"]["softness"] == [None, 0.27]
    assert "usual" not in run("templates", "show", "texture-swirl").stdout
