"""`reelkiln pack` and `reelkiln unpack`: a workspace moves to another computer in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelkiln.cli.console import out, say, show_json
from reelkiln.cli.options import Force, Json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelkiln.kiln.pack import Manifest
    from reelkiln.plan.card import Card
    from reelkiln.workshop.open import Workshop

__all__ = ["pack", "unpack"]


def pack(
    *,
    target: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE.zip", help="Default: the workspace's name."),
    ] = None,
    with_models: Annotated[
        bool, typer.Option("--with-models", help="Pack the weights of the models used, too.")
    ] = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Put the workspace around the current folder into one file, to move it elsewhere."""
    from datetime import UTC, datetime

    from reelkiln.errors import UsageError
    from reelkiln.kiln.pack import pack as write
    from reelkiln.models.portable import weight_files
    from reelkiln.workshop.open import current_folder, open_workshop
    from reelkiln.workshop.settings import read_settings

    workshop = open_workshop(current_folder(), read_settings())
    folder = workshop.workspace
    if folder is None:
        raise UsageError("no brand.yaml here or above", hint="Go into a workspace.")
    file = target or folder.parent / f"{folder.name}.zip"
    if file.exists() and not force:
        raise UsageError(f"{file} exists already", hint="Name another with -o, or add --force.")
    used = _used(workshop)
    cache = workshop.settings.cache
    weights = {
        place: path
        for card in used.values()
        if with_models
        for place, path in weight_files(card, cache).items()
    }
    sizes = {name: sum(source.bytes for source in card.used_sources) for name, card in used.items()}
    packed = write(
        folder,
        workshop.state,
        file,
        now=datetime.now(UTC),
        models=sizes,
        weights=weights,
    )
    if json:
        show_json({"file": str(file), "bytes": packed.bytes, **_told(packed.manifest)})
        return
    out(str(file))
    say(f"{len(packed.manifest.files)} files, {packed.bytes / 10**6:.1f} MB")
    _say_models(packed.manifest, inside=with_models)
    say("not in it: the key that signs labels (the other computer makes its own), work in progress")


def unpack(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="A file of `reelkiln pack`.")],
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="A new folder. Default: the file's name."),
    ] = None,
    *,
    listing: Annotated[
        bool, typer.Option("--list", help="Show what is in it, unpack nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a workspace of a packed one: every file checked, all of it or nothing."""
    from reelkiln.kiln.pack import MODELS
    from reelkiln.kiln.unpack import read_manifest
    from reelkiln.kiln.unpack import unpack as bring
    from reelkiln.models.layout import cache_folder
    from reelkiln.workshop.settings import read_settings

    target = folder or Path(file.stem)
    if listing:
        manifest = read_manifest(file)
        if json:
            show_json(_told(manifest))
            return
        for name, entry in manifest.files.items():
            out(f"{entry.bytes:>12}  {name}")
        return
    manifest = bring(file, target, cache=cache_folder(read_settings().cache))
    if json:
        show_json({"folder": str(target), **_told(manifest)})
        return
    out(str(target))
    say(f"{len(manifest.files)} files, each as it was packed")
    _say_models(manifest, inside=any(name.startswith(f"{MODELS}/") for name in manifest.files))


def _used(workshop: Workshop) -> Mapping[str, Card]:
    """The models of the workspace's deliveries that have to be fetched."""
    from reelkiln.models.cards import load_cards
    from reelkiln.store.ledger import open_ledger
    from reelkiln.store.reviews import models_used

    path = workshop.state / "ledger.db"
    if not path.is_file():
        return {}
    with open_ledger(path) as ledger:
        names = models_used(ledger)
    return {name: card for name, card in load_cards().items() if name in names and not card.bundled}


def _say_models(manifest: Manifest, *, inside: bool) -> None:
    if manifest.models and not inside:
        pulls = ", ".join(f"`reelkiln models pull {name}`" for name in manifest.models)
        say(f"models are not in it; on the other computer: {pulls}")


def _told(manifest: Manifest) -> dict[str, object]:
    return {
        "made_at": manifest.made_at,
        "files": {name: entry.bytes for name, entry in manifest.files.items()},
        "models": dict(manifest.models),
    }
