"""Where files lie in the Hugging Face cache, so that other programs share what we fetch.

    <cache>/models--owner--name/blobs/<etag>                the bytes, named by their hash
    <cache>/models--owner--name/snapshots/<commit>/<path>   a link to a blob, or the file itself
    <cache>/models--owner--name/refs/<branch>               the commit a branch was resolved to
    <cache>/.locks/models--owner--name/<etag>.lock          who is fetching that blob
    <cache>/.locks/reelkiln/<card>.json                     what was resolved, by card (`lock.py`)
    <cache>/.locks/reelkiln/words/                          words that were encoded already

The first four are huggingface_hub 2.4's own (`file_download.py`), down to the names of the locks:
its downloads and ours keep out of each other's way. Its tools skip `.locks`, so our files are safe
there and travel with the cache.
"""

from pathlib import Path, PurePosixPath

from huggingface_hub import constants

from reelkiln.errors import UsageError
from reelkiln.names import wrong_path

__all__ = [
    "blob_path",
    "cache_folder",
    "claim_path",
    "latents_folder",
    "lock_folder",
    "ref_path",
    "repo_folder",
    "safe_path",
    "snapshot_folder",
    "words_folder",
]


def cache_folder(cache: Path | None) -> Path:
    """The given cache, else the one that `HF_HUB_CACHE` or `HF_HOME` name, else the usual one."""
    return cache if cache is not None else Path(constants.HF_HUB_CACHE)


def lock_folder(cache: Path) -> Path:
    """Where the lock files of cards lie when the caller names no folder."""
    return cache / ".locks" / "reelkiln"


def words_folder(cache: Path) -> Path:
    """Where encoded words are kept between runs; it may not exist yet."""
    return lock_folder(cache) / "words"


def latents_folder(cache: Path) -> Path:
    """Where a computer of a fleet, which has no workspace, keeps what it denoised; it may not exist
    yet."""
    return lock_folder(cache) / "latents"


def _folder_name(repo: str) -> str:
    return "--".join(("models", *safe_path(repo).parts))


def repo_folder(cache: Path, repo: str) -> Path:
    """The folder of one repository ("owner/name")."""
    return cache / _folder_name(repo)


def blob_path(cache: Path, repo: str, blob: str) -> Path:
    """The file that holds the bytes whose hash is `blob` (40 or 64 hex digits)."""
    return repo_folder(cache, repo) / "blobs" / blob


def snapshot_folder(cache: Path, repo: str, commit: str) -> Path:
    """The folder that looks like the repository at `commit`."""
    return repo_folder(cache, repo) / "snapshots" / commit


def ref_path(cache: Path, repo: str, branch: str) -> Path:
    """The file that says which commit `branch` was when it was last resolved."""
    return repo_folder(cache, repo) / "refs" / safe_path(branch)


def claim_path(cache: Path, repo: str, blob: str) -> Path:
    """The lock file of whoever is fetching `blob`."""
    return cache / ".locks" / _folder_name(repo) / f"{blob}.lock"


def safe_path(name: str) -> PurePosixPath:
    """A path inside a repository that is also a legal relative path on every desktop.

    Raises:
        UsageError: absolute, with `..`, or not a legal file name on Windows.
    """
    wrong = wrong_path(name)
    if wrong:
        raise UsageError(
            f"the file name {name!r} {wrong}",
            hint="Correct the list of files in the model's card.",
        )
    return PurePosixPath(name)
