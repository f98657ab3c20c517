"""`vaultd recovery-code`: show it again, or see whether what is on paper is right."""

import click

from vaultd_cli import ask
from vaultd_cli.catalogue import language, say
from vaultd_cli.command import command
from vaultd_cli.commands.init import show_words
from vaultd_cli.run import Run


@command("recovery-code", unlocks=True)
@click.option("--try", "tried", is_flag=True, help=say("option.try-code"))
@click.option("--words", type=click.Choice(("english", "chinese")), help=say("option.code-words"))
def recovery_code(run: Run, tried: bool, words: str | None) -> None:
    if tried:
        _try(run)
    else:
        _show(run, words or ("chinese" if language() == "zh" else "english"))


def _show(run: Run, words: str) -> None:
    from vaultd.format.words import CHINESE, ENGLISH, recovery_words

    with run.vault() as session:
        code = recovery_words(session.vault.keys.master, CHINESE if words == "chinese" else ENGLISH)
    if run.json:
        run.console.json({"recovery_code": code})
        return
    run.console.answer("init.code")
    show_words(run, code)
    run.console.answer("init.code-keep")


def _try(run: Run) -> None:
    import contextlib

    from vaultd.credentials import RecoveryCode
    from vaultd.hardening import keep_memory_private
    from vaultd.jobs.opening import open_copy
    from vaultd.jobs.unlocking import unlock

    keep_memory_private()
    given = run.credential()
    if given is None:
        given = RecoveryCode(ask.hidden(say("ask.recovery-code")))
    with contextlib.closing(open_copy(run.home, run.settings)) as copy:
        unlock(copy, given)
    if run.json:
        run.console.json({"opens": True})
    else:
        run.console.answer("recovery-code.opens")
