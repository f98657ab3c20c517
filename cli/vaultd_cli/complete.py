"""Completing words of a command line that only this computer's local state can know.

    @click.argument("selector", shell_complete=from_local_state(lookup))

A lookup reads local state only: it never asks, never opens the vault with a passphrase, and may fail;
then there is nothing to complete, and the shell stays clean.
"""

from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from vaultd.settings import Home
from vaultd_cli.run import Run

Lookup = Callable[[Home], Iterable[str]]
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[Any]]]


def from_local_state(lookup: Lookup) -> Completer:
    """A click completer that offers what `lookup` finds in the home of this run."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        run = context.find_root().obj or Run()
        try:
            return [CompletionItem(word) for word in lookup(run.home) if word.startswith(incomplete)]
        except Exception:  # noqa: BLE001  a line being typed is no place for a complaint
            return []

    return complete
