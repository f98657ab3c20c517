"""Snapshots made by hand: a nested dict becomes the root of a tree in a sink.

A value is bytes (a file), a dict (a folder), a str (where a symbolic link points to), or an entry that is
used as it is.
"""

from typing import Any

from tests.fakes import KEYS, FakeSink
from vaultd.format.entry import FILE, FOLDER, LINK, Entry
from vaultd.format.limits import CHUNK, LIST, PAGE
from vaultd.format.lists import ContentBuilder, write_folder

Tree = dict[bytes, Any]


def build(sink: FakeSink, tree: Tree, mtime: int = 1) -> Entry:
    return _entry(sink, b"", tree, mtime)


def _entry(sink: FakeSink, name: bytes, value: Any, mtime: int) -> Entry:
    if isinstance(value, Entry):
        return value
    if isinstance(value, dict):
        entries = [_entry(sink, each, value[each], mtime) for each in sorted(value)]
        return Entry(name, FOLDER, 0o755, 0, 0, mtime, 0, folder(sink, entries), {})
    if isinstance(value, str):
        target = value.encode()
        return Entry(name, LINK, 0o777, 0, 0, mtime, len(target), None, {"link": target})
    return file(sink, name, value, mtime=mtime)


def folder(sink: FakeSink, entries: list[Entry], *, attic: bool = False) -> bytes:
    return write_folder(
        entries, KEYS, lambda page: sink.write(PAGE, page), lambda node: sink.write(LIST, node), attic
    )


def file(
    sink: FakeSink,
    name: bytes,
    data: bytes,
    *,
    cut: int = 4,
    mtime: int = 1,
    mode: int = 0o644,
    size: int | None = None,
    **extra: Any,
) -> Entry:
    """A file in chunks of `cut` bytes; `size` differs from the length of the data where `sparse` is given."""
    builder = ContentBuilder(lambda node: sink.write(LIST, node))
    for start in range(0, len(data), cut):
        piece = data[start : start + cut]
        builder.add(sink.write(CHUNK, piece), len(piece))
    length = len(data) if size is None else size
    return Entry(name, FILE, mode, 0, 0, mtime, length, builder.finish(), extra)
