"""Tables that people write in a spreadsheet: CSV in, rows with the place of every cell out."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelkiln.script.faults import Fault, Place, nearest

if TYPE_CHECKING:
    import _csv

__all__ = ["BYTES_MAX", "ROWS_MAX", "Row", "Sheet", "decode", "read_sheet"]

BYTES_MAX, ROWS_MAX, CELL_MAX = 16 * 1024 * 1024, 20_000, 4_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its number in the file and its cells by column, empty ones left out."""

    file: str
    line: int
    cells: Mapping[str, str]
    columns: tuple[str, ...]

    def place(self, column: str = "") -> Place:
        """Where a cell stands: the line, and the number of its column from 1."""
        at = self.columns.index(column) + 1 if column in self.columns else 1
        return Place(self.file, self.line, at)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its columns, its rows, and the mistakes found in its shape."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]


def decode(data: bytes, file: str) -> tuple[str, tuple[Fault, ...]]:
    """UTF-8 with or without a byte-order mark; anything else is named at its first wrong byte."""
    if len(data) > BYTES_MAX:
        return "", (Fault(Place(file), f"larger than {BYTES_MAX >> 20} MiB", "split the file"),)
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError as wrong:
        before = data[: wrong.start].decode("utf-8", "replace")
        column = len(before) - (before.rfind("\n") + 1) + 1
        place = Place(file, before.count("\n") + 1, column)
        said = f"byte {data[wrong.start]:#04x} is not UTF-8"
        return "", (Fault(place, said, "save the file as CSV UTF-8"),)


def read_sheet(text: str, file: str, *, known: tuple[str, ...], needed: tuple[str, ...]) -> Sheet:
    """Read a table with a header line, separated by `,`, `;` or tab, as spreadsheets write it.

    Args:
        known: column names; a name may carry a language (`benefit.hi`) where `benefit.*` is known.
        needed: columns that must be there.
    """
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    numbered = _numbered(lines, file)
    header = next(numbered, None)
    if header is None:
        return Sheet(
            (), (), (Fault(Place(file, 1, 1), "the file is empty", "begin with a header"),)
        )
    if isinstance(header, Fault):
        return Sheet((), (), (header,))
    columns = tuple(cell.strip().lower() for cell in header[1])
    faults = list(_header_faults(columns, file, header[0], known, needed))
    rows: list[Row] = []
    for entry in numbered:
        if isinstance(entry, Fault):
            faults.append(entry)
            break
        number, cells = entry
        if not any(cell.strip() for cell in cells):
            continue
        if len(rows) == ROWS_MAX:
            faults.append(Fault(Place(file, number, 1), f"more than {ROWS_MAX} rows", "split it"))
            break
        row, wrong = _row(file, number, cells, columns)
        rows.append(row)
        faults.extend(wrong)
    return Sheet(columns, tuple(rows), tuple(faults))


def _delimiter(text: str) -> str:
    header = text.split("\n", 1)[0]
    return max(",;\t", key=header.count)


def _numbered(lines: "_csv.Reader", file: str) -> Iterator[tuple[int, list[str]] | Fault]:
    """Each row with the line it begins on; a row that cannot be read is the last."""
    start = 1
    while True:
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as wrong:
            yield Fault(Place(file, start, 1), f"not readable as CSV: {wrong}", "check the quotes")
            return
        yield start, cells
        start = lines.line_num + 1


def _header_faults(
    columns: tuple[str, ...],
    file: str,
    line: int,
    known: tuple[str, ...],
    needed: tuple[str, ...],
) -> Iterator[Fault]:
    plain = tuple(name for name in known if not name.endswith(".*"))
    stems = tuple(name[:-1] for name in known if name.endswith(".*"))
    for at, column in enumerate(columns, start=1):
        place = Place(file, line, at)
        if not column:
            yield Fault(place, "a column without a name")
        elif column in columns[: at - 1]:
            yield Fault(place, f"column {column} stands here twice")
        elif column not in plain and not any(column.startswith(stem) for stem in stems):
            yield Fault(place, f"column {column[:60]} is not used", nearest(column, plain))
    for column in needed:
        if column not in columns:
            yield Fault(Place(file, line, 1), f"column {column} is missing")


def _row(
    file: str, number: int, cells: list[str], columns: tuple[str, ...]
) -> tuple[Row, tuple[Fault, ...]]:
    faults = []
    for at, cell in enumerate(cells, start=1):
        if wrong := _cell_fault(cell):
            faults.append(Fault(Place(file, number, at), *wrong))
    if len(cells) > len(columns):
        said = f"{len(cells)} cells, but the header has {len(columns)}"
        faults.append(Fault(Place(file, number, len(columns) + 1), said, "quote cells with commas"))
    named = {
        column: cell.strip() for column, cell in zip(columns, cells, strict=False) if cell.strip()
    }
    return Row(file, number, named, columns), tuple(faults)


def _cell_fault(cell: str) -> tuple[str, str] | None:
    if len(cell) > CELL_MAX:
        return f"a cell of {len(cell)} characters", f"at most {CELL_MAX}"
    if cell.startswith(("=", "@")) or (cell.startswith(("+", "-")) and not _number(cell)):
        return "a formula stands in this cell", "write the text itself"
    if any(not c.isprintable() and c not in "\n\r\t" for c in cell):
        return "a character that cannot be shown", "remove it"
    return None


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
