"""`vaultd cat`: the bytes of a file, as they were."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from vaultd_cli.command import command
from vaultd_cli.complete import from_local_state
from vaultd_cli.known import selectors
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.format.entry import Entry
    from vaultd.tree.view import View

_ZEROS = bytes(1 << 20)  # a hole is written in pieces of this size


@command("cat", unlocks=True)
@click.argument("selector", metavar="SNAPSHOT:PATH", shell_complete=from_local_state(selectors))
def cat(run: Run, selector: str) -> int:
    from vaultd.errors import Damaged, Missing, NotAFile
    from vaultd.format.entry import FILE
    from vaultd.tree.view import Broken
    from vaultd_cli.chosen import Damages, choose

    with run.vault() as session:
        damages = Damages(run, session)
        chosen = choose(session, selector)
        path, entry = chosen.lookup()
        if entry.kind != FILE:
            raise NotAFile(path or b".")
        try:
            for piece in _bytes(chosen.view, entry):
                run.console.raw(piece)
        except (Damaged, Missing) as error:  # of a piece, which has no name that anybody knows
            damages.warn(Broken(path, error))
    return damages.code


def _bytes(view: "View", entry: "Entry") -> Iterator[bytes | memoryview]:
    """The whole file in pieces, holes as zeros."""
    done = 0
    for offset, plain in view.chunks(entry):
        yield from _hole(offset - done)
        yield plain
        done = offset + len(plain)
    yield from _hole(entry.size - done)


def _hole(length: int) -> Iterator[memoryview]:
    zeros = memoryview(_ZEROS)
    while length > 0:
        yield zeros[:length]
        length -= min(length, len(zeros))
