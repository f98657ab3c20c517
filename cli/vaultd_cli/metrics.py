"""The numbers of `vaultd status` for Prometheus: its text format, version 0.0.4."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaultd.jobs.status import CopyStatus, SourceStatus, Status
    from vaultd_cli.running import Running

# Name -> what it means; each is a gauge.
MEANINGS = {
    "vaultd_as_safe_as_asked": "1 where everything is as safe as was asked",
    "vaultd_snapshots": "Snapshots in the vault",
    "vaultd_bytes": "Bytes stored in packs of the copy in use",
    "vaultd_captured_snapshots": "Snapshots that are on this computer only",
    "vaultd_open_notices": "Notices that nobody has acknowledged",
    "vaultd_open_incidents": "Incidents that look like a wipe and that nobody has accepted",
    "vaultd_daemon_running": "1 where the daemon of this computer runs",
    "vaultd_paused": "1 while the owner has paused the daemon",
    "vaultd_source_age_seconds": "Since the newest snapshot of the source began",
    "vaultd_source_level": "Of its newest snapshot: 0 none, 1 captured, 2 saved, 3 protected",
    "vaultd_source_complete": "1 where its newest snapshot could read everything",
    "vaultd_source_waiting_folders": "Folders with changes that are not saved yet",
    "vaultd_copy_reachable": "1 where the copy could be looked at",
    "vaultd_copy_behind_files": "Files that it lacks and another copy holds",
    "vaultd_copy_unread_files": "Files that were never read back from it",
    "vaultd_copy_oldest_read_seconds": "Since the file was read back that has waited longest",
    "vaultd_copy_free_bytes": "Space left",
    "vaultd_copy_full_in_days": "Until the copy is full, if it fills as it did",
    "vaultd_copy_drill_seconds": "Since its last drill",
    "vaultd_copy_drill_passed": "1 where its last drill gave everything back",
}
_LEVELS = {"captured": 1, "saved": 2, "protected": 3}
_NS = 1e9
Sample = tuple[str, dict[str, str], float]


def lines_of(found: "Status", daemon: "Running") -> str:
    """All of it; what is not known is left out."""
    samples = [*_of_all(found, daemon)]
    for source in found.sources:
        samples += _of_source(source, daemon)
    for copy in found.copies:
        samples += _of_copy(copy)
    lines = []
    for name, meaning in MEANINGS.items():
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
        lines += [
            f"{name}{_labels(labels)} {value:.17g}" for known, labels, value in samples if known == name
        ]
    return "\n".join(lines)


def _of_all(found: "Status", daemon: "Running") -> Iterator[Sample]:
    yield "vaultd_as_safe_as_asked", {}, not found.worst and daemon.is_whole
    yield "vaultd_snapshots", {}, found.snapshots
    yield "vaultd_bytes", {}, found.stored
    yield "vaultd_captured_snapshots", {}, found.captured
    yield "vaultd_open_notices", {}, found.notices
    yield "vaultd_open_incidents", {}, len(found.incidents)
    yield "vaultd_daemon_running", {}, bool(daemon.pid)
    yield "vaultd_paused", {}, daemon.paused is not None


def _of_source(source: "SourceStatus", daemon: "Running") -> Iterator[Sample]:
    labels, newest = {"source": source.source.body.name}, source.newest
    yield "vaultd_source_level", labels, _LEVELS.get(source.level or "", 0)
    if newest is not None:
        yield "vaultd_source_age_seconds", labels, _since(newest.body.started)
        yield "vaultd_source_complete", labels, newest.body.complete
    if source.mine and daemon.pid:
        yield "vaultd_source_waiting_folders", labels, daemon.waiting(source.source.body.name)


def _of_copy(copy: "CopyStatus") -> Iterator[Sample]:
    labels = {"copy": copy.place.label}
    yield "vaultd_copy_reachable", labels, copy.error is None
    if copy.drilled is not None:
        yield "vaultd_copy_drill_seconds", labels, _since(copy.drilled.time)
        yield "vaultd_copy_drill_passed", labels, not copy.drilled.wrong
    if copy.error is not None:
        return
    yield "vaultd_copy_behind_files", labels, copy.behind
    yield "vaultd_copy_unread_files", labels, copy.unread
    if copy.read_since is not None:
        yield "vaultd_copy_oldest_read_seconds", labels, _since(copy.read_since)
    if copy.space is not None and copy.space.total:
        yield "vaultd_copy_free_bytes", labels, copy.space.free
    if copy.full_in is not None:
        yield "vaultd_copy_full_in_days", labels, copy.full_in


def _since(moment: int) -> float:
    return round(time.time() - moment / _NS, 3)


def _labels(labels: dict[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
