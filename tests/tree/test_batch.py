"""Small files are stored many at a time, and come out in their order."""

import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.fakes import FakeSink
from tests.tree.sources import Watched
from vaultd.capture.listing import Seen
from vaultd.capture.opening import open_file
from vaultd.errors import Full
from vaultd.format.entry import FILE, LINK, Entry
from vaultd.format.limits import CHUNK
from vaultd.store.contract import Buffer
from vaultd.tree import refresh
from vaultd.tree.batch import MOST_BYTES, MOST_FILES, Item, Plains, Small, in_order


class Store:
    """Stores contents as themselves, padded to the length of an id; keeps how many it was given at once."""

    def __init__(self) -> None:
        self.given: list[int] = []
        self.told: list[bytes] = []

    def store(self, plains: Plains) -> list[bytes]:
        self.given.append(len(plains))
        return [bytes(plain[:32]).ljust(32, b".") for plain in plains]

    def finish(self, small: Small, blob_id: bytes) -> Entry:
        self.told.append(small.seen.name)
        return entry_of(small.seen.name, blob_id, len(small.plain))

    def run(self, items: Iterator[Item]) -> list[Entry]:
        return list(in_order(items, self.store, self.finish))


def entry_of(name: bytes, blob_id: bytes, size: int) -> Entry:
    return Entry(name, FILE, 0o644, 0, 0, 0, size, ((blob_id, size),), {})


def small(number: int, size: int = 10) -> Small:
    name = b"%08d" % number
    return Small(Seen(name, 0, 0, 0, 0, size, 0, 0, 1), {}, bytearray(name.ljust(size, b".")), None)


def link(number: int) -> Entry:
    return Entry(b"%08d" % number, LINK, 0o777, 0, 0, 0, 1, None, {"link": b"x"})


@pytest.mark.parametrize("every", [1, 2, 7, 1000])
@pytest.mark.parametrize("count", [0, 1, MOST_FILES - 1, MOST_FILES, MOST_FILES + 1, 10 * MOST_FILES + 3])
def test_entries_come_in_order_with_the_ids_of_their_own_content(count: int, every: int) -> None:
    store = Store()
    found = store.run(small(n) if n % every == 0 else link(n) for n in range(count))
    assert [entry.name for entry in found] == [b"%08d" % n for n in range(count)]
    for n, entry in enumerate(found):
        if n % every == 0:
            assert entry.content == ((entry.name.ljust(10, b".").ljust(32, b"."), 10),)
        else:
            assert entry == link(n)
    assert store.told == [entry.name for entry in found if entry.kind == FILE]
    assert sum(store.given) == len(store.told)
    assert len(store.given) <= -(-count // MOST_FILES)


def test_memory_is_bounded_by_bytes_too() -> None:
    store = Store()
    store.run(small(n, MOST_BYTES // 4) for n in range(9))
    assert store.given == [4, 4, 1]


def test_no_more_is_read_ahead_than_a_batch() -> None:
    taken = 0

    def items() -> Iterator[Item]:
        nonlocal taken
        for n in range(10 * MOST_FILES):
            taken += 1
            yield small(n)

    store = Store()
    first = next(in_order(items(), store.store, store.finish))
    assert first.name == b"%08d" % 0
    assert taken == MOST_FILES


class Waiting(FakeSink):
    """Takes nothing until `go`; what it is given to keep is asked of `plain` only then."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def write_many(self, blob_type: int, plains: Sequence[Buffer]) -> list[bytes]:
        assert len(plains[0]) < 30_000 or self.go.wait(20), "nothing was read meanwhile"
        return super().write_many(blob_type, plains)


@pytest.mark.parametrize(
    ("sizes", "opened"),
    [
        pytest.param([300_000] * 4, 2, id="large"),
        pytest.param([300_000, 9_000_000, 5, 0, 400_000, 20_000_000], 2, id="mixed"),
    ],
)
def test_files_are_read_while_others_are_still_being_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int], opened: int
) -> None:
    contents = {b"%02d" % n: random.Random(n).randbytes(size) for n, size in enumerate(sizes)}
    for name, content in contents.items():
        (tmp_path / name.decode()).write_bytes(content)
    sink = Waiting()
    source = Watched(tmp_path, sink)
    names: list[bytes] = []

    def noted(folder: int, name: bytes) -> int:
        names.append(name)
        if len(names) == opened:
            sink.go.set()
        return open_file(folder, name)

    monkeypatch.setattr(refresh, "open_file", noted)
    assert source.scan().counts.files == len(sizes)
    assert {name: source.bytes_of(name.decode()) for name in contents} == contents
    names.clear()
    source.scan()
    assert names == []  # the looks of all were kept, in their order
    source.forget()
    assert source.scan().counts.changed == 0
    assert len(names) == len(sizes)


def test_a_sink_that_fails_behind_the_reader_fails_the_scan(tmp_path: Path) -> None:
    class Failing(FakeSink):
        def write_many(self, blob_type: int, plains: Sequence[Buffer]) -> list[bytes]:
            raise Full("disk")

    for number in range(3):
        (tmp_path / f"{number}").write_bytes(bytes(300_000))
    with pytest.raises(Full):
        Watched(tmp_path, Failing()).scan()


def test_a_folder_of_small_files_is_stored_batch_by_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        (tmp_path / f"{number:03}").write_bytes(b"content %d" % number)
    calls: list[int] = []
    many = FakeSink.write_many

    def counted(sink: FakeSink, kind: int, plains: Sequence[Buffer]) -> list[bytes]:
        calls.append(len(plains))
        return many(sink, kind, plains)

    monkeypatch.setattr(FakeSink, "write_many", counted)
    source = Watched(tmp_path)
    assert source.scan().counts.files == 300
    assert calls == [128, 128, 44]
    assert source.sink.writes[CHUNK] == 300
    assert {name: source.bytes_of(name.decode()) for name in source.entries()} == {
        b"%03d" % number: b"content %d" % number for number in range(300)
    }


def test_files_that_did_not_change_are_looked_up_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by one, 100,000 of them took ten times as long as reading the thousand that had changed."""
    for number in range(600):
        (tmp_path / f"{number:03}").write_bytes(b"content %d" % number)
    source = Watched(tmp_path)
    source.scan()
    for number in (0, 255, 256, 599):
        (tmp_path / f"{number:03}").write_bytes(b"other content %d" % number)
    (tmp_path / "100").unlink()
    asked: list[int] = []
    held_of = FakeSink.held_of

    def counted(sink: FakeSink, ids: Sequence[bytes]) -> set[bytes]:
        asked.append(len(ids))
        return held_of(sink, ids)

    monkeypatch.setattr(FakeSink, "held_of", counted)
    counts = source.scan().counts
    assert (counts.files, counts.changed) == (599, 4)
    assert asked == [253, 256, 86]
    assert source.bytes_of("255") == b"other content 255"
    assert source.bytes_of("254") == b"content 254"


def test_a_chunk_that_the_copies_lost_is_read_again_alone(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number:03}").write_bytes(b"content %d" % number)
    source = Watched(tmp_path)
    source.scan()
    (tmp_path / "new").write_bytes(b"new")
    lost = source.entries()[b"150"].content
    assert isinstance(lost, tuple)
    del source.sink.blobs[lost[0][0]]
    source.sink.writes.clear()
    counts = source.scan().counts
    assert source.sink.writes[CHUNK] == 2
    assert counts.changed == 1
    assert source.bytes_of("150") == b"content 150"
