"""What one copy cannot give comes from the next one, which is opened only then; what none can give fails as
the first one said.
"""

import threading
from collections.abc import Iterator

import pytest

from tests.fakes import FakeSink
from vaultd.errors import Damaged, Missing
from vaultd.format.limits import CHUNK
from vaultd.store.anywhere import Anywhere
from vaultd.store.contract import Room


class Torn(FakeSink):
    """Every read meets damage."""

    def read(self, blob_id: bytes, blob_type: int) -> bytes:
        self.reads.append(blob_id)
        raise Damaged("packs/aa", "main", "digest")


def holding(kind: type[FakeSink], *plains: bytes) -> FakeSink:
    sink = kind()
    for plain in plains:
        sink.write(CHUNK, plain)
    return sink


def test_others_are_opened_one_after_the_other_and_only_where_something_is_wanting() -> None:
    opened: list[str] = []

    def others() -> Iterator[FakeSink]:
        for name, sink in (("second", second), ("third", third)):
            opened.append(name)
            yield sink

    first, second, third = holding(FakeSink, b"a"), holding(FakeSink, b"b"), holding(FakeSink, b"c")
    a, b, c = (next(iter(sink.blobs)) for sink in (first, second, third))
    blobs = Anywhere(first, others())
    assert (blobs.read(a, CHUNK), opened) == (b"a", [])
    assert (blobs.read(b, CHUNK), opened) == (b"b", ["second"])
    assert (blobs.read(c, CHUNK), opened) == (b"c", ["second", "third"])
    assert (blobs.length_of(c), blobs.type_of(b)) == (1, CHUNK)
    assert opened == ["second", "third"]
    with pytest.raises(Missing):
        blobs.read(bytes(32), CHUNK)
    assert set(blobs.helped) == {b.hex(), c.hex()}


def test_damage_is_answered_by_another_and_told_as_damage_where_none_can() -> None:
    first, second = holding(Torn, b"a", b"b"), holding(FakeSink, b"a")
    blobs = Anywhere(first, iter([second]))
    a, b = first.blobs
    assert bytes(blobs.read_into(a, CHUNK, Room())) == b"a"
    assert [type(error) for error in blobs.helped.values()] == [Damaged]
    with pytest.raises(Damaged):
        blobs.read(b, CHUNK)


def test_many_threads_open_another_copy_once() -> None:
    opened: list[int] = []

    def others() -> Iterator[FakeSink]:
        opened.append(1)
        yield second

    second = holding(FakeSink, *(b"%d" % number for number in range(200)))
    blobs, wrong = Anywhere(FakeSink(), others()), list[bytes]()

    def read() -> None:
        wrong.extend(each for each, (_, plain) in second.blobs.items() if blobs.read(each, CHUNK) != plain)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (opened, wrong, len(blobs.helped)) == ([1], [], 200)
