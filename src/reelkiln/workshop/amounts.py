"""Amounts of memory, as people write them."""

import re

from reelkiln.errors import UsageError

__all__ = ["parse_bytes"]

UNITS = {"": 2**30, "g": 2**30, "gib": 2**30, "gb": 10**9, "m": 2**20, "mib": 2**20, "mb": 10**6}


def parse_bytes(text: str) -> int:
    """Bytes in "4GiB", "3.5 GB", "3400MiB"; a number alone is GiB.

    >>> parse_bytes("4GiB"), parse_bytes("3.5"), parse_bytes("500 MB")
    (4294967296, 3758096384, 500000000)

    Raises:
        UsageError: it is no amount, or over 64 TiB.
    """
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*([a-zA-Z]*)", text.strip())
    unit = UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise UsageError(f"{text!r} is no amount of memory", hint="Write it like 4GiB or 3400MiB.")
    size = round(float(found[1]) * unit)
    if size > 64 * 2**40:
        raise UsageError(f"{text!r} is more memory than there is", hint="Write it like 4GiB.")
    return size
