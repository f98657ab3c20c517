"""Words are completed in the real shells, at a real terminal."""

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from vaultd_cli.complete import from_local_state
from vaultd_cli.run import Run

from tests.cli.runner import environment
from tests.cli.terminal import Terminal
from vaultd.settings import Home

START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'PS1="ready> "; eval "$(vaultd completion bash)"\r'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'PS1="ready> "; autoload -U compinit && compinit -u -D; eval "$(vaultd completion zsh)"\r',
    ),
}


def has(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here; `make system-packages` installs it")


@pytest.mark.parametrize("shell", START)
@pytest.mark.parametrize(("typed", "rest"), [("vaultd recov", "ery-code"), ("vaultd completion fi", "sh")])
def test_tab(shell: str, typed: str, rest: str, tmp_path: Path) -> None:
    has(shell)
    words, setup = START[shell]
    with Terminal(words, tmp_path, INPUTRC="/dev/null") as tty:
        tty.type(setup)
        tty.type("echo are you $((40 + 2))\r")
        tty.expect("are you 42")
        tty.expect("ready> ")
        tty.type(typed + "\t")
        tty.expect(re.escape(typed + rest))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("vaultd recov", "recovery-code"), ("vaultd completion fi", "fish"), ("vaultd --ver", "--verbose")],
)
def test_fish(typed: str, expected: str, tmp_path: Path) -> None:
    has("fish")
    words = ["fish", "--no-config", "-c", f"vaultd completion fish | source; complete -C '{typed}'"]
    done = subprocess.run(words, env=environment(tmp_path), capture_output=True, text=True, check=True)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [expected]
    assert done.stderr == ""


def context(run: Run) -> click.Context:
    return click.Context(click.Command("x"), obj=run)


def test_words_of_the_local_state_are_offered_by_prefix(home: Path) -> None:
    asked: list[Home] = []

    def lookup(where: Home) -> list[str]:
        asked.append(where)
        return ["photos", "phone", "chat"]

    complete = from_local_state(lookup)
    items = complete(context(Run()), click.Argument(["x"]), "ph")
    assert [item.value for item in items] == ["photos", "phone"]
    assert asked[0].config == home


def test_a_lookup_that_fails_offers_nothing() -> None:
    def lookup(_: Home) -> list[str]:
        raise ValueError

    assert from_local_state(lookup)(context(Run()), click.Argument(["x"]), "") == []
