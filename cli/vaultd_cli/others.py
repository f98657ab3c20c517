"""The other copies, after something was written to the first: bring them up, and say what came of it."""

from typing import TYPE_CHECKING

from vaultd_cli.failure import advice, sentence
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vaultd.jobs.parity import Coverage, Covered
    from vaultd.jobs.protect import Behind, Reached
    from vaultd.jobs.session import Session
    from vaultd.settings import Place

_NOT_ALL_SAFE = 3
_DAMAGE = 20


def bring_up(run: Run, session: "Session") -> int:
    """Catch up the other copies and tell what is wrong with any; the exit code that this asks for."""
    reached = caught_up(run, session)
    tell(run, reached)
    return exit_code(reached)


def caught_up(run: Run, session: "Session", only: "Place | None" = None) -> "Reached":
    """The same without a word but the progress line, for `only` one of them perhaps."""
    from vaultd.jobs.protect import protect

    with run.progress() as progress:
        return protect(session, progress, never, only)


def never() -> None:
    """Ctrl-C raises by itself; nobody else stops a job. What is done by then stays, and the next goes on."""


def exit_code(reached: "Reached") -> int:
    """20 for damage; 3 for what was mended, and where it is not as safe as the copies could make it."""
    if reached.damage:
        return _DAMAGE
    safe = reached.as_asked and not reached.healed
    return max([0 if safe else _NOT_ALL_SAFE, *map(_code_of, reached.parity)])


def _code_of(covered: "Covered") -> int:
    if covered.damage:
        return _DAMAGE
    return _NOT_ALL_SAFE if covered.amiss or covered.error is not None else 0


def tell_level(run: Run, session: "Session", reached: "Reached") -> None:
    """What every copy has, and how safe it is; why not safer, where the copies themselves are the reason."""
    from vaultd.jobs.level import in_memory

    if reached.level == "protected":
        run.console.answer("copies.protected")
    elif any(map(in_memory, session.settings.copies)):
        run.console.answer("copies.saved-memory")
    else:
        run.console.answer("copies.saved")


def warn_of_memory(run: Run, places: "Iterable[Place]") -> None:
    """Of each copy that is gone when this computer is switched off."""
    from vaultd.jobs.level import in_memory

    for place in filter(in_memory, places):
        run.console.warn("copy.in-memory", label=place.label, url=place.url)


def tell(run: Run, reached: "Reached") -> None:
    """One sentence for each copy that is behind, and for each damaged file."""
    for mended in reached.healed:
        tell_healed(run, mended.place.label, mended.names, mended.rebuilt)
    for error in reached.damage:
        run.console.warn("check.damage", what=sentence(error, run.console))
    for behind in reached.behind:
        _tell_behind(run, behind)
    tell_parity(run, reached.parity)
    if not reached.as_asked and not reached.behind and not reached.damage:
        run.console.warn("status.not-read-back")


def tell_healed(run: Run, label: str, names: "Sequence[str]", rebuilt: "Sequence[str]") -> None:
    """How many files of a copy were mended, and with what."""
    if brought := len(names) - len(rebuilt):
        run.console.warn("copies.healed", label=label, files=brought)
    if rebuilt:
        run.console.warn("copies.rebuilt", label=label, files=len(rebuilt))


def tell_parity(run: Run, made: "Sequence[Covered]") -> int:
    """What was wrong with the parity of copies, or with the packs it is made of; the exit code for that."""
    for each in made:
        label = each.place.label
        for error in each.damage:
            run.console.warn("check.damage", what=sentence(error, run.console))
        if each.error is not None:
            run.console.warn("copies.parity-behind", label=label, why=sentence(each.error, run.console))
        elif each.amiss:
            run.console.warn("copies.renewed", label=label)
    return max(map(_code_of, made), default=0)


def coverage_as_json(found: "Coverage | None") -> dict[str, int] | None:
    """How much of a copy its parity stands for; None where it has none."""
    return None if found is None else {"packs": found.packs, "covered": found.covered}


def _tell_behind(run: Run, behind: "Behind") -> None:
    from vaultd.errors import CopyGone, LostTooMuch, NotAFolder, Unreachable, WrongPlace

    facts = {"label": behind.place.label, "url": behind.place.url}
    if isinstance(behind.error, LostTooMuch):
        why = sentence(behind.error, run.console)
        run.console.warn("copies.lossy", **facts, why=why, what=advice(behind.error))
    elif behind.error is None:
        run.console.warn("copies.lacks", **facts, files=behind.files)
    else:
        why = run.why_away(behind.place, behind.error)
        by_itself = type(behind.error) is Unreachable  # every narrower one waits for somebody
        run.console.warn("copies.behind" if by_itself else "copies.behind-until", **facts, why=why)
        if isinstance(behind.error, CopyGone | WrongPlace | NotAFolder):
            run.console.tell("copies.replace", label=behind.place.label)
