"""Scanning in tests: a source that is looked at again and again, and what a snapshot of it says."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes import KEYS, FakeMemory, FakeSink
from vaultd.format.entry import FILE, FOLDER, Entry
from vaultd.tree.content import extents, parts_of, read_value
from vaultd.tree.folder import entries_of
from vaultd.tree.scan import Scanned, SourceSpec, scan

HOUR = 3600 * 10**9


@dataclass
class Watched:
    """A source with what a vault and a machine would remember of it. `scan` takes a snapshot of it.

    Scans happen an hour from now, so that nothing counts as just written; `soon` scans in the present.
    """

    path: Path
    sink: FakeSink = field(default_factory=FakeSink)
    memory: FakeMemory = field(default_factory=FakeMemory)
    parent: Entry | None = None
    started: int = 0

    def scan(self, *, soon: bool = False, **options: Any) -> Scanned:
        spec = {key: options.pop(key) for key in ("exclude", "cross") if key in options}
        source = SourceSpec("test", os.fsencode(self.path), **spec)
        self.started = time.time_ns() + (0 if soon else HOUR)
        self.sink.reads.clear()
        scanned = scan(source, self.parent, self.sink, KEYS, self.memory, started_ns=self.started, **options)
        self.memory.commit()
        self.parent = scanned.root
        return scanned

    def forget(self) -> None:
        """The machine loses its local state."""
        self.memory = FakeMemory()

    def entries(self, root: Entry | None = None) -> dict[bytes, Entry]:
        return dict(walk(self.sink, root or self.parent))

    def bytes_of(self, name: str) -> bytes:
        return file_bytes(self.sink, self.entries()[os.fsencode(name)])


def walk(sink: FakeSink, root: Entry | None) -> Iterator[tuple[bytes, Entry]]:
    """Every path and entry below a root."""
    assert root is not None
    todo = [(b"", root)]
    while todo:
        path, folder = todo.pop()
        assert isinstance(folder.content, bytes)
        for entry in entries_of(sink, folder.content):
            assert isinstance(entry, Entry)
            below = path + b"/" + entry.name if path else entry.name
            yield below, entry
            if entry.kind == FOLDER:
                todo.append((below, entry))


def file_bytes(sink: FakeSink, entry: Entry) -> bytes:
    """What a file holds, holes included."""
    assert entry.kind == FILE
    assert entry.content is not None
    joined = b"".join(sink.read(blob_id, 1) for blob_id, _, _ in extents(sink, entry.content))
    out, taken = bytearray(entry.size), 0
    for offset, length in parts_of(sink, entry):
        out[offset : offset + length] = joined[taken : taken + length]
        taken += length
    assert taken == len(joined)
    return bytes(out)


def comparable(sink: FakeSink, root: Entry | None) -> dict[bytes, tuple[object, ...]]:
    """A tree in a form that can be compared between vaults and scans: groups of links by their paths."""
    groups: dict[bytes, list[bytes]] = {}
    found = list(walk(sink, root))
    for path, entry in found:
        groups.setdefault(entry.extra.get("hard", b""), []).append(path)
    return {path: _plain(sink, entry, groups) for path, entry in found}


def _plain(sink: FakeSink, entry: Entry, groups: dict[bytes, list[bytes]]) -> tuple[object, ...]:
    extra = {key: value for key, value in entry.extra.items() if key != "hard"}
    extra["xattr"] = {k: read_value(sink, v) for k, v in extra.get("xattr", {}).items()}
    same = tuple(sorted(groups[entry.extra["hard"]])) if "hard" in entry.extra else ()
    content = file_bytes(sink, entry) if entry.kind == FILE else b""
    return (entry.kind, entry.mode, entry.uid, entry.gid, entry.mtime, entry.size, content, extra, same)
