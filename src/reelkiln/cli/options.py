"""Options that several commands share, each with its help."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Aspect",
    "Force",
    "Json",
    "ModelName",
    "Negative",
    "Out",
    "PresetName",
    "Private",
    "Prompt",
    "Quiet",
    "Seconds",
    "Seed",
    "SizeText",
    "StartPicture",
]

Prompt = Annotated[
    str,
    typer.Argument(
        metavar="PROMPT", help="What the picture shows, in a sentence. - reads it from stdin."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        metavar="FILE",
        help="The MP4 to write, or a folder to write it in. Without it the file is named by words"
        " and seed, in the current folder.",
    ),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="A model by name. auto, the default, takes the one that suits this machine.",
    ),
]
PresetName = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="draft, standard or final: how many steps it takes. Default: the model's own.",
    ),
]
Seconds = Annotated[
    str, typer.Option("--seconds", metavar="N", help="How long the clip is, from 1 to 8.")
]
Aspect = Annotated[
    str | None,
    typer.Option("--aspect", metavar="W:H", help="9:16, the default, 4:5, 1:1 or 16:9."),
]
SizeText = Annotated[
    str | None,
    typer.Option("--size", metavar="WxH", help="Width and height in pixels, instead of --aspect."),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        max=2**32 - 1,
        help="The same seed gives the same clip. Without it one is drawn and printed.",
    ),
]
Negative = Annotated[
    str, typer.Option("--negative", metavar="TEXT", help="What the picture should not show.")
]
StartPicture = Annotated[
    Path | None,
    typer.Option(
        "--image",
        metavar="FILE",
        help="A picture to begin from, for models that can: PNG, JPEG, WebP, TIFF or BMP.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")]
Private = Annotated[
    bool,
    typer.Option(
        "--private", help="Keep prompt and recipe out of the film: it carries the recipe's hash."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only the names of the films.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
