"""10,000 fuzzed templates, storyboards and tables: the slowest, and that none surprises.

Usage: python benchmarks/script_fuzz.py
"""

import json
import platform
import random
import time
from collections.abc import Callable
from importlib import resources

from reelkiln.script.batch import read_batch
from reelkiln.script.document import parse
from reelkiln.script.form import fill
from reelkiln.script.products import read_products
from reelkiln.script.sheet import decode
from reelkiln.script.storyboard import Storyboard
from reelkiln.script.template import Template

CASES = 10_000


def seeds() -> dict[str, bytes]:
    """The starter's own files, from which the fuzz grows."""
    starter = resources.files("reelkiln.script").joinpath("starter")
    found = {"products.csv": starter.joinpath("products.csv").read_bytes()}
    for shelf in ("templates", "storyboards"):
        for file in starter.joinpath(shelf).iterdir():
            found[f"{shelf}/{file.name}"] = file.read_bytes()
    return found


def mutate(data: bytes, rng: random.Random) -> bytes:
    """A few cuts, repeats and foreign bytes, as broken editors and hostile hands make them."""
    spice = [
        b"\t",
        b"&a ",
        b"*a",
        b"!!x ",
        b"{",
        b"}",
        b"'",
        b"\n- ",
        b"\x00",
        b"\xe9",
        b": ",
        b"=1",
    ]
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.randint(0, 200))
        match rng.randrange(4):
            case 0:
                data = data[:at] + data[end:]
            case 1:
                data = data[:at] + data[at:end] * rng.randint(1, 20) + data[end:]
            case 2:
                data = data[:at] + rng.choice(spice) + data[at:]
            case _:
                data = data[:at] + rng.randbytes(3) + data[at:]
    return data


def reader(name: str) -> Callable[[str], object]:
    """What reads a file of that name."""
    if name.endswith(".csv"):
        return lambda text: (read_products(text, name), read_batch(text, name, models={}))
    form = Template if name.startswith("templates") else Storyboard
    return lambda text: fill(form, parse(text, name))


def main() -> None:
    """Print the count, the slowest case and the machine."""
    rng = random.Random(20261123)
    grown = seeds()
    slowest, refused = 0.0, 0
    for number in range(CASES):
        name = rng.choice(sorted(grown))
        data = mutate(grown[name], rng)
        start = time.perf_counter()
        text, faults = decode(data, name)
        result = None if faults else reader(name)(text)
        slowest = max(slowest, time.perf_counter() - start)
        refused += result is None or (isinstance(result, tuple) and result[0] is None)
        del number
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    print(json.dumps({"cases": CASES, "refused": refused, "slowest_ms": round(slowest * 1e3, 1)}))
    print(machine)


if __name__ == "__main__":
    main()
