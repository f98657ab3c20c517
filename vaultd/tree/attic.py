"""Keep the last version of everything that is gone: a new snapshot's attic, from its parents' trees and
attics.

`update_attic` is a function of trees alone. It reads only where a parent and the new root differ, and
where several attics must become one. Two passes go over a folder that changed: the first descends into
what lies below, the second writes the folder, so that no folder is ever held in memory.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

import msgspec

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FOLDER, Entry, encode_entry
from vaultd.format.keys import Keys
from vaultd.format.limits import LIST, PAGE
from vaultd.format.lists import write_folder
from vaultd.store.contract import Blobs, Sink
from vaultd.tree.attic_steps import Step, Task, distinct, steps
from vaultd.tree.content import identity
from vaultd.tree.folder import entries_of
from vaultd.tree.view import folder_id

# Steps of a folder that are kept from the first pass for the second, instead of reading its pages again.
_FEW = 64

Parent = tuple[Entry, bytes | None]
Volatile = Callable[[bytes], bool]


Failed = Callable[[bytes], None]


def _nothing_is_volatile(_: bytes) -> bool:
    return False


def _nobody_listens(_: bytes) -> None:
    pass


def update_attic(
    sink: Sink,
    keys: Keys,
    parents: Sequence[Parent],
    root: Entry,
    now_ns: int,
    volatile: Volatile = _nothing_is_volatile,
    failed: Failed = _nobody_listens,
) -> bytes | None:
    """The content id of the attic of a snapshot with this root and these parents `(root, attic)`; None if
    it is empty.

    What stands in a parent's root, and not (or as another kind) in the new one, enters with the time
    `now_ns`; what a parent's attic has stays, unless the new root has it back in a folder that is written
    anew. A path (relative to the root) that is `volatile` does not enter. A snapshot that changed nothing
    keeps its attic's id.

    A folder of a parent that cannot be read is told to `failed` by its path. Nobody knows what of it is
    gone, so it enters whole, as it was, and what its attic has stays as it is: should it be healed,
    nothing was dropped. A parent's top folder or attic that cannot be read is left out and told as b"":
    the caller must give it again as a parent until it can be. Raises what `sink` raises.
    """
    roots = distinct([folder_id(parent) for parent, _ in parents], folder_id(root))
    attics = distinct([attic for _, attic in parents if attic is not None], None)
    try:
        return _Attic(sink, keys, now_ns, volatile, failed).run(Task(b"", folder_id(root), roots, attics))
    except (Missing, Damaged):
        failed(b"")
    roots = tuple(content for content in roots if _can_be_read(sink, content, attic=False))
    attics = tuple(content for content in attics if _can_be_read(sink, content, attic=True))
    return _Attic(sink, keys, now_ns, volatile, failed).run(Task(b"", folder_id(root), roots, attics))


def _can_be_read(blobs: Blobs, content: bytes, *, attic: bool) -> bool:
    return all(isinstance(item, Entry) for item in entries_of(blobs, content, attic=attic))


@dataclass(slots=True)
class _Frame:
    task: Task
    below: Iterator[Task] = field(default_factory=lambda: iter(()))
    few: Sequence[Step] | None = None
    done: dict[bytes, bytes] = field(default_factory=dict)
    unreadable: set[bytes] = field(default_factory=set)


class _Attic:
    def __init__(self, sink: Sink, keys: Keys, now_ns: int, volatile: Volatile, failed: Failed) -> None:
        self.sink = sink
        self.keys = keys
        self.now_ns = now_ns
        self.volatile = volatile
        self.failed = failed
        self.path: list[bytes] = []  # names down to the folder that is worked on

    def run(self, top: Task) -> bytes | None:
        if top.settled:
            return top.answer
        stack = [self._frame(top)]
        while stack:
            try:
                written = self._work(stack)
            except (Missing, Damaged):
                if len(stack) == 1:
                    raise
                self.failed(b"/".join(self.path))
                stack[-2].unreadable.add(stack[-1].task.name)
            else:
                if len(stack) > 1:
                    _note(stack[-2], stack[-1].task.name, written)
            stack.pop()
            if self.path:
                self.path.pop()
        return written

    def _work(self, stack: list[_Frame]) -> bytes | None:
        """Go down from the last folder as far as it goes, and write the one that is reached."""
        while (task := next(stack[-1].below, None)) is not None:
            if task.settled:
                _note(stack[-1], task.name, task.answer)
            else:
                self.path.append(task.name)
                stack.append(self._frame(task))
        return self._write(stack[-1])

    def _frame(self, task: Task) -> _Frame:
        frame = _Frame(task)
        frame.below = self._below(frame)
        return frame

    def _below(self, frame: _Frame) -> Iterator[Task]:
        found = steps(self.sink, frame.task)
        first = list(islice(found, _FEW + 1))
        if len(first) <= _FEW:
            frame.few = first
        for step in chain(first, found):
            task = step.task()
            if task.before or task.attics:
                yield task

    def _write(self, frame: _Frame) -> bytes | None:
        entries = self._entries(frame)
        first = next(entries, None)
        if first is None:
            return None
        return write_folder(
            chain([first], entries),
            self.keys,
            lambda page: self.sink.write(PAGE, page),
            lambda node: self.sink.write(LIST, node),
            attic=True,
        )

    def _entries(self, frame: _Frame) -> Iterator[Entry]:
        for step in steps(self.sink, frame.task) if frame.few is None else frame.few:
            found = self._missed(step, whole=step.name in frame.unreadable)
            if step.name in frame.unreadable:
                found += [entry for entry in step.kept if "missed" not in entry.extra]
            lead = frame.done.get(step.name)
            if lead is not None:
                found.append(Entry(step.name, FOLDER, 0, 0, 0, 0, 0, lead, {}))
            yield from sorted(found, key=encode_entry) if len(found) > 1 else found

    def _missed(self, step: Step, *, whole: bool) -> list[Entry]:
        """What is missed under one name, once per content: the one that was missed last.

        `whole`: a folder stands there still, and what it held before cannot be read.
        """
        gone = [
            e
            for e in step.before
            if step.now is None or step.now.kind != e.kind or (whole and e.kind == FOLDER)
        ]
        if gone and self.volatile(b"/".join([*self.path, step.name])):
            gone = []
        missed = [entry for entry in step.kept if "missed" in entry.extra]
        missed += [_with_missed(entry, self.now_ns) for entry in gone]
        back = identity(step.now) if step.now else None
        kept: dict[object, Entry] = {}
        for entry in missed:
            same = identity(entry)
            if same != back and (same not in kept or _rank(kept[same]) < _rank(entry)):
                kept[same] = entry
        return list(kept.values())


def _note(frame: _Frame, name: bytes, content: bytes | None) -> None:
    if content is not None:
        frame.done[name] = content


def _rank(entry: Entry) -> tuple[int, int, bytes]:
    return entry.extra["missed"], entry.mtime, encode_entry(entry)


def _with_missed(entry: Entry, now_ns: int) -> Entry:
    return msgspec.structs.replace(entry, extra={**entry.extra, "missed": now_ns})
