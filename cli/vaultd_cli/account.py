"""What a proof shows, in sentences, for people who read no JSON: one text in each language."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from vaultd_cli.catalogue import LANGUAGES, in_language

if TYPE_CHECKING:
    from vaultd.format.record import Record
    from vaultd.jobs.proof import Evidence
    from vaultd.tree.snapshots import Snapshot

_SHORT = 8
# What was decided about what is kept, by the kind of its record, and where the number of things stands in it.
_DECIDED = {
    "hold": ("account.hold", "snapshots"),
    "unhold": ("account.unhold", "answers"),
    "forget": ("account.forget", "snapshots"),
    "restore-from-trash": ("account.taken-back", "snapshots"),
    "attic-remove": ("account.attic-remove", "paths"),
    "condemn": ("account.condemn", "packs"),
    "purge": ("account.purge", "packs"),
    "incident": ("account.incident", "rules"),
    "heal": ("account.heal", "files"),
    "key-added": ("account.key-added", ""),
    "key-removed": ("account.key-removed", ""),
    "copy-added": ("account.copy-added", ""),
    "copy-retired": ("account.copy-retired", ""),
    "device-retired": ("account.device-retired", ""),
}


def accounts(evidence: "Evidence") -> dict[str, str]:
    """The texts, by the names of their files."""
    return {f"account.{tongue}.txt": "\n".join(_Account(tongue, evidence)) + "\n" for tongue in LANGUAGES}


class _Account:
    """The lines of one text."""

    def __init__(self, tongue: str, evidence: "Evidence") -> None:
        self._tongue = tongue
        self._evidence = evidence

    def __iter__(self) -> Iterator[str]:
        yield from self._head()
        yield from ("", self._say("account.snapshots", count=len(self._evidence.snapshots)))
        yield from map(self._snapshot, self._evidence.snapshots)
        yield from ("", self._say("account.decided"))
        yield from self._decisions()
        yield from ("", self._say("account.notices", count=len(self._evidence.notices)))
        for notice in self._evidence.notices:
            yield from self._notice(notice)

    def _say(self, key: str, /, **facts: Any) -> str:
        return in_language(self._tongue, key, **facts)

    def _head(self) -> Iterator[str]:
        from vaultd.jobs.proof import instant

        evidence = self._evidence
        made = instant(evidence.made)
        yield self._say("account.title", vault=evidence.vault_id.hex(), made=made)
        yield self._say("account.read-me")
        yield self._say("account.records", count=len(evidence.records), devices=len(evidence.heads))
        for identity, record in evidence.heads:
            facts = {"device": record.device.hex(), "number": record.seq, "id": identity.hex()}
            yield self._say("account.last", made=instant(record.time), **facts)
        if evidence.troubles:
            yield self._say("account.troubles", count=len(evidence.troubles))

    def _snapshot(self, snapshot: "Snapshot") -> str:
        from vaultd.jobs.proof import instant

        body = snapshot.body
        key = "account.snapshot" if body.complete else "account.snapshot-partial"
        return self._say(
            "account.snapshot-forgotten" if snapshot.id in self._evidence.gone else key,
            made=instant(body.started),
            name=body.name,
            files=body.counts.get("files", 0),
            bytes=body.counts.get("bytes", 0),
            id=snapshot.id.hex()[:_SHORT],
        )

    def _decisions(self) -> Iterator[str]:
        records = sorted(self._evidence.records, key=lambda each: (each[1].time, each[1].seq, each[0]))
        found = [self._decision(record) for _, record in records if record.kind in _DECIDED]
        yield from found or [self._say("account.none")]

    def _decision(self, record: "Record") -> str:
        from vaultd.jobs.proof import instant

        key, things = _DECIDED[record.kind]
        found = record.body.get(things, ()) if things else ()
        by = record.body.get("by") or record.device.hex()
        return self._say(key, made=instant(record.time), by=by, count=len(found))

    def _notice(self, notice: dict[str, Any]) -> Iterator[str]:
        yield self._say("account.notice", made=notice["time"], what=notice["what"], about=notice["about"])
        for each in notice["attempts"]:
            key = "account.taken" if each["taken"] else "account.refused"
            yield self._say(key, made=each["time"], channel=each["channel"], answer=each["answer"])
        for each in notice["acknowledged"]:
            yield self._say("account.acknowledged", made=each["time"])
        if not notice["acknowledged"]:
            yield self._say("account.not-acknowledged")
