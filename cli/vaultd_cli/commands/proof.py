"""`vaultd proof`: a bundle that shows what was done, to be checked without vaultd and without a key."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.console import named
from vaultd_cli.failure import explain
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.proof import Evidence, Wanted
    from vaultd.jobs.session import Session

_DAMAGE = 20
_DAY = click.DateTime(["%Y-%m-%d"])
_NS = 10**9
_WORDS = (1, 2)


@command("proof", unlocks=True)
@click.argument("words", nargs=-1, metavar="[SOURCE] TARGET")
@click.option("--from", "since", metavar="DAY", type=_DAY, help=say("option.proof-from"))
@click.option("--to", "until", metavar="DAY", type=_DAY, help=say("option.proof-to"))
def proof(run: Run, words: tuple[str, ...], since: datetime | None, until: datetime | None) -> int:
    from vaultd.errors import BadUsage
    from vaultd.jobs.outgoing import refuse_taken
    from vaultd.jobs.proof import gather, write_bundle
    from vaultd.jobs.sources import refuse_overlap
    from vaultd_cli.account import accounts
    from vaultd_cli.stopping import stop_when_asked

    if len(words) not in _WORDS:
        raise BadUsage("proof-words")
    target = Path(words[-1])
    refuse_taken(target, folder=target.suffix.lower() != ".zip")
    with run.vault() as session:
        refuse_overlap(session, os.path.realpath(os.fsencode(target)))
        wanted = _wanted(session, words[0] if len(words) > 1 else None, since, until)
        evidence = gather(session.vault.journal, session.vault.keys.vault_id, wanted)
        with stop_when_asked() as stop:
            write_bundle(evidence, target, accounts(evidence), stop)
    _tell(run, evidence, target)
    return _DAMAGE if evidence.troubles else 0


def _wanted(session: "Session", name: str | None, since: datetime | None, until: datetime | None) -> "Wanted":
    """Days are those of this computer; the last one counts to its end. Raises NoSuchSource."""
    from vaultd.jobs.proof import FOREVER, Wanted
    from vaultd.tree.sources import find_source, list_sources

    source = find_source(list_sources(session.vault.journal), name).body.id if name else None
    begin = int(since.timestamp()) * _NS if since else -FOREVER
    end = int((until + timedelta(days=1)).timestamp()) * _NS if until else FOREVER
    return Wanted(source, begin, end)


def _tell(run: Run, evidence: "Evidence", target: Path) -> None:
    if run.json:
        run.console.json(_as_json(evidence, target))
        return
    facts = {"records": len(evidence.records), "snapshots": len(evidence.snapshots)}
    run.console.answer("proof.done", target=os.fsencode(target), **facts)
    run.console.tell("proof.limits")
    run.console.tell("proof.names")
    for error in evidence.troubles:
        explain(error).show(run.console)
    if evidence.troubles:
        run.console.warn("proof.gaps")


def _as_json(evidence: "Evidence", target: Path) -> dict[str, Any]:
    return {
        **named("target", os.path.abspath(os.fsencode(target))),
        "records": len(evidence.records),
        "snapshots": len(evidence.snapshots),
        "notices": len(evidence.notices),
        "heads": [
            {"device": record.device.hex(), "seq": record.seq, "id": identity.hex()}
            for identity, record in evidence.heads
        ],
        "troubles": [explain(error).as_json() for error in evidence.troubles],
    }
