"""The rules of the terminal.

1. stdout carries answers and nothing else; stderr carries talk: progress, remarks, warnings, errors.
2. With --json stdout carries JSON (docs/json.md), stderr one JSON object a line, and nobody is asked.
3. -q silences talk, never answers, warnings or errors. -v adds details.
4. Colours only on a terminal, never with NO_COLOR or TERM=dumb, and never the only carrier of a meaning.
5. Names from a disk or a vault reach the terminal through `show`, so they cannot steer it.
6. A reader that leaves (`| head`) ends the program quietly.
7. Every sentence comes from the catalogue: the methods here take its keys, not text.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self, TextIO

from vaultd_cli import show
from vaultd_cli.catalogue import in_english, say

_COLOURS = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33}
_GAP = "  "


class ReaderLeft(Exception):
    """Whoever read stdout has closed it. Not an OSError, so that no job takes it for trouble with a copy."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the key of its heading, and whether it leans right, as numbers do."""

    key: str
    right: bool = False


class Inked(str):
    """A cell with a colour of _COLOURS."""

    __slots__ = ("colour",)
    colour: str

    def __new__(cls, text: str, colour: str) -> Self:
        cell = super().__new__(cls, text)
        cell.colour = colour
        return cell


class Console:
    """Where one run of vaultd says things. Used from one thread, but for the progress line."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        quiet: bool = False,
        verbosity: int = 0,
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.verbosity = verbosity
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self.clear_line: Callable[[], None] = nothing

    # Answers.

    def answer(self, key: str, /, **facts: Any) -> None:
        """One sentence on stdout."""
        self.line(say(key, **facts))

    def line(self, shown: str) -> None:
        """One line on stdout, already made with `show` or `say`."""
        self._write_out(shown + "\n")

    def raw(self, data: bytes | bytearray | memoryview) -> None:
        """Bytes on stdout as they are, such as the content of a file."""
        with _until_reader_leaves():
            self.out.flush()
            self.out.buffer.write(data)

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """A table on stdout, its columns as wide as their widest cell. Cells are made with `show` or `say`.

        Holds all rows in memory; for as many lines as a vault has files, use `line`.
        """
        heads = [Inked(say(column.key), "bold") for column in columns]
        cells: list[Sequence[str]] = [heads, *rows]
        widths = [max(show.width(row[place]) for row in cells) for place in range(len(columns))]
        for row in cells:
            padded = (self._cell(*one) for one in zip(row, widths, columns, strict=True))
            self.line(_GAP.join(padded).rstrip())

    def _cell(self, cell: str, columns: int, column: Column) -> str:
        spaces = " " * (columns - show.width(cell))
        inked = self.ink(cell, cell.colour, self.out) if isinstance(cell, Inked) else cell
        return spaces + inked if column.right else inked + spaces

    def json(self, document: Any) -> None:
        """One JSON document on stdout, on one line, in ASCII."""
        self._write_out(_dumps(document) + "\n")

    def json_lines(self, documents: Iterable[Any]) -> None:
        """A JSON array on stdout, one element a line, written as they come.

        If `documents` raises, the array stays open: a list that was cut off must not look whole.
        """
        lead = "["
        for document in documents:
            self._write_out(f"{lead}\n{_dumps(document)}")
            lead = ","
        self._write_out("[]\n" if lead == "[" else "\n]\n")

    # Talk.

    def tell(self, key: str, /, **facts: Any) -> None:
        """A remark on stderr; silent with -q and --json."""
        if not (self.quiet or self.as_json):
            self._write_err(say(key, **facts))

    def detail(self, key: str, /, **facts: Any) -> None:
        """A remark on stderr that only -v asks for."""
        if self.verbosity:
            self.tell(key, **facts)

    def warn(self, key: str, /, **facts: Any) -> None:
        """Something the user must know although the command goes on; on stderr, with -q too."""
        if self.as_json:
            self._write_err(
                _dumps({"warning": key, **plain_facts(facts), "message": in_english(key, **facts)})
            )
        else:
            self._write_err(self.ink(say(key, **facts), "yellow", self.err))

    def complain(self, message: str, advice: str) -> None:
        """Why the command failed and what to do next: two sentences from the catalogue."""
        self._write_err(self.ink(message, "red", self.err))
        if advice:
            self._write_err(advice)

    def complain_in_json(self, document: Any) -> None:
        """The same as one JSON object."""
        self._write_err(_dumps(document))

    def trace(self, text: str) -> None:
        """A traceback, which only -v asks for."""
        if self.verbosity:
            self._write_err(text.rstrip())

    # The medium.

    def ink(self, shown: str, colour: str, stream: TextIO) -> str:
        """`shown` in a colour of _COLOURS, if the stream takes colours."""
        return f"\x1b[{_COLOURS[colour]}m{shown}\x1b[0m" if takes_colours(stream) else shown

    def flush(self) -> None:
        """Bring out what stands in buffers, so that a full disk behind stdout is noticed. Raises OSError."""
        with _until_reader_leaves():
            self.out.flush()

    def _write_out(self, shown: str) -> None:
        self.clear_line()
        with _until_reader_leaves():
            self.out.write(shown)

    def _write_err(self, shown: str) -> None:
        self.clear_line()
        self.out.flush()
        self.err.write(shown + "\n")
        self.err.flush()


def takes_colours(stream: TextIO) -> bool:
    """Whether a person sees this stream, on a terminal that has colours, and did not decline them."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def named(field: str, raw: bytes) -> dict[str, str]:
    """A name for JSON: `{field: text}`, and `field_b64` with the exact bytes if they are not UTF-8."""
    try:
        return {field: raw.decode()}
    except UnicodeDecodeError:
        import base64

        return {field: raw.decode(errors="replace"), f"{field}_b64": base64.b64encode(raw).decode()}


def plain_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a sentence for JSON: bytes as names, and `time` as RFC 3339."""
    plain: dict[str, Any] = {}
    for key, value in facts.items():
        if key == "time":
            plain[key] = show.instant(value)
        else:
            plain |= named(key, value) if isinstance(value, bytes) else {key: value}
    return plain


def _dumps(document: Any) -> str:
    import json

    return json.dumps(document, default=str)


def nothing() -> None:
    """What clears the progress line while there is none."""


@contextmanager
def _until_reader_leaves() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderLeft from None
