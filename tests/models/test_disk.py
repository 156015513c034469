"""What is installed, what is locked, what is verified: all from the disk, without a hub."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from toys import a_card, a_source, safetensors

from reelkiln.errors import UnknownName, UsageError, WeightsBroken, WeightsMissing
from reelkiln.models import installed, layout, manifest
from reelkiln.models.cards import find_card
from reelkiln.models.hashes import Digest
from reelkiln.models.lock import Lock, LockedFile, LockedSource, read_lock, write_lock
from reelkiln.models.verify import verify
from reelkiln.plan.card import Preset

COMMIT = "a" * 40
WEIGHTS = safetensors({"w": ("F32", (64,))})
SPARK = find_card("spark")


def digest(data: bytes) -> Digest:
    made = Digest(len(data))
    made.update(data)
    return made


def snapshot(cache: Path, commit: str = COMMIT, repo: str = "maker/toy") -> Path:
    folder = layout.snapshot_folder(cache, repo, commit)
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(b"{}")
    (folder / "w.safetensors").write_bytes(WEIGHTS)
    return folder


def locked(commit: str = COMMIT) -> Lock:
    sha256 = digest(WEIGHTS).sha256
    files = {
        "config.json": LockedFile(2, "9e26dfeeb6e641a33dae4961196235bdb965b21b"),
        "w.safetensors": LockedFile(len(WEIGHTS), sha256, sha256),
    }
    return Lock("toy", {"model": LockedSource("maker/toy", "main", commit, files)})


def test_the_bundled_model_is_here_and_whole() -> None:
    folders = installed.locate(SPARK, SPARK.default_preset)
    assert {"model", "motion", "judge"} == set(folders)
    assert (folders["model"] / "unet" / "config.json").is_file()
    assert installed.is_installed(SPARK, SPARK.default_preset)
    assert verify(SPARK, SPARK.default_preset) == ()


def test_the_record_of_the_bundled_model_is_up_to_date() -> None:
    folder = installed.bundled_folder(SPARK)
    assert manifest.read_manifest(folder) == manifest.make_manifest(folder)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's bundled weights as a copy that a test may damage."""
    shutil.copytree(installed.bundled_folder(SPARK), tmp_path / "bundled" / "spark")
    monkeypatch.setattr(installed.resources, "files", lambda _package: tmp_path)
    return tmp_path / "bundled" / "spark"


def test_a_bundled_file_of_another_size_is_named(copied: Path) -> None:
    (copied / "model" / "unet" / "config.json").write_bytes(b"{}")
    with pytest.raises(WeightsBroken, match=r"model/unet/config\.json has 2 bytes"):
        installed.locate(SPARK, SPARK.default_preset)
    assert not installed.is_installed(SPARK, SPARK.default_preset)


def test_a_turned_bit_in_a_bundled_file_is_found_by_its_hash(copied: Path) -> None:
    path = copied / "motion" / "diffusion_pytorch_model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert installed.is_installed(SPARK, SPARK.default_preset)
    (broken,) = verify(SPARK, SPARK.default_preset)
    assert (broken.source, broken.path) == ("motion", path)
    assert "sha256" in str(broken)


def test_a_lost_record_says_so(copied: Path) -> None:
    (copied / manifest.MANIFEST).write_text("{}")
    with pytest.raises(WeightsBroken, match=r"MANIFEST\.json"):
        installed.locate(SPARK, SPARK.default_preset)


def test_what_is_missing_is_told_with_its_size_and_the_command(cache: Path) -> None:
    card = a_card(a_source(bytes=1_820_000_000))
    with pytest.raises(WeightsMissing, match=r"1\.82 GB to download from maker/toy") as caught:
        installed.locate(card, "standard", cache)
    assert "reelkiln models pull toy" in caught.value.hint
    assert not installed.is_installed(card, "standard", cache)
    assert installed.disk_bytes(card, cache) == 0


def test_what_another_program_fetched_is_found_by_branch_or_revision(cache: Path) -> None:
    folder = snapshot(cache)
    branch, seen = a_card(a_source()), a_card(a_source(revision=COMMIT))
    assert not installed.is_installed(branch, "standard", cache)
    assert installed.locate(seen, "standard", cache) == {"model": folder}
    ref = layout.ref_path(cache, "maker/toy", "main")
    ref.parent.mkdir()
    ref.write_text(COMMIT)
    assert installed.locate(branch, "standard", cache) == {"model": folder}
    assert installed.disk_bytes(branch, cache) == len(WEIGHTS) + 2
    shutil.copytree(folder, cache.parent / "elsewhere")
    ref.write_text("../../../elsewhere")
    assert not installed.is_installed(branch, "standard", cache)


