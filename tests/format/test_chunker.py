"""Cuts: the same for the same bytes, however they arrive, and different in every vault."""

import random

import pytest

from tests.format.values import KEYS, OTHER
from vaultd.format.chunker import Chunker
from vaultd.format.keys import Keys
from vaultd.format.limits import KIB, MAX_CHUNK, MIB, MIN_CHUNK, MIN_FIRST_CHUNK


def streamed(chunker: Chunker, data: bytes, steps: list[int]) -> list[int]:
    """Lengths of the chunks of `data` that arrives in such steps, as a reader with one buffer cuts it."""
    lengths, waiting, position = [], bytearray(), 0
    stream = chunker.begin()
    for step in steps:
        waiting += data[position : position + step]
        position += step
        with memoryview(waiting) as view:
            cuts = stream.cut(view, final=position >= len(data))
        lengths += [length for _, length in cuts]
        del waiting[: sum(length for _, length in cuts)]
        if position >= len(data):
            break
    assert not waiting
    return lengths


def pieces(data: bytes, keys: Keys = KEYS) -> list[bytes]:
    cuts = Chunker(keys).begin().cut(memoryview(data), final=True)
    return [data[offset : offset + length] for offset, length in cuts]


def test_cuts_cover_everything_and_keep_their_limits(rng: random.Random) -> None:
    data = rng.randbytes(20 * MIB)
    cut = pieces(data)
    assert b"".join(cut) == data
    assert MIN_FIRST_CHUNK <= len(cut[0]) <= MIN_CHUNK
    assert all(MIN_CHUNK <= len(piece) <= MAX_CHUNK for piece in cut[1:-1])
    assert 10 <= len(cut) <= 40


@pytest.mark.parametrize("zeros", [False, True], ids=["random", "zeros"])
def test_how_bytes_arrive_changes_nothing(zeros: bool, rng: random.Random) -> None:
    data = bytes(17 * MIB + 5) if zeros else rng.randbytes(17 * MIB + 5)
    chunker = Chunker(KEYS)
    whole = streamed(chunker, data, [len(data)])
    for _ in range(5):
        steps = [rng.choice([1, 1000, MIN_CHUNK, MIB, 5 * MIB]) for _ in range(40)] + [len(data)]
        assert streamed(chunker, data, steps) == whole


@pytest.mark.parametrize("more", [1, 1000, MIN_CHUNK, MIN_CHUNK + 1])
def test_the_end_is_found_however_near_it_is(more: int, rng: random.Random) -> None:
    data = rng.randbytes(MIN_CHUNK + more)
    whole = streamed(Chunker(KEYS), data, [len(data)])
    assert sum(whole) == len(data)
    assert streamed(Chunker(KEYS), data, [1000] * 600) == whole


def test_zeros_come_out_as_one_chunk_many_times() -> None:
    cut = pieces(bytes(32 * MIB))
    assert len(set(cut[1:-1])) == 1
    assert len(cut) <= 1 + 32 * MIB // MIN_CHUNK


def test_an_insertion_moves_cuts_only_near_it(rng: random.Random) -> None:
    data = rng.randbytes(24 * MIB)
    changed = data[: 9 * MIB] + b"inserted" + data[9 * MIB :]
    assert len(set(pieces(changed)) - set(pieces(data))) <= 3


def test_what_is_put_into_the_head_of_a_photo_stores_little(rng: random.Random) -> None:
    added = []
    for _ in range(20):
        photo = rng.randbytes(3 * MIB)
        rated = photo[:2] + b"Rating 5" + photo[2:]
        added.append(sum(map(len, set(pieces(rated)) - set(pieces(photo)))))
    assert sum(added) / len(added) < 160 * KIB
    assert max(added) <= MIN_CHUNK + len(b"Rating 5")


def test_another_vault_cuts_elsewhere(rng: random.Random) -> None:
    data = rng.randbytes(16 * MIB)
    assert pieces(data) == pieces(data)
    assert not set(pieces(data)) & set(pieces(data, OTHER))


@pytest.mark.parametrize("length", [0, 1, MIN_CHUNK])
def test_what_is_short_is_one_piece(length: int) -> None:
    view = memoryview((b"SQLite format 3\0\x10\0" + bytes(MIN_CHUNK))[:length])
    assert Chunker(KEYS).begin().cut(view, final=True) == ([(0, length)] if length else [])
    assert Chunker(KEYS).begin().cut(view, final=False) == []


@pytest.mark.parametrize("head", [b"", b"SQLite format 3\0\x10\0"], ids=["content", "database"])
def test_the_buffer_can_be_resized_afterwards(head: bytes, rng: random.Random) -> None:
    buffer = bytearray(head + rng.randbytes(5 * MIB))
    with memoryview(buffer) as view:
        assert Chunker(KEYS).begin().cut(view, final=False)
    buffer.clear()
