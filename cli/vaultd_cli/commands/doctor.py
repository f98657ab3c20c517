"""`vaultd doctor`: what on this computer stands in the way?"""

from typing import TYPE_CHECKING

from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.console import Inked, plain_facts
from vaultd_cli.failure import advice, sentence
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.doctor import Finding

_NOT_ALL_GOOD = 3


@command("doctor")
def doctor(run: Run) -> int:
    from vaultd.jobs.doctor import doctor as examine

    findings = list(examine(run.home))
    bad = [finding for finding in findings if finding.good is False]
    if run.json:
        run.console.json([_as_json(finding) for finding in findings])
        return _NOT_ALL_GOOD if bad else 0
    for finding in findings:
        run.console.line(_line(run, finding))
    if bad:
        run.console.answer("doctor.bad", count=len(bad))
    else:
        run.console.answer("doctor.good")
    return _NOT_ALL_GOOD if bad else 0


def _as_json(finding: "Finding") -> dict[str, object]:
    facts = {"key": finding.key, "good": finding.good, **plain_facts(finding.facts)}
    return facts | ({"error": type(finding.cause).__name__} if finding.cause else {})


def _line(run: Run, finding: "Finding") -> str:
    mark = {True: Inked("+", "green"), False: Inked("!", "red"), None: Inked(" ", "dim")}[finding.good]
    cause, why = finding.cause, {}
    if cause is not None:
        why = {"why": sentence(cause, run.console), "advice": advice(cause)}
    key = f"doctor.{finding.key}" if finding.good is not False else f"doctor.{finding.key}.bad"
    return f"{run.console.ink(mark, mark.colour, run.console.out)} {say(key, **finding.facts, **why)}"
