"""The other copies, after something was written to the first: bring them up, and say what came of it."""

from typing import TYPE_CHECKING

from vaultd_cli.failure import sentence
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.opening import Session
    from vaultd.jobs.protect import Behind, Reached

_NOT_ALL_SAFE = 3
_DAMAGE = 20


def bring_up(run: Run, session: "Session") -> int:
    """Catch up the other copies and tell what is wrong with any; the exit code that this asks for."""
    reached = caught_up(run, session)
    tell(run, reached)
    return exit_code(reached)


def caught_up(run: Run, session: "Session") -> "Reached":
    """The same without a word but the progress line."""
    from vaultd.jobs.protect import protect

    with run.progress() as progress:
        return protect(session, progress, _never)


def _never() -> None:
    """Ctrl-C raises by itself: what is copied by then stays, and the next run goes on."""


def exit_code(reached: "Reached") -> int:
    """20 for damage, 3 where it is not as safe as the copies could make it."""
    if reached.damage:
        return _DAMAGE
    return 0 if reached.as_asked else _NOT_ALL_SAFE


def tell(run: Run, reached: "Reached") -> None:
    """One sentence for each copy that is behind, and for each damaged file."""
    for error in reached.damage:
        run.console.warn("check.damage", what=sentence(error, run.console))
    for behind in reached.behind:
        _tell_behind(run, behind)
    if not reached.as_asked and not reached.behind and not reached.damage:
        run.console.warn("status.not-read-back")


def _tell_behind(run: Run, behind: "Behind") -> None:
    facts = {"label": behind.place.label, "url": behind.place.url}
    if behind.error is None:
        run.console.warn("copies.lacks", **facts, files=behind.files)
    else:
        run.console.warn("copies.behind", **facts, why=sentence(behind.error, run.console))
