"""`vaultd journal`: what was done to the vault, by whom, and that nothing of it was taken out."""

from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import show
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.console import Column
from vaultd_cli.failure import explain
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaultd.format.record import Record
    from vaultd.jobs.journal import Verified
    from vaultd.settings import Place

_NOT_ALL_SAFE = 3
_DAMAGE = 20
_SHORT = 8
_SHOWN = 3


@command("journal", unlocks=True)
@click.argument("action", metavar="[verify]", required=False, type=click.Choice(["verify"]))
@click.option("--kind", metavar="KIND", help=say("option.journal-kind"))
def journal(run: Run, action: str | None, kind: str | None) -> int:
    if action:
        return _verify(run)
    _list(run, kind)
    return 0


def _list(run: Run, kind: str | None) -> None:
    with run.vault(away=True) as session:
        records = session.vault.journal.records
        found = sorted(records.items(), key=lambda item: (item[1].time, item[1].device, item[1].seq))
    chosen = [(identity, record) for identity, record in found if kind in (None, record.kind)]
    if run.json:
        run.console.json_lines(_as_json(identity, record) for identity, record in chosen)
        return
    heads = ("column.id", "column.time", "column.device", "column.number", "column.kind", "column.what")
    run.console.table([Column(head) for head in heads], [_row(*each) for each in chosen])


def _row(identity: bytes, record: "Record") -> list[str]:
    return [
        identity.hex()[:_SHORT],
        show.moment(record.time),
        record.device.hex()[:_SHORT],
        show.count(record.seq),
        show.text(record.kind),
        _about(record),
    ]


def _about(record: "Record") -> str:
    """What it is about, as far as the record names it."""
    body = record.body
    keys = ("what", "about", "name", "label", "channel", "answer", "by", "pattern", "why")
    words = [body.get(key) for key in keys]
    said = [show.text(word) for word in words if isinstance(word, str) and word]
    return " ".join(said + list(_listed(body))) or "-"


def _listed(body: "Mapping[str, Any]") -> "Iterator[str]":
    """What stands in lists of it: the first few."""
    for key in ("rules", "paths", "snapshots", "packs"):
        found = body.get(key)
        if not isinstance(found, list) or not found or (key == "packs" and "root" in body):
            continue
        shown = [_one(key, each) for each in found[:_SHOWN]]
        more = f" +{len(found) - _SHOWN}" if len(found) > _SHOWN else ""
        yield " ".join(shown) + more
    if isinstance(device := body.get("device"), bytes):
        yield device.hex()[:_SHORT]


def _one(key: str, value: Any) -> str:
    if isinstance(value, bytes):
        return show.name(value) if key == "paths" else value.hex()[:_SHORT]
    return show.text(str(value))


def _as_json(identity: bytes, record: "Record") -> dict[str, Any]:
    return {
        "id": identity.hex(),
        "device": record.device.hex(),
        "seq": record.seq,
        "time": show.instant(record.time),
        "kind": record.kind,
        "previous": record.prev.hex() if record.prev else None,
        "about": _about(record),
    }


def _verify(run: Run) -> int:
    from vaultd.jobs.journal import verify

    documents, worst = [], 0
    with run.vault() as session:
        for place, found in verify(session, lambda: None):
            worst = max(worst, _tell(run, place, found))
            documents.append(_verified_as_json(place, found))
    if run.json:
        run.console.json(documents)
    return worst


def _tell(run: Run, place: "Place", found: "Verified | Exception") -> int:
    if isinstance(found, Exception):
        if not run.json:
            run.console.warn("journal.not-looked", label=place.label, why=run.why_away(place, found))
        return _NOT_ALL_SAFE
    if not run.json:
        for error in found.troubles:
            explain(error).show(run.console)
        for device in found.forks:
            run.console.warn("journal.fork", label=place.label, device=device.hex()[:_SHORT])
        facts = {"label": place.label, "records": found.records, "devices": found.devices}
        if found.is_unbroken:
            run.console.answer("journal.unbroken", **facts)
        else:
            run.console.warn("journal.broken", **facts)
        if found.lacks:
            run.console.warn("journal.behind", label=place.label, records=found.lacks)
    if not found.is_unbroken:
        return _DAMAGE
    return _NOT_ALL_SAFE if found.lacks else 0


def _verified_as_json(place: "Place", found: "Verified | Exception") -> dict[str, Any]:
    if isinstance(found, Exception):
        return {"copy": place.label, "unbroken": None, **explain(found).as_json()}
    return {
        "copy": place.label,
        "unbroken": found.is_unbroken,
        "records": found.records,
        "devices": found.devices,
        "lacks": found.lacks,
        "forks": [device.hex() for device in found.forks],
        "troubles": [explain(error).as_json() for error in found.troubles],
    }