def test_the_locked_commit_is_the_only_one_that_counts(cache: Path) -> None:
    other = snapshot(cache, "b" * 40)
    ref = layout.ref_path(cache, "maker/toy", "main")
    ref.parent.mkdir()
    ref.write_text(other.name)
    card = a_card(a_source())
    assert installed.is_installed(card, "standard", cache)
    write_lock(layout.lock_folder(cache), locked())
    assert not installed.is_installed(card, "standard", cache)
    assert installed.locate(card, "standard", cache, locks=cache / "none")["model"] == other
    snapshot(cache)
    assert installed.locate(card, "standard", cache)["model"].name == COMMIT
    moved = a_card(a_source(branch="v2"))
    assert not installed.is_installed(moved, "standard", cache)


def test_a_preset_loads_only_what_it_adds() -> None:
    plain = Preset(steps=1, guidance=1.0, scheduler="EulerDiscreteScheduler")
    more = Preset(steps=1, guidance=1.0, scheduler="EulerDiscreteScheduler", adds=("fast",))
    card = a_card(a_source(), a_source(name="fast"), presets={"standard": plain, "draft": more})
    assert [s.name for s in installed.sources_for(card, "standard")] == ["model"]
    assert [s.name for s in installed.sources_for(card, "draft")] == ["model", "fast"]
    with pytest.raises(UnknownName, match="no preset 'best'") as caught:
        installed.sources_for(card, "best")
    assert "standard, draft" in caught.value.hint


def test_a_lock_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_lock(tmp_path, "toy") is None
    write_lock(tmp_path, locked())
    assert read_lock(tmp_path, "toy") == locked()
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["toy.json"]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: "{",
        lambda data: "[]",
        lambda data: json.dumps({**data, "format": 99}),
        lambda data: json.dumps(data).replace(COMMIT, "../../../etc"),
        lambda data: json.dumps(data).replace("config.json", "../../x"),
        lambda data: json.dumps(data).replace("9e26dfeeb6", "../../../x"),
    ],
)
def test_a_damaged_lock_is_named(tmp_path: Path, change: object) -> None:
    path = write_lock(tmp_path, locked())
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(WeightsBroken, match=r"toy\.json of the model toy cannot be read") as caught:
        read_lock(tmp_path, "toy")
    assert "Delete that file" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "damage", "why"),
    [
        ("w.safetensors", lambda data: data[:-1] + b"\1", "sha256"),
        ("w.safetensors", lambda data: data[:-9], "is truncated: 9 bytes are missing"),
        ("config.json", lambda data: b"[]", "sha256"),
        ("config.json", lambda data: b"{ }", "3 bytes instead of 2"),
    ],
)
def test_verify_names_the_broken_file(cache: Path, name: str, damage: object, why: str) -> None:
    folder = snapshot(cache)
    write_lock(layout.lock_folder(cache), locked())
    card = a_card(a_source())
    assert verify(card, "standard", cache) == ()
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    (broken,) = verify(card, "standard", cache)
    assert broken.path == folder / name
    assert why in broken.why


def test_verify_holds_another_programs_file_against_its_blobs_name(cache: Path) -> None:
    folder = snapshot(cache)
    blob = layout.blob_path(cache, "maker/toy", digest(WEIGHTS).sha256)
    blob.parent.mkdir()
    (folder / "w.safetensors").rename(blob)
    (folder / "w.safetensors").symlink_to(blob)
    card = a_card(a_source(revision=COMMIT))
    assert verify(card, "standard", cache) == ()
    blob.write_bytes(WEIGHTS[:-1] + b"\1")
    assert [b.path.name for b in verify(card, "standard", cache)] == ["w.safetensors"]


def test_verify_tells_how_far_it_is(cache: Path) -> None:
    snapshot(cache)
    write_lock(layout.lock_folder(cache), locked())
    seen: list[int] = []
    verify(a_card(a_source()), "standard", cache, on_file=lambda _path, size: seen.append(size))
    assert sum(seen) == len(WEIGHTS) + 2


def test_git_names_small_files() -> None:
    """`printf 'what is up, doc?' | git hash-object --stdin`, the example of the git book."""
    assert digest(b"what is up, doc?").names("bd9dbf5aae1a3862dd1526723246b20206e5fc37")


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "con.json", "a\\b", "x.", ""])
def test_names_that_leave_the_cache_or_that_windows_cannot_hold(name: str) -> None:
    with pytest.raises(UsageError):
        layout.safe_path(name)
