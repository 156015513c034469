"""The documents say what is there, and every command line they show has been run."""

import re
from fractions import Fraction

import pin
import pytest
from packaging.utils import canonicalize_name

import reelkiln
from cli.running import run
from pages import PAGES, ROOT, anchors, blocks, commands, links, reelkiln_calls
from reelkiln.models.cards import read_card
from reelkiln.plan.machine import GiB, Machine
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Shot

README = ROOT / "README.md"
TEAM = ROOT / "docs" / "team" / "start.md"
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")

# Lines that install something: what they may name is our own clone or wheel, torch, or our pins.
TORCH = r'"torch>=2\.11,<2\.14" --index-url https://download\.pytorch\.org/whl/(cpu|cu126)'
OURS = r'"(\.|\./reelkiln-[\d.]+-py3-none-any\.whl)\[gpu\]"'
PIP = r"(~/\.reelkiln-venv/bin/pip|& \$HOME\\reelkiln-venv\\Scripts\\pip) install "
INSTALLS = [
    rf"uv tool install {OURS}( --torch-backend=auto)?",
    rf"{PIP}{TORCH}",
    rf"{PIP}(-c constraints/cpu\.txt )?{OURS}",
    r"python3 -m venv ~/\.reelkiln-venv",
    r"py -3\.1[123] -m venv \$HOME\\reelkiln-venv",
    r"\. \.venv/bin/activate",
]
HUB_NEEDED = {"pull"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    for target in links(page):
        if "://" in target:
            continue
        place, _, anchor = target.partition("#")
        goal = (page.parent / place).resolve() if place else page
        assert goal.exists(), f"{page.name}: {target}"
        assert ROOT in goal.parents, f"{page.name}: {target} leaves the project"
        if anchor:
            assert anchor in anchors(goal), f"{page.name}: no heading for {target}"


def test_every_page_can_be_reached_from_the_readme():
    reached, todo = set(), [README]
    while todo:
        page = todo.pop()
        reached.add(page)
        goals = [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
        todo += [goal for goal in goals if goal.suffix == ".md" and goal not in reached]
    assert reached == set(PAGES)


def test_the_changelog_begins_with_the_version_of_the_package():
    heads = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert heads[0] == reelkiln.__version__


def test_the_project_declares_the_version_of_the_package():
    assert f'\nversion = "{reelkiln.__version__}"\n' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_the_list_of_dependencies_is_that_of_the_project():
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    for heading, lines in pin.groups().items():
        section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| (\S+) \| [\d.]+[^|]* \| [^|]+ \| [^|]+ \|", section, re.MULTILINE)
        names = [canonicalize_name(requirement.name) for requirement in lines]
        assert sorted(canonicalize_name(row) for row in rows) == sorted(names), heading


def test_the_card_of_the_tutorial_is_read_and_planned_for_4_gib():
    (text,) = blocks(ROOT / "CONTRIBUTING.md", "toml")
    card = read_card(text, "dreamshaper.toml")
    machine = Machine(
        gpu="a small card",
        vram_total=4 * GiB,
        vram_free=7 * GiB // 2,
        bf16=False,
        ram_total=16 * GiB,
        ram_free=12 * GiB,
        system="Linux",
    )
    plan = plan_shot(Shot(prompt="a red rose", model=card.name, seconds=Fraction(2)), card, machine)
    assert plan.model == "dreamshaper"
    assert 0 < plan.peak_bytes <= machine.vram_free


def test_every_command_of_the_readme_is_run_or_of_a_known_shape():
    for line in commands(README):
        if line.startswith("make "):
            assert re.search(rf"^{line[5:]}:", MAKEFILE, re.MULTILINE), line
        elif not line.startswith("reelkiln "):  # those are run below, and in walk/test_make.py
            assert any(re.fullmatch(shape, line) for shape in INSTALLS), line


def test_the_readme_begins_with_the_two_commands():
    assert commands(README)[:2] == ["make demo", "make test"]


@pytest.mark.parametrize(
    "call",
    [
        # Without torch, a pull says first that a library is missing.
        pytest.param(call, marks=[pytest.mark.torch] if HUB_NEEDED & set(call) else [])
        for call in [*reelkiln_calls(README, rendering=False), ["--help"], ["make", "--help"]]
    ],
    ids=" ".join,
)
def test_commands_of_the_readme_run(call):
    done = run(*call)
    assert "Traceback" not in done.stderr, done.stderr
    if HUB_NEEDED & set(call):  # no test reaches the hub: it must say so and ask to try later
        assert done.returncode == 75, done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()


def test_the_team_page_shows_no_command_that_the_readme_does_not():
    assert set(commands(TEAM)) <= set(commands(README))
