"""The attic keeps the last version of everything, whatever happens to a line of snapshots."""

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import KEYS, FakeSink
from tests.tree.trees import Tree, build
from vaultd.format.entry import FOLDER, Entry
from vaultd.format.limits import CHUNK, PAGE
from vaultd.tree.attic import update_attic
from vaultd.tree.content import identity
from vaultd.tree.view import Found, View

Version = tuple[bytes, object]
_FOLDER = "a folder"


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two names to a page and two pages to a list, and two names that matter are many, so that small trees
    have all that large ones have.
    """
    monkeypatch.setattr("vaultd.tree.attic._FEW", 1)
    monkeypatch.setattr("vaultd.format.page.PAGE_CUT", 2)
    monkeypatch.setattr("vaultd.format.lists.LIST_CUT", 2)


@dataclass(eq=False)
class Snap:
    """A snapshot, and what its attic must and may hold by the rules alone."""

    tree: Tree
    root: Entry
    attic: bytes | None
    parents: list["Snap"]
    must: set[Version]
    may: set[Version]
    here: dict[bytes, object]
    time: int


def paths(view: View) -> dict[bytes, object]:
    found = {item.path: item.entry for item in view.walk() if isinstance(item, Found)}
    return {path: what(entry) for path, entry in found.items()}


def what(entry: Entry) -> object:
    return _FOLDER if entry.kind == FOLDER else identity(entry)


def kind(version: object) -> object:
    return version if version == _FOLDER else version[0]  # type: ignore[index]


@dataclass
class Line:
    """Snapshots of one source by several devices, with a vault that forgets what nothing alive reaches."""

    sink: FakeSink = field(default_factory=FakeSink)
    work: dict[int, Tree] = field(default_factory=lambda: {0: {}})
    head: dict[int, Snap] = field(default_factory=dict)
    alive: list[Snap] = field(default_factory=list)
    clock: int = 0

    def snapshot(self, device: int, *, merge: bool = False, unreadable: bytes | None = None) -> Snap:
        tree = copy.deepcopy(self.work[device])
        heads = [self.head[each] for each in sorted(self.head) if merge or each == device]
        parents = list(dict.fromkeys(heads))
        if unreadable is not None and parents and isinstance(parents[0].tree.get(unreadable), dict):
            tree[unreadable] = copy.deepcopy(parents[0].tree[unreadable])
        snap = self.record(tree, parents)
        for each in list(self.head) if merge else [device]:
            self.head[each] = snap
        self.head[device] = snap
        return snap

    def record(self, tree: Tree, parents: list[Snap]) -> Snap:
        self.clock += 1
        root = build(self.sink, tree)
        attic = update_attic(self.sink, KEYS, [(p.root, p.attic) for p in parents], root, self.clock)
        here = paths(View(self.sink, root))
        gone = {
            (path, version)
            for parent in parents
            for path, version in parent.here.items()
            if path not in here or kind(here[path]) != kind(version)
        }
        back = set(here.items())
        must = gone.union(*(parent.must for parent in parents)) - back
        may = gone.union(*(parent.may for parent in parents))
        snap = Snap(tree, root, attic, parents, must, may, here, self.clock)
        self.alive.append(snap)
        return snap

    def thin(self, choice: int) -> None:
        """Forget a snapshot that another goes on from, and every blob that nothing reaches any more."""
        heads = set(map(id, self.head.values()))
        candidates = [snap for snap in self.alive if id(snap) not in heads]
        if candidates:
            self.alive.remove(candidates[choice % len(candidates)])
        keep: set[bytes] = set()
        for snap in self.alive:
            keep |= reachable(self.sink, snap)
        self.sink.blobs = {key: blob for key, blob in self.sink.blobs.items() if key in keep}


def reachable(sink: FakeSink, snap: Snap) -> set[bytes]:
    recording = FakeSink()
    recording.blobs = sink.blobs
    todo: list[tuple[bytes, bool]] = [(snap.root.content, False)]  # type: ignore[list-item]
    if snap.attic:
        todo.append((snap.attic, True))
    used: set[bytes] = set()
    while todo:
        content, attic = todo.pop()
        for entry in View(recording, snap.root).entries(content, attic=attic):
            if isinstance(entry.content, tuple):
                used |= {blob_id for blob_id, _ in entry.content}
            elif entry.kind == FOLDER and entry.content is not None:
                todo.append((entry.content, attic and "missed" not in entry.extra))
    return used | set(recording.reads)


def deleted(line: Line, snap: Snap) -> list[Found]:
    found = list(View(line.sink, snap.root, snap.attic).deleted())
    assert all(isinstance(item, Found) for item in found)
    return [item for item in found if isinstance(item, Found)]


def check(line: Line, snap: Snap) -> None:
    found = [(item.path, what(item.entry)) for item in deleted(line, snap)]
    assert snap.must <= set(found), "a last version is lost"
    assert set(found) <= snap.may - set(snap.here.items()), "something is shown that was never missed"
    leaves = [version for version in found if version[1] != _FOLDER]
    assert len(leaves) == len(set(leaves)), "something is shown twice"
    for item in deleted(line, snap):
        for _ in View(line.sink, snap.root).chunks(item.entry) if item.entry.kind != FOLDER else ():
            pass


def check_history(line: Line, snap: Snap) -> None:
    """The promise itself, without the model: on a straight line, what stood last at every path is here or
    missed.
    """
    found = {(item.path, what(item.entry)) for item in deleted(line, snap)}
    last: dict[bytes, object] = {}
    while True:
        for path, version in snap.here.items():
            last.setdefault(path, version)
        if len(snap.parents) != 1:
            break
        snap = snap.parents[0]
    here = line.alive[-1].here
    assert all(path in here or (path, version) in found for path, version in last.items())


name = st.sampled_from([b"a", b"b", b"c", b"d"])
where = st.lists(name, min_size=1, max_size=3)
leaf = st.one_of(st.sampled_from([b"1", b"2", b"12345678"]), st.sampled_from(["x", "y"]))
tree = st.recursive(leaf, lambda inner: st.dictionaries(name, inner, max_size=4), max_leaves=8)
edit = st.one_of(
    st.tuples(st.just("write"), where, tree),
    st.tuples(st.just("remove"), where),
    st.tuples(st.just("move"), where, where),
)
how = st.sampled_from(["plain", "plain", "merge", "unreadable", "thin"])
step = st.tuples(st.integers(0, 1), st.lists(edit, max_size=3), how, st.integers(0, 9), name)
Step = tuple[int, list[tuple[Any, ...]], str, int, bytes]


def apply(line: Line, step: Step) -> None:
    """A device goes on from the head that it knows, edits, and takes a snapshot; then old ones may be
    thinned.
    """
    device, edits, how, choice, hidden = step
    if device not in line.head and line.head:
        line.head[device] = next(iter(line.head.values()))
        line.work[device] = copy.deepcopy(line.head[device].tree)
    work = line.work.setdefault(device, {})
    for verb, *what in edits:
        if verb == "write":
            put(work, what[0], copy.deepcopy(what[1]))
        elif (taken := take(work, what[0])) is not None and verb == "move":
            put(work, what[1], taken)
    snap = line.snapshot(device, merge=how == "merge", unreadable=hidden if how == "unreadable" else None)
    check(line, snap)
    check_history(line, snap)
    again = line.record(copy.deepcopy(snap.tree), [snap])
    assert again.attic == snap.attic, "nothing changed, and the attic did"
    line.alive.pop()
    if how == "thin":
        line.thin(choice)


def put(work: Tree, names: list[bytes], value: Any) -> None:
    for each in names[:-1]:
        if not isinstance(work.get(each), dict):
            work[each] = {}
        work = work[each]
    work[names[-1]] = value


def take(work: Tree, names: list[bytes]) -> Any:
    for each in names[:-1]:
        if not isinstance(work.get(each), dict):
            return None
        work = work[each]
    return work.pop(names[-1], None)


@settings(max_examples=4 * settings().max_examples)
@given(tree, st.lists(step, min_size=2, max_size=15))
def test_no_last_version_is_ever_lost(first: Any, steps: list[Step]) -> None:
    line = Line()
    for step in [(0, [("write", [b"a"], first)], "plain", 0, b"a"), *steps, (0, [], "merge", 0, b"a")]:
        apply(line, step)


def one(
    sink: FakeSink, before: Tree, after: Tree, attic: bytes | None = None, **options: Any
) -> bytes | None:
    return update_attic(sink, KEYS, [(build(sink, before), attic)], build(sink, after), 7, **options)


def names_in(sink: FakeSink, attic: bytes | None) -> list[bytes]:
    return [entry.name for entry in View(sink, build(sink, {})).entries(attic or b"", attic=True)]


def test_nothing_missed_is_no_attic() -> None:
    sink = FakeSink()
    assert one(sink, {b"a": b"1"}, {b"a": b"2", b"b": b"3"}) is None


def test_a_whole_folder_enters_as_one_entry_with_the_time() -> None:
    sink = FakeSink()
    attic = one(sink, {b"d": {b"a": b"1", b"b": b"2"}}, {})
    (entry,) = View(sink, build(sink, {})).entries(attic or b"", attic=True)
    assert entry.kind == FOLDER
    assert entry.extra["missed"] == 7


def test_volatile_names_do_not_enter() -> None:
    sink = FakeSink()
    before = {b"d": {b"a-wal": b"1", b"b": b"2"}, b"x-wal": b"3"}
    attic = one(sink, before, {b"d": {}}, volatile=lambda path: path.endswith(b"-wal"))
    found = View(sink, build(sink, {b"d": {}}), attic).deleted()
    assert [item.path for item in found] == [b"d/b"]


def test_what_is_back_in_a_folder_that_is_written_anew_is_dropped() -> None:
    sink = FakeSink()
    attic = one(sink, {b"a": b"1", b"b": b"2"}, {b"b": b"2"})
    attic = one(sink, {b"b": b"2"}, {b"a": b"1"}, attic)
    assert names_in(sink, attic) == [b"b"]


def test_positions_that_are_not_known_are_copied() -> None:
    from vaultd.format.entry import LongEntry

    sink = FakeSink()
    strange = LongEntry(b"s", 1, 0o644, 0, 0, 1, 0, (), {"from-the-future": 1}, ("more",))
    attic = one(sink, {b"s": strange}, {})
    (entry,) = View(sink, build(sink, {})).entries(attic or b"", attic=True)
    assert isinstance(entry, LongEntry)
    assert entry.more == ("more",)
    assert entry.extra["from-the-future"] == 1


def test_the_cost_follows_the_change() -> None:
    sink = FakeSink()
    before: Tree = {b"%03d" % n: {b"%03d" % m: b"%d" % n for m in range(30)} for n in range(30)}
    after = copy.deepcopy(before)
    del after[b"011"][b"017"]
    parent, root = build(sink, before), build(sink, after)
    sink.reads.clear()
    update_attic(sink, KEYS, [(parent, None)], root, 7)
    blobs = sum(1 for blob_type, _ in sink.blobs.values() if blob_type != CHUNK)
    assert len(sink.reads) < blobs // 4
    pages = [blob_id for blob_id in sink.reads if sink.type_of(blob_id) == PAGE]
    assert len(pages) <= 2 * 2  # a page of two folders in two trees, each read once
