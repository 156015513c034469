"""`reelkiln fleet` and `--fleet`, up to where Ray begins."""

import os
import stat
from pathlib import Path

import pytest

from cli.running import refused, run
from reelkiln.cli.fleet import Desk, desk_of
from reelkiln.errors import UsageError
from reelkiln.kiln.nodes import join_command, make_token, ray_environment, read_token
from reelkiln.workshop.open import Workshop
from reelkiln.workshop.settings import Settings

HERE = Workshop(settings=Settings(), workspace=None, state=Path())


def test_the_token_is_long_for_our_eyes_alone_and_stays():
    path = make_token(Path("deep") / "fleet.token")
    assert len(read_token(path)) == 64
    assert make_token(path).read_text() == read_token(path)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", [None, "", "short", "größer" * 10])
def test_without_a_token_nobody_joins(text):
    path = Path("fleet.token")
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        ray_environment(path)
    assert caught.value.hint


def test_every_member_shows_the_token_and_nobody_has_a_dashboard():
    environment = ray_environment(make_token(Path("fleet.token")))
    assert environment["RAY_AUTH_MODE"] == "token"
    assert environment["RAY_USAGE_STATS_ENABLED"] == "0"
    head = join_command(head=True, address="studio-pc:6379")
    assert "--include-dashboard=false" in head
    assert not any(read_token(Path("fleet.token")) in word for word in head)


@pytest.mark.parametrize(
    "address", ["", "studio-pc", "a b:1", "x:1;rm -rf /", "--head:1", "x:123456"]
)
def test_an_address_is_an_address(address):
    with pytest.raises(UsageError):
        join_command(head=False, address=address)


def test_where_the_fleet_is():
    assert desk_of(HERE, "one") is None
    assert desk_of(HERE, "auto") is None
    assert desk_of(HERE, "studio-pc:6379") == Desk("studio-pc:6379", Path("fleet.token"))
    Path("fleet.json").write_text('{"address": "a:1", "token": "t"}', encoding="utf-8")
    assert desk_of(HERE, "auto") == Desk("a:1", Path("t"))
    Path("fleet.json").write_text("half", encoding="utf-8")
    assert desk_of(HERE, "auto") is None
    with pytest.raises(UsageError, match="no fleet"):
        desk_of(HERE, "all of them")


@pytest.mark.fleet
def test_joining_without_the_desks_token_says_what_to_do():
    said = refused(run("fleet", "join", "studio-pc:6379"), 2)
    assert "copy that file" in said
