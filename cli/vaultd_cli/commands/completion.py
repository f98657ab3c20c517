"""`vaultd completion SHELL`: print the script that makes the shell complete our words."""

import click
from click.shell_completion import get_completion_class

from vaultd_cli.command import command
from vaultd_cli.main import COMPLETE
from vaultd_cli.run import Run
from vaultd_cli.verbs import root

SHELLS = ("bash", "zsh", "fish")


@command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(run: Run, shell: str) -> None:
    kind = get_completion_class(shell)
    assert kind is not None  # click has all of SHELLS
    made = kind(root(), {}, "vaultd", COMPLETE)
    # Not made.source(), which runs bash to look at its version and talks about it.
    run.console.line((made.source_template % made.source_vars()).rstrip())
