"""The pull against a real server: what lands on the disk, and every way it can go wrong."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download
from huggingface_hub.utils import close_session
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Child, a_card, a_source

from loopback import Faults, LoopbackHub, loopback_hub
from reelkiln.errors import (
    DiskFull,
    HubUnreachable,
    LockHeld,
    UsageError,
    WeightsBroken,
    WeightsMissing,
)
from reelkiln.models.fetch import Patience, fetch
from reelkiln.models.hub import Hub, HubFile, Pinned
from reelkiln.models.installed import is_installed, locate
from reelkiln.models.layout import lock_folder
from reelkiln.models.lock import read_lock
from reelkiln.models.order import needed
from reelkiln.models.pull import Progress, pull

REPO = "maker/toy"
WEIGHTS = random.Random(7).randbytes(3_000_000)
FILES = {"config.json": b'{"toy": true}', "sub/w.safetensors": WEIGHTS, "w.bin": b"pickle" * 9000}
CARD = a_card(a_source(REPO, "config.json", "sub/w.safetensors"))
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
QUICK = Patience(tries=3, first_wait=0.0)


def no_wait(_seconds: float) -> None:
    pass


def get(here: Hub, cache: Path, **more: object) -> dict[str, Path]:
    return pull(CARD, "standard", cache=cache, hub=here, **{"sleep": no_wait, **more})


def whole(cache: Path) -> list[Path]:
    """Every file under a name that another program would take for complete."""
    return [p for p in (cache / "models--maker--toy").rglob("*.safetensors") if p.is_file()]


def test_only_the_files_of_the_card_arrive_and_are_right(
    hub: LoopbackHub, here: Hub, cache: Path
) -> None:
    commit = hub.add(REPO, FILES)
    assert not is_installed(CARD, "standard", cache)
    folder = get(here, cache)["model"]
    assert folder == cache / "models--maker--toy" / "snapshots" / commit
    assert (folder / "sub" / "w.safetensors").read_bytes() == WEIGHTS
    assert (folder / "config.json").read_bytes() == FILES["config.json"]
    assert not hub.gets("w.bin")
    assert locate(CARD, "standard", cache) == {"model": folder}


def test_huggingface_hub_finds_what_we_fetched(hub: LoopbackHub, here: Hub, cache: Path) -> None:
    hub.add(REPO, FILES)
    folder = get(here, cache)["model"]
    theirs = hf_hub_download(REPO, "sub/w.safetensors", cache_dir=cache, local_files_only=True)
    assert Path(theirs) == folder / "sub" / "w.safetensors"
    seen = scan_cache_dir(cache)
    assert not seen.warnings
    assert [repo.repo_id for repo in seen.repos] == [REPO]
    assert seen.size_on_disk == len(WEIGHTS) + len(FILES["config.json"])


def test_we_find_what_huggingface_hub_fetched(hub: LoopbackHub, here: Hub, cache: Path) -> None:
    commit = hub.add(REPO, FILES)
    snapshot_download(REPO, cache_dir=cache, endpoint=hub.endpoint, ignore_patterns=["*.bin"])
    assert locate(CARD, "standard", cache)["model"].name == commit
    hub.asked.clear()
    get(here, cache)
    assert not hub.gets()
    lock = read_lock(lock_folder(cache), "toy")
    assert lock is not None
    assert lock.sources["model"].files["sub/w.safetensors"].sha256 == SHA256


def test_first_pull_locks_the_commit_and_every_hash(
    hub: LoopbackHub, here: Hub, cache: Path
) -> None:
    first = hub.add(REPO, FILES)
    get(here, cache)
    hub.add(REPO, {**FILES, "config.json": b"{}"})
    hub.asked.clear()
    assert get(here, cache)["model"].name == first
    assert not hub.asked
    data = json.loads((lock_folder(cache) / "toy.json").read_text("utf-8"))
    locked = data["sources"]["model"]
    assert locked["revision"] == first
    assert locked["files"]["sub/w.safetensors"] == {
        "size": len(WEIGHTS),
        "blob": SHA256,
        "sha256": SHA256,
    }
    small = hashlib.sha256(FILES["config.json"]).hexdigest()
    assert locked["files"]["config.json"]["sha256"] == small


def test_a_cut_pull_goes_on_with_its_commit_when_the_branch_has_moved(
    hub: LoopbackHub, here: Hub, cache: Path
) -> None:
    first = hub.add(REPO, FILES)
    hub.faults.cut_after, hub.faults.cuts = 1_000_000, 99
    with pytest.raises(HubUnreachable):
        get(here, cache, patience=Patience(tries=0))
    hub.faults.cuts = 0
    hub.add(REPO, {**FILES, "sub/w.safetensors": WEIGHTS[::-1]})
    hub.asked.clear()
    assert get(here, cache)["model"].name == first
    assert [a.headers.get("range") for a in hub.gets("w.safetensors")] == ["bytes=1000000-"] * 2


def test_cut_connections_are_taken_up_where_they_broke(
    hub: LoopbackHub, here: Hub, cache: Path
) -> None:
    hub.add(REPO, FILES)
    hub.faults.cut_after, hub.faults.cuts = 1_100_000, 2
    waits: list[float] = []
    folder = get(here, cache, sleep=waits.append, patience=Patience(first_wait=0.5))["model"]
    assert (folder / "sub" / "w.safetensors").read_bytes() == WEIGHTS
    ranges = [a.headers.get("range") for a in hub.gets("w.safetensors") if a.server == "storage"]
    assert ranges == [None, "bytes=1100000-", "bytes=2200000-"]
    assert waits == [0.5, 0.5]


def test_a_hub_that_always_cuts_is_given_up_with_growing_waits(
    hub: LoopbackHub, here: Hub, cache: Path
) -> None:
    hub.add(REPO, FILES)
    hub.faults.cut_after, hub.faults.cuts = 1000, 999
    waits: list[float] = []
    with pytest.raises(HubUnreachable, match="cut 5 times in a row") as caught:
        get(here, cache, sleep=waits.append, patience=Patience(tries=4, longest_wait=4.0))
    assert waits == [1.0, 2.0, 4.0, 4.0]
    assert "goes on where it stopped" in caught.value.hint
    assert not whole(cache)
    assert not is_installed(CARD, "standard", cache)


def test_the_hub_may_name_the_wait(hub: LoopbackHub, here: Hub, cache: Path) -> None:
    hub.add(REPO, FILES)
    hub.faults.statuses = [("resolve", 429), ("resolve", 503)]
    hub.faults.retry_after = "7"
    waits: list[float] = []
    get(here, cache, sleep=waits.append)
    assert waits == [7.0, 7.0]


def test_a_server_without_ranges_is_read_from_the_beginning(
    hub: LoopbackHub, here: Hub, cache: Path
) -> None:
    hub.add(REPO, FILES)
    hub.faults.no_ranges = True
    hub.faults.cut_after, hub.faults.cuts = 1_500_000, 1
    seen: list[Progress] = []
    folder = get(here, cache, on_progress=seen.append)["model"]
    assert (folder / "sub" / "w.safetensors").read_bytes() == WEIGHTS
    assert seen[-1].done == seen[-1].total
    assert len([a for a in hub.gets("w.safetensors") if a.server == "storage"]) == 2


def test_wrong_bytes_are_fetched_again(hub: LoopbackHub, here: Hub, cache: Path) -> None:
    hub.add(REPO, FILES)
    hub.faults.wrong = {"sub/w.safetensors": 1, "config.json": 1}
    folder = get(here, cache)["model"]
    assert (folder / "sub" / "w.safetensors").read_bytes() == WEIGHTS
    assert (folder / "config.json").read_bytes() == FILES["config.json"]


def test_bytes_that_stay_wrong_never_get_the_final_name(
    hub: LoopbackHub, here: Hub, cache: Path
) -> None:
    hub.add(REPO, FILES)
    hub.faults.wrong = {"sub/w.safetensors": 99}
    with pytest.raises(WeightsBroken, match=r"sub/w\.safetensors arrived twice"):
        get(here, cache)
    assert not whole(cache)


def test_what_an_earlier_process_left_is_dropped_when_it_is_wrong(
    hub: LoopbackHub, here: Hub, cache: Path
) -> None:
    hub.add(REPO, FILES)
    blobs = cache / "models--maker--toy" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{SHA256}.incomplete").write_bytes(b"\0" * 2_000_000)
    folder = get(here, cache)["model"]
    assert (folder / "sub" / "w.safetensors").read_bytes() == WEIGHTS
    (blobs / SHA256).unlink()
    (blobs / f"{SHA256}.incomplete").write_bytes(WEIGHTS + b"more")
    assert (get(here, cache)["model"] / "sub" / "w.safetensors").read_bytes() == WEIGHTS


def test_a_damaged_file_is_mended_by_the_next_pull(
    hub: LoopbackHub, here: Hub, cache: Path
) -> None:
    hub.add(REPO, FILES)
    file = get(here, cache)["model"] / "sub" / "w.safetensors"
    file.resolve().write_bytes(WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1]))
    assert is_installed(CARD, "standard", cache)
    get(here, cache)
    assert file.read_bytes() == WEIGHTS


def test_progress_counts_every_byte_once(hub: LoopbackHub, here: Hub, cache: Path) -> None:
    hub.add(REPO, FILES)
    seen: list[Progress] = []
    get(here, cache, on_progress=seen.append)
    total = len(WEIGHTS) + len(FILES["config.json"])
    assert {p.total for p in seen} == {total}
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert (seen[-1].phase, seen[-1].done) == ("fetch", total)
    seen.clear()
    get(here, cache, on_progress=seen.append)
    assert (seen[-1].phase, seen[-1].done) == ("check", total)


def test_a_decision_names_sizes_and_what_is_here(hub: LoopbackHub, here: Hub, cache: Path) -> None:
    hub.add(REPO, FILES)
    hub.faults.cut_after, hub.faults.cuts = 1_000_000, 1
    before = needed(CARD, "standard", cache=cache, hub=here)
    assert before.total_bytes == before.fetch_bytes == len(WEIGHTS) + len(FILES["config.json"])
    assert not cache.exists()
    with pytest.raises(HubUnreachable):
        get(here, cache, patience=Patience(tries=0))
    after = needed(CARD, "standard", cache=cache, hub=here)
    assert after.here_bytes == 1_000_000 + len(FILES["config.json"])
    assert after.short_bytes == 0


def test_what_was_shown_is_what_is_pulled(hub: LoopbackHub, here: Hub, cache: Path) -> None:
    hub.add(REPO, FILES)
    shown = needed(CARD, "standard", cache=cache, hub=here)
    hub.add(REPO, {**FILES, "config.json": b"{}"})
    assert get(here, cache, order=shown)["model"].name == shown.files[0].at.commit


def test_a_full_disk_is_refused_before_the_first_byte(
    hub: LoopbackHub, here: Hub, cache: Path
) -> None:
    hub.add(REPO, FILES)
    hub.faults.huge = {"sub/w.safetensors": 10**18}
    with pytest.raises(DiskFull, match="needs 1e\\+09 GB more") as caught:
        get(here, cache)
    assert "Make room for" in caught.value.hint
    assert not hub.gets()


def test_a_disk_that_fills_up_keeps_what_arrived(
    hub: LoopbackHub, here: Hub, cache: Path, child: Child
) -> None:
    hub.add(REPO, FILES)
    limited = child(
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "from toys import pull_toy; pull_toy()"
    )
    _, words = limited.communicate(timeout=180)
    assert limited.returncode == 75, words
    assert "disk is full, maker/toy/sub/w.safetensors" in words
    part = cache / "models--maker--toy" / "blobs" / f"{SHA256}.incomplete"
    assert part.stat().st_size == 1 << 20
    hub.asked.clear()
    get(here, cache)
    assert {a.headers.get("range") for a in hub.gets("w.safetensors")} == {f"bytes={1 << 20}-"}


def test_a_killed_pull_is_taken_up_by_the_next_process(
    hub: LoopbackHub, here: Hub, cache: Path, child: Child
) -> None:
    large = random.Random(8).randbytes(20_000_000)
    name = hashlib.sha256(large).hexdigest()
    hub.add(REPO, {**FILES, "sub/w.safetensors": large})
    hub.faults.pause = 0.01
    part = cache / "models--maker--toy" / "blobs" / f"{name}.incomplete"
    victim = child("from toys import pull_toy; pull_toy()")
    while not part.exists() or part.stat().st_size < 2_000_000:
        assert victim.poll() is None, victim.communicate()
        time.sleep(0.005)
    victim.kill()
    victim.wait()
    arrived = part.stat().st_size
    assert 2_000_000 <= arrived < 20_000_000
    assert not whole(cache)
    assert not is_installed(CARD, "standard", cache)
    hub.faults.pause = 0.0
    hub.asked.clear()
    second = child("from toys import pull_toy; pull_toy()")
    folder, words = second.communicate(timeout=180)
    assert second.returncode == 0, words
    held = (Path(folder.strip()) / "sub" / "w.safetensors").read_bytes()
    assert hashlib.sha256(held).hexdigest() == name
    assert {a.headers.get("range") for a in hub.gets("w.safetensors")} == {f"bytes={arrived}-"}


def test_two_pulls_of_one_file_do_not_collide(
    hub: LoopbackHub, here: Hub, cache: Path, child: Child
) -> None:
    hub.add(REPO, FILES)
    hub.faults.pause = 0.02
    first = child("from toys import pull_toy; pull_toy()")
    while not hub.gets("w.safetensors"):
        assert first.poll() is None, first.communicate()
        time.sleep(0.005)
    with pytest.raises(LockHeld, match="another program is fetching maker/toy"):
        get(here, cache)
    _, words = first.communicate(timeout=180)
    assert first.returncode == 0, words
    hub.asked.clear()
    get(here, cache)
    assert not hub.gets()


def test_without_links_the_files_themselves_lie_in_the_snapshot(
    hub: LoopbackHub, cache: Path, child: Child
) -> None:
    hub.add(REPO, FILES)
    for _ in range(2):
        process = child("from toys import pull_toy; pull_toy()", HF_HUB_DISABLE_SYMLINKS="1")
        folder, words = process.communicate(timeout=180)
        assert process.returncode == 0, words
    file = Path(folder.strip()) / "sub" / "w.safetensors"
    assert not file.is_symlink()
    assert file.read_bytes() == WEIGHTS
    assert len(hub.gets("w.safetensors")) == 2  # one redirect, one answer of the storage
    assert not list((cache / "models--maker--toy" / "blobs").iterdir())


def test_the_token_does_not_follow_to_another_host(hub: LoopbackHub, cache: Path) -> None:
    hub.add(REPO, FILES)
    hub.faults.private, hub.faults.token = {REPO}, "hf_secret"
    pull(CARD, "standard", cache=cache, hub=Hub(endpoint=hub.endpoint, token="hf_secret"))
    to_hub = [a for a in hub.asked if a.server == "hub"]
    to_storage = [a for a in hub.asked if a.server == "storage"]
    assert to_storage
    assert all(a.headers["authorization"] == "Bearer hf_secret" for a in to_hub)
    assert not any("authorization" in {k.lower() for k in a.headers} for a in to_storage)
    assert "hf_secret" not in repr(Hub(endpoint="", token="hf_secret"))


def test_the_hub_learns_a_name_and_a_version_only(hub: LoopbackHub, here: Hub, cache: Path) -> None:
    hub.add(REPO, FILES)
    get(here, cache)
    assert {a.headers["user-agent"] for a in hub.asked} == {"reelkiln/0.1.0"}


def test_a_name_that_windows_keeps_is_refused(hub: LoopbackHub, here: Hub, cache: Path) -> None:
    hub.add(REPO, {"aux.json": b"{}"})
    with pytest.raises(UsageError, match=r"aux\.json"):
        pull(a_card(a_source(REPO, "aux.json")), "standard", cache=cache, hub=here)
    assert not hub.asked


def test_a_missing_file_is_named_with_all_the_others(
    hub: LoopbackHub, here: Hub, cache: Path
) -> None:
    hub.add(REPO, FILES)
    card = a_card(a_source(REPO, "config.json", "vae/a.json", "vae/b.json"))
    with pytest.raises(WeightsMissing, match=r"maker/toy has no file vae/a\.json") as caught:
        pull(card, "standard", cache=cache, hub=here)
    assert caught.value.details == ("missing: vae/a.json", "missing: vae/b.json")


def test_an_unwritable_cache_says_so(hub: LoopbackHub, here: Hub, tmp_path: Path) -> None:
    hub.add(REPO, FILES)
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written") as caught:
        get(here, blocked / "hub")
    assert "HF_HOME" in caught.value.hint


def test_same_content_twice_in_one_repository(hub: LoopbackHub, here: Hub, cache: Path) -> None:
    hub.add(REPO, {"a/config.json": b"{}", "b/config.json": b"{}"})
    card = a_card(a_source(REPO, "a/config.json", "b/config.json"))
    folder = pull(card, "standard", cache=cache, hub=here)["model"]
    assert (folder / "b" / "config.json").read_bytes() == b"{}"
    assert len(hub.gets()) == 1


ILLS = st.builds(
    Faults,
    cut_after=st.integers(1, 60_000),
    cuts=st.integers(0, 6),
    no_ranges=st.booleans(),
    wrong=st.integers(0, 2).map(lambda answers: {"w.safetensors": answers}),
)


@settings(max_examples=40, deadline=None)
@given(ILLS, st.integers(0, 70_000), st.booleans())
def test_whatever_goes_wrong_a_complete_file_is_a_right_file(
    faults: Faults, left: int, spoiled: bool
) -> None:
    data = WEIGHTS[:50_000]
    name = hashlib.sha256(data).hexdigest()
    with tempfile.TemporaryDirectory() as folder, loopback_hub() as hub:
        at = Pinned(REPO, hub.add(REPO, {"w.safetensors": data}))
        hub.faults = faults
        target = Path(folder) / "blobs" / name
        target.parent.mkdir()
        leftover = (WEIGHTS[::-1] if spoiled else WEIGHTS)[:left]
        target.with_name(f"{name}.incomplete").write_bytes(leftover)
        gained: list[int] = []
        ends = fetch_or_not(Hub(endpoint=hub.endpoint), at, target, gained.append)
        close_session()
        assert target.exists() is ends
        if ends:
            assert target.read_bytes() == data
            assert sum(gained) == len(data)


def fetch_or_not(hub: Hub, at: Pinned, target: Path, on_bytes: Callable[[int], None]) -> bool:
    file = HubFile("w.safetensors", 50_000, target.name)
    try:
        sha256 = fetch(hub, at, file, target, on_bytes=on_bytes, patience=QUICK, sleep=no_wait)
    except (HubUnreachable, WeightsBroken):
        return False
    return sha256 == target.name
