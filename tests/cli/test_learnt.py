"""From twenty approvals to a template's own limits, as the people of a brand walk it."""

from pathlib import Path

from cli.running import result, run

HEAD = "template,product,count,seconds,model\n"


def batch(count, model="null"):
    """The films of a batch of one template, and how the command ended."""
    Path(f"{model}.csv").write_text(HEAD + f"hero-reveal,rose-face-cream,{count},1,{model}\n")
    return run("batch", f"{model}.csv", "--now", "--out", model, "--json")


def test_twenty_approved_clips_teach_what_is_usual_and_refuse_what_is_not(monkeypatch):
    assert run("init", "glow").returncode == 0
    monkeypatch.chdir("glow")
    pale = batch(1, "null-pale")
    assert pale.returncode == 0, pale.stderr
    films = [clip["film"] for clip in result(batch(20))["clips"]]
    for number, film in enumerate(films, 1):
        said = run("review", film, "--approve", "--by", "ada")
        assert said.returncode == 0, said.stderr
        if number in (19, 20):
            shown = run("templates", "show", "hero-reveal").stdout
            assert ("19 so far" in shown) == (number == 19)
            assert ("usual, from 20 approved clips" in shown) == (number == 20)
    usual = result(run("templates", "show", "hero-reveal", "--json"))["usual"]
    low, high = usual["brightness"]
    assert 0 < low < high < 255
    assert usual["softness"][0] is None
    refused = batch(1, "null-pale")
    assert refused.returncode == 1, refused.stderr
    words = refused.stdout + refused.stderr
    assert "brightness" in words
    assert "unusual for this template (usual: about" in words
    assert list(Path("null-pale").glob("*.refused.mp4"))
