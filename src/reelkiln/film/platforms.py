"""The platforms: one TOML file each in `film/platforms/`, read strictly.

A new platform is one more file there. `docs/team/platforms.md` says what they mean for a person.
"""

from collections.abc import Mapping
from fractions import Fraction
from importlib.resources import files

from reelkiln.errors import UsageError, unknown_name
from reelkiln.film.rules import House, Platform
from reelkiln.plan.form import read_toml

__all__ = ["find_platform", "house_rules", "least_seconds", "load_platforms", "read_platform"]


def load_platforms() -> Mapping[str, Platform]:
    """Every platform of the package by its name, in alphabetical order.

    Raises:
        UsageError: a file has a mistake; the message names the file and the key.
    """
    folder = files("reelkiln.film") / "platforms"
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    platforms = (read_platform((folder / name).read_text("utf-8"), name) for name in found)
    return {platform.name: platform for platform in platforms}


def find_platform(name: str) -> Platform:
    """The platform of that name.

    Raises:
        UnknownName: there is none; the hint names the nearest.
    """
    platforms = load_platforms()
    if name not in platforms:
        raise unknown_name("platform", name, platforms)
    return platforms[name]


def house_rules() -> House:
    """Our own rules for every film, from `film/house.toml`.

    Raises:
        UsageError: the file has a mistake.
    """
    name = "house.toml"
    house: House = read_toml(House, (files("reelkiln.film") / name).read_text("utf-8"), name)
    return house


def least_seconds() -> Mapping[str, Fraction]:
    """The shortest video that each network takes, for those that state one.

    Raises:
        UsageError: a file has a mistake.
    """
    least: dict[str, Fraction] = {}
    for platform in load_platforms().values():
        bound = platform.limits.seconds.least
        if bound is not None:
            known = least.get(platform.network, Fraction(bound))
            least[platform.network] = min(known, Fraction(bound))
    return least


def read_platform(text: str, file: str) -> Platform:
    """One platform from the text of its file, whose name must be the platform's plus `.toml`.

    Raises:
        UsageError: it is no TOML, a key is unknown, missing or of the wrong type, or a figure names
            no source.
    """
    platform: Platform = read_toml(Platform, text, file)
    if file != f"{platform.name}.toml":
        raise UsageError(f"{file}: holds the platform {platform.name!r}", hint="Name both alike.")
    return platform
