"""Told storyboards become finished reels: shot, joined, dressed, labelled, proved, remembered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reelkiln.errors import UsageError
from reelkiln.film.platforms import find_platform
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.board import ReelOrder
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.deliver import file_sha256
from reelkiln.kiln.deliver_reel import ReelDelivery, ReelMaker, record_reel
from reelkiln.kiln.dress import dress, settled
from reelkiln.kiln.edit import Edit, FileNote
from reelkiln.kiln.looks import Tools
from reelkiln.kiln.shelf import Shelf
from reelkiln.kiln.shoot import distinct, shoot
from reelkiln.kiln.standards import photo_for, scorer_for
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.models.installed import locate

__all__ = ["check_files", "make_reels"]


def make_reels(
    orders: Sequence[ReelOrder],
    choice: Choice,
    bench: Bench,
    watch: Watch,
    *,
    embed: bool = False,
    anew: bool = False,
) -> tuple[ReelDelivery, ...]:
    """Make every reel; shots that several of them show are rendered once.

    What lies over the pictures and is heard is made ready first, so that a mistake in it costs no
    rendering. Kept takes stay on the bench's shelf: made again, a reel goes on where it stopped.

    Args:
        orders: at least one, all for the same model.
        embed: write the whole recipe, words included, into the films, not only its hash.
        anew: render every shot, also those whose takes lie on the shelf.

    Raises:
        GateRefused: a shot was refused: no reel is made; the details name what was kept.
        UsageError: a text, logo, font or music that cannot be used, or a certificate.
        WeightsMissing, WeightsBroken, MissingLibrary: before anything is rendered.
        FilmError, DiskFull, LedgerError, LockHeld, RenderFailed: the reels made so far stay.
    """
    signer = bench.signer()
    shots = [shot for order in orders for shot in order.shots]
    first = distinct(shots)
    scorer = scorer_for(locate(choice.card, shots[0].shot.preset, bench.cache), bench.cache)
    with bench.scratch_folder() as scratch:
        dressed = [
            dress(
                order.edit,
                order.folder,
                find_platform(order.edit.platform),
                scratch / f"sound-{number}.f32",
            )
            for number, order in enumerate(orders)
        ]
        shelf = Shelf(scratch / "takes" if anew else bench.shelf)
        footage = list(
            shoot(shots, choice, bench, watch, signer=signer, shelf=shelf, further=len(orders))
        )
        deliveries = []
        for number, (order, worn) in enumerate(zip(orders, dressed, strict=True), 1):
            mine, footage = footage[: len(order.shots)], footage[len(order.shots) :]
            clock = PhaseClock(bench.clock, watch, clip=first + number, clips=first + len(orders))
            platform = find_platform(order.edit.platform)
            fitted = settled(worn, order.edit, order.folder, platform, mine)
            maker = ReelMaker(
                edit=order.edit,
                movie=order.movie,
                platform=platform,
                worn=fitted,
                footage=mine,
                cards={choice.card.name: choice.card},
                signer=signer,
                clock=clock,
                embed=embed,
                tools=Tools(scorer=scorer, photo=photo_for(order.shots[0].photo)),
            )
            deliveries.append(maker.delivered())
            record_reel(deliveries[-1], mine, bench)
    return tuple(deliveries)


def check_files(edit: Edit, folder: Path) -> None:
    """Refuse to make a reel again whose files are others by now.

    Raises:
        UsageError: a logo, font or track is gone, or is not the file it was; all are named.
    """
    music = edit.music.track if edit.music else None
    notes = [note for note in (edit.logo, edit.heading, edit.body, music) if note]
    wrong = tuple(said for note in notes if (said := _changed(folder, note)))
    if wrong:
        raise UsageError(
            "files that the reel was made with are not here as they were",
            hint="Go into the reel's workspace and put them back, or make it anew with"
            " `reelkiln reel`.",
            details=wrong,
        )


def _changed(folder: Path, note: FileNote) -> str:
    try:
        same = file_sha256(folder / note.path) == note.sha256
    except OSError as error:
        return f"{note.path}: {error.strerror or error}"
    return "" if same else f"{note.path}: it is another file by now"
