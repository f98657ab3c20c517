"""A bundle that shows what was done to a vault, to somebody who has neither vaultd nor a key.

It holds every record of the log as its plain bytes: their ids are hashes of these, and each names the one
before it, so that a record that is changed, dropped or put in is seen. It shows no content of files; what it
does show stands in its README.txt. It proves nothing against whoever holds the key, who could have written
all of it anew: only a witness outside fixes its date.
"""

import base64
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blake3 import blake3

from vaultd.copies import texts
from vaultd.errors import NotAsWritten, VaultdError
from vaultd.format.record import Record, encode_record, record_id
from vaultd.jobs.outgoing import WHOLE, forget_cached, refuse_taken, sync_tree, written_aside
from vaultd.store.journal import Journal
from vaultd.tree.forgotten import forgotten
from vaultd.tree.snapshots import Snapshot, every_snapshot

MANIFEST, RECORDS = "manifest.json", "records.jsonl"
INVENTORY, NOTICES = "inventory.json", "notices.json"
PROGRAM, README = "verify.py", "README.txt"
FOREVER = 2**63 - 1
_NS = 10**9


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which snapshots the inventory is of: of one source, or None for all; begun between two times (ns).
    Records are always given whole: a part of a chain proves nothing.
    """

    source: bytes | None = None
    since: int = -FOREVER
    until: int = FOREVER


@dataclass(slots=True)
class Evidence:
    """What goes into a bundle. `records` are (id, record) by device and number; `heads` the last of each
    device; `gone` the ids of the snapshots that are forgotten; `troubles` what is wrong with the log itself.
    """

    vault_id: bytes
    wanted: Wanted
    made: int
    records: list[tuple[bytes, Record]]
    heads: list[tuple[bytes, Record]]
    snapshots: list[Snapshot]
    notices: list[dict[str, Any]]
    gone: frozenset[bytes] = frozenset()
    troubles: list[VaultdError] = field(default_factory=list)


def gather(journal: Journal, vault_id: bytes, wanted: Wanted) -> Evidence:
    """Everything that the records say. Reads nothing but what the journal has read."""
    chains = journal.chains()
    records = [each for device in sorted(chains) for each in chains[device]]
    last = {device: chain[-1][1].seq for device, chain in chains.items()}
    heads = [(identity, record) for identity, record in records if record.seq == last[record.device]]
    snapshots = [each for each in every_snapshot(journal) if _is_wanted(each, wanted)]
    gone = frozenset(forgotten(journal))
    notices, now = list(_notices(journal)), time.time_ns()
    troubles = list(journal.troubles)
    return Evidence(vault_id, wanted, now, records, heads, snapshots, notices, gone, troubles)


def _is_wanted(snapshot: Snapshot, wanted: Wanted) -> bool:
    of_source = wanted.source in (None, snapshot.body.source)
    return of_source and wanted.since <= snapshot.body.started < wanted.until


def _notices(journal: Journal) -> Iterable[dict[str, Any]]:
    attempts, known = journal.of_kind("attempt"), journal.of_kind("acknowledge")
    for identity, record in journal.of_kind("notice"):
        body = record.body
        tried = [each for each in attempts if each[1].body["notice"] == identity]
        answers = [each for each in known if identity in each[1].body["answers"]]
        yield {
            **_when(identity, record),
            "what": body["what"],
            "about": body["about"],
            "facts": body["facts"],
            "attempts": [
                _when(*each) | {key: each[1].body[key] for key in ("channel", "taken", "answer")}
                for each in tried
            ],
            "acknowledged": [_when(*each) for each in answers],
        }


def _when(identity: bytes, record: Record) -> dict[str, Any]:
    return {"id": identity.hex(), "time": instant(record.time), "device": record.device.hex()}


def write_bundle(
    evidence: Evidence, target: Path, accounts: Mapping[str, str], stop: Callable[[], bool]
) -> None:
    """Write the bundle as a new folder, or, where `target` ends in .zip, as a zip file; and read it back.
    `accounts` are texts for people, by the names of their files.

    Raises BadUsage (something is there), NotAFolder, ExportFull, NotAsWritten, KeyboardInterrupt, OSError.
    """
    folder = target.suffix.lower() != ".zip"
    refuse_taken(target, folder=folder)
    files = _files(evidence, accounts)
    with written_aside(target, folder=folder) as aside:
        if stop():
            raise KeyboardInterrupt
        (_write_folder if folder else _write_zip)(aside / WHOLE, files)
        sync_tree(aside / WHOLE)
        (_compare_folder if folder else _compare_zip)(aside / WHOLE, files)


def _files(evidence: Evidence, accounts: Mapping[str, str]) -> dict[str, bytes]:
    files = {
        RECORDS: b"".join(_row(*each) for each in evidence.records),
        INVENTORY: _json([_inventory(each, evidence) for each in evidence.snapshots]),
        NOTICES: _json(evidence.notices),
        **{name: text.encode() for name, text in accounts.items()},
        PROGRAM: (texts.SOURCES / PROGRAM).read_bytes(),
        README: (texts.SOURCES / "proof.txt").read_bytes(),
    }
    manifest = _manifest(evidence, {name: blake3(data).hexdigest() for name, data in files.items()})
    return {MANIFEST: _json(manifest), **files}


def _row(identity: bytes, record: Record) -> bytes:
    """One line of JSON. Raises NotAsWritten where the record cannot be spelled as it was read."""
    plain = encode_record(record)
    if record_id(plain) != identity:
        raise NotAsWritten(RECORDS.encode(), identity.hex().encode())
    said = {
        "device": record.device.hex(),
        "seq": record.seq,
        "id": identity.hex(),
        "kind": record.kind,
        "time": instant(record.time),
        "plain": base64.b64encode(plain).decode(),
    }
    return json.dumps(said).encode() + b"\n"


def _inventory(snapshot: Snapshot, evidence: Evidence) -> dict[str, Any]:
    body = snapshot.body
    return {
        "id": snapshot.id.hex(),
        "device": snapshot.device.hex(),
        "seq": snapshot.seq,
        "started": instant(body.started),
        "ended": instant(body.ended),
        "source": body.source.hex(),
        "name": body.name,
        "host": body.host,
        **{key: body.counts.get(key, 0) for key in ("files", "folders", "bytes")},
        "root": body.root.content.hex() if isinstance(body.root.content, bytes) else None,
        "complete": body.complete,
        "forgotten": snapshot.id in evidence.gone,
    }


def _manifest(evidence: Evidence, digests: dict[str, str]) -> dict[str, Any]:
    wanted = evidence.wanted
    return {
        "format": "vaultd proof 1",
        "vault": evidence.vault_id.hex(),
        "made": instant(evidence.made),
        "source": wanted.source.hex() if wanted.source else None,
        "from_ns": wanted.since,
        "to_ns": wanted.until,
        "records": len(evidence.records),
        "heads": [
            {"device": record.device.hex(), "seq": record.seq, "id": identity.hex()}
            for identity, record in evidence.heads
        ],
        "troubles": [str(error) for error in evidence.troubles],
        "files": digests,
    }


def instant(ns: int) -> str:
    """A time as RFC 3339 in UTC, to the nanosecond; as a number where no calendar has it."""
    try:
        whole = datetime.fromtimestamp(ns // _NS, UTC)
    except (OverflowError, ValueError, OSError):
        return f"@{ns}"
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ns % _NS:09}Z"


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


def _write_folder(place: Path, files: Mapping[str, bytes]) -> None:
    place.mkdir()
    for name, data in files.items():
        (place / name).write_bytes(data)


def _write_zip(place: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(place, "x", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def _compare_folder(place: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        with open(place / name, "rb") as file:
            forget_cached(file.fileno())
            if file.read() != data:
                raise NotAsWritten(os.fsencode(place), name.encode())


def _compare_zip(place: Path, files: Mapping[str, bytes]) -> None:
    with open(place, "rb") as file:
        forget_cached(file.fileno())
        with zipfile.ZipFile(file) as archive:
            for name, data in files.items():
                if archive.read(name) != data:
                    raise NotAsWritten(os.fsencode(place), name.encode())
