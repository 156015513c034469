"""A new workspace: the worked example of a brand, ready to be changed."""

import shutil
from importlib import resources
from pathlib import Path

from reelkiln.errors import UsageError

__all__ = ["write_starter"]


def write_starter(folder: Path) -> tuple[Path, ...]:
    """Write the example workspace into a new or empty folder; returns the files, sorted.

    It is written beside the folder first and moved in whole, so that a stop leaves nothing half.

    Raises:
        UsageError: the folder holds something already, or cannot be written.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", hint="name a new folder: reelkiln init FOLDER")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", hint="name a new folder: reelkiln init FOLDER")
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        with resources.as_file(resources.files("reelkiln.script").joinpath("starter")) as starter:
            shutil.copytree(starter, part, ignore=shutil.ignore_patterns("__pycache__"))
        if folder.is_dir():
            folder.rmdir()
        part.replace(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise UsageError(
            f"{folder} cannot be written: {error.strerror or error}",
            hint="name a folder that you may write to",
        ) from error
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
