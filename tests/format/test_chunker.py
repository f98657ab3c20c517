"""Cuts: the same for the same bytes, however they arrive, and different in every vault."""

import random

import pytest

from tests.format.values import KEYS, OTHER
from vaultd.format.chunker import Chunker
from vaultd.format.limits import MAX_CHUNK, MIB, MIN_CHUNK


def streamed(chunker: Chunker, data: bytes, steps: list[int]) -> list[int]:
    """Lengths of the chunks of `data` that arrives in such steps, as a reader with one buffer cuts it."""
    lengths, waiting, position = [], bytearray(), 0
    for step in steps:
        waiting += data[position : position + step]
        position += step
        with memoryview(waiting) as view:
            cuts = chunker.cut(view, final=position >= len(data))
        lengths += [length for _, length in cuts]
        del waiting[: sum(length for _, length in cuts)]
        if position >= len(data):
            break
    assert not waiting
    return lengths


def test_cuts_cover_everything_and_keep_their_limits(rng: random.Random) -> None:
    data = rng.randbytes(20 * MIB)
    cuts = Chunker(KEYS).cut(memoryview(data), final=True)
    position = 0
    for offset, length in cuts:
        assert offset == position
        position += length
    assert position == len(data)
    assert all(MIN_CHUNK <= length <= MAX_CHUNK for _, length in cuts[:-1])
    assert 10 <= len(cuts) <= 40


@pytest.mark.parametrize("zeros", [False, True], ids=["random", "zeros"])
def test_how_bytes_arrive_changes_nothing(zeros: bool, rng: random.Random) -> None:
    data = bytes(17 * MIB + 5) if zeros else rng.randbytes(17 * MIB + 5)
    chunker = Chunker(KEYS)
    whole = [length for _, length in chunker.cut(memoryview(data), final=True)]
    for _ in range(5):
        steps = [rng.choice([1, 1000, MIB, 5 * MIB]) for _ in range(40)] + [len(data)]
        assert streamed(chunker, data, steps) == whole


def test_zeros_come_out_as_one_chunk_many_times() -> None:
    lengths = [length for _, length in Chunker(KEYS).cut(memoryview(bytes(32 * MIB)), final=True)]
    assert len(set(lengths[:-1])) == 1
    assert len(lengths) <= 32 * MIB // MIN_CHUNK


def test_an_insertion_moves_cuts_only_near_it(rng: random.Random) -> None:
    data = rng.randbytes(24 * MIB)
    chunker = Chunker(KEYS)

    def pieces(plain: bytes) -> set[bytes]:
        return {
            plain[offset : offset + length] for offset, length in chunker.cut(memoryview(plain), final=True)
        }

    changed = data[: 9 * MIB] + b"inserted" + data[9 * MIB :]
    assert len(pieces(changed) - pieces(data)) <= 3


def test_another_vault_cuts_elsewhere(rng: random.Random) -> None:
    data = memoryview(rng.randbytes(16 * MIB))
    assert Chunker(KEYS).cut(data, final=True) == Chunker(KEYS).cut(data, final=True)
    assert Chunker(KEYS).cut(data, final=True) != Chunker(OTHER).cut(data, final=True)


@pytest.mark.parametrize("length", [0, 1, MIN_CHUNK])
def test_what_is_short_is_one_piece(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chunker = Chunker(KEYS)
    monkeypatch.setattr(chunker, "_fast", None)
    view = memoryview(bytes(length))
    assert chunker.cut(view, final=True) == ([(0, length)] if length else [])
    assert chunker.cut(view, final=False) == []


def test_the_buffer_can_be_resized_afterwards(rng: random.Random) -> None:
    buffer = bytearray(rng.randbytes(5 * MIB))
    with memoryview(buffer) as view:
        assert Chunker(KEYS).cut(view, final=False)
    buffer.clear()
