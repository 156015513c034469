"""Where things lie, what the environment may say, amounts of memory."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.errors import LedgerError, UsageError
from reelkiln.workshop.amounts import parse_bytes
from reelkiln.workshop.open import find_workspace, open_bench, open_workshop
from reelkiln.workshop.settings import Settings, read_settings


def test_the_environment_sets_each_field(monkeypatch, tmp_path):
    assert read_settings() == Settings()
    monkeypatch.setenv("REELKILN_MODEL", "spark")
    monkeypatch.setenv("REELKILN_STATE", str(tmp_path))
    monkeypatch.setenv("REELKILN_CACHE", "")
    settings = read_settings()
    assert (settings.model, settings.state, settings.cache) == ("spark", tmp_path, None)


def test_a_value_that_a_setting_cannot_have_names_the_variable(monkeypatch):
    monkeypatch.setenv("REELKILN_STATE", "a\udcff")
    try:
        read_settings()
    except UsageError as error:
        assert "REELKILN_STATE" in error.message


def test_the_workspace_is_the_nearest_folder_with_a_brand(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_workspace(inner) is None
    (tmp_path / "brand.yaml").write_text("")
    assert find_workspace(inner) == tmp_path
    (tmp_path / "a" / "brand.yaml").write_text("")
    assert find_workspace(inner) == tmp_path / "a"
    assert open_workshop(inner, Settings()).state == tmp_path / "a" / ".reelkiln"
    assert open_workshop(inner, Settings(state=tmp_path / "s")).state == tmp_path / "s"


def test_outside_a_workspace_the_state_is_in_the_users_data_folder(tmp_path):
    workshop = open_workshop(Path(), Settings())
    assert workshop.workspace is None
    assert workshop.state.is_relative_to(tmp_path)
    assert not workshop.state.exists()


def test_the_bench_has_a_ledger_a_machine_and_clocks(tmp_path):
    workshop = open_workshop(Path(), Settings(state=tmp_path / "state"))
    with open_bench(workshop) as bench:
        assert bench.ledger.version() > 0
        assert bench.machine.ram_total > 0
        assert bench.now().tzinfo is not None
        with bench.scratch_folder() as scratch:
            (scratch / "x").write_text("")
        assert not scratch.exists()
    assert (tmp_path / "state" / ".gitignore").read_text() == "*\n"


def test_a_state_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "state").write_text("")
    with (
        pytest.raises(LedgerError, match="state"),
        open_bench(open_workshop(Path(), Settings(state=tmp_path / "state"))),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GiB", 4 << 30), ("4", 4 << 30), ("4 gb", 4 * 10**9), ("0", 0), ("1.5g", 3 << 29)],
)
def test_amounts(text, size):
    assert parse_bytes(text) == size


@given(st.text())
def test_any_text_is_an_amount_or_a_usage_error(text):
    try:
        assert 0 <= parse_bytes(text) <= 64 << 40
    except UsageError as error:
        assert error.hint
