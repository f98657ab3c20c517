"""Any part of a file, in any order, is what reading all of it gives."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import FakeSink
from tests.tree.trees import build, file
from vaultd.browse import file as module
from vaultd.browse.chunks import Chunks
from vaultd.browse.file import OpenFile
from vaultd.errors import Damaged, Missing
from vaultd.format.entry import Entry
from vaultd.format.limits import CHUNK
from vaultd.tree.view import View

PLAIN = bytes(range(256)) * 4


def opened(sink: FakeSink, entry: Entry, most_bytes: int = 100) -> tuple[OpenFile, Chunks]:
    chunks = Chunks(sink, most_bytes)
    return OpenFile(View(sink, build(sink, {b"f": entry})), entry, chunks), chunks


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 700),
    cut=st.integers(1, 90),
    holes=st.booleans(),
    reads=st.lists(st.tuples(st.integers(0, 1400), st.integers(0, 300)), max_size=12),
    most=st.sampled_from([1, 3, 16_384]),
)
def test_every_part_is_what_the_whole_has_there(
    size: int, cut: int, holes: bool, reads: list[tuple[int, int]], most: int
) -> None:
    sink, data = FakeSink(), PLAIN[:size]
    whole = data
    extra = {}
    if holes and size > 10:
        parts = ((5, 4), (20, size - 4))
        whole = bytes(5) + data[:4] + bytes(11) + data[4:] + bytes(30)
        extra = {"sparse": parts, "size": len(whole)}
    entry = file(sink, b"f", data, cut=cut, **extra)  # type: ignore[arg-type]
    kept, module._MOST_PIECES = module._MOST_PIECES, most
    try:
        found, chunks = opened(sink, entry)
        for at, length in reads:
            assert bytes(found.read(at, length)) == whole[at : at + length]
        at = 0
        while part := bytes(found.read(at, 37)):
            assert part == whole[at : at + 37]
            at += len(part)
        assert at == len(whole)
        chunks.close()
    finally:
        module._MOST_PIECES = kept


def test_where_data_and_holes_begin() -> None:
    sink = FakeSink()
    entry = file(sink, b"f", b"0123456789", size=100, sparse=((10, 4), (16, 2), (50, 4)))
    found, _ = opened(sink, entry)
    assert [found.data_from(at) for at in (0, 10, 15, 18, 53, 54)] == [10, 10, 16, 50, 53, None]
    assert [found.hole_from(at) for at in (0, 10, 15, 16, 50, 60)] == [0, 14, 15, 18, 54, 60]


def test_what_is_missing_is_an_error_of_that_part_alone() -> None:
    sink = FakeSink()
    entry = file(sink, b"f", PLAIN[:100], cut=10)
    assert isinstance(entry.content, tuple)
    del sink.blobs[entry.content[4][0]]
    found, _ = opened(sink, entry)
    assert bytes(found.read(0, 40)) == PLAIN[:40]
    assert bytes(found.read(50, 50)) == PLAIN[50:100]
    for _ in range(2):  # nothing of the failure is kept
        with pytest.raises(Missing):
            found.read(35, 10)


def test_a_file_whose_chunks_end_before_it_is_damaged() -> None:
    sink = FakeSink()
    short = file(sink, b"f", PLAIN[:700], cut=10, size=1000)
    found, _ = opened(sink, short)
    with pytest.raises(Damaged):
        found.read(750, 10)


class Slow(FakeSink):
    """Counts how often each chunk is read; `hold` keeps readers until it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.hold = threading.Event()
        self.hold.set()

    def read(self, blob_id: bytes, blob_type: int) -> bytes:
        found = super().read(blob_id, blob_type)
        if blob_type == CHUNK:
            self.hold.wait(20)
        return found


def wait(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_chunk_that_many_wait_for_is_read_once() -> None:
    sink = Slow()
    entry = file(sink, b"f", PLAIN[:40], cut=40)
    found, _ = opened(sink, entry)
    sink.hold.clear()
    with ThreadPoolExecutor(8) as threads:
        parts = [threads.submit(found.read, at, 5) for at in range(0, 40, 5)]
        time.sleep(0.1)
        sink.hold.set()
        assert b"".join(bytes(part.result()) for part in parts) == PLAIN[:40]
    assert isinstance(entry.content, tuple)
    assert sink.reads.count(entry.content[0][0]) == 1


def test_no_more_is_kept_than_was_said() -> None:
    sink = FakeSink()
    entry = file(sink, b"f", PLAIN[:1000], cut=10)
    found, chunks = opened(sink, entry, most_bytes=50)
    for at in range(0, 1000, 10):
        found.read(at, 10)
    wait(lambda: all(each.done() for each in list(chunks._kept.values())))
    assert chunks._bytes <= 60
    assert sum(len(each.result()) for each in chunks._kept.values()) == chunks._bytes


def test_who_reads_in_order_finds_it_read_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AHEAD", 40)
    sink = FakeSink()
    entry = file(sink, b"f", PLAIN[:1000], cut=10)
    found, _ = opened(sink, entry, most_bytes=1000)
    found.read(0, 10)
    before = len(sink.reads)
    found.read(10, 10)
    wait(lambda: len(sink.reads) >= before + 4)


def test_who_jumps_about_has_nothing_read_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IN_ORDER", 20)
    sink = FakeSink()
    entry = file(sink, b"f", PLAIN[:1000], cut=10)
    found, _ = opened(sink, entry, most_bytes=1000)
    for at in (500, 100, 900, 300):
        found.read(at, 10)
    time.sleep(0.1)
    assert len([blob for blob in sink.reads if sink.blobs[blob][0] == CHUNK]) == 4
