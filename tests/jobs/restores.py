"""Restoring in tests: from a sink in memory to a real folder."""

from pathlib import Path
from typing import Any

from tests.fakes import KEYS, FakeSink
from tests.tree.trees import folder
from vaultd.format.entry import FOLDER, Entry
from vaultd.jobs.restore import Options, Plan, Restored, plan_restore, restore
from vaultd.progress import Silent
from vaultd.tree.view import View


def plan(
    sink: FakeSink, root: Entry, target: Path, path: bytes = b"", attic: bytes | None = None, **options: Any
) -> Plan:
    return plan_restore(View(sink, root, attic), path, bytes(target), Options(**options))


def give_back(
    sink: FakeSink, root: Entry, target: Path, path: bytes = b"", attic: bytes | None = None, **options: Any
) -> Restored:
    return restore(plan(sink, root, target, path, attic, **options), KEYS, Silent(), lambda: False)


def root_of(sink: FakeSink, entries: list[Entry]) -> Entry:
    return Entry(b"", FOLDER, 0o755, 0, 0, 1, 0, folder(sink, entries), {})


def names(path: Path) -> list[str]:
    return sorted(str(each.relative_to(path)) for each in path.rglob("*"))
