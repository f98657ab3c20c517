"""Packs go to other copies as they are made: each once, and nobody waits for a copy that cannot keep up."""

import contextlib
import random
import threading
from collections.abc import Callable

import pytest

from tests.damage import flipped
from tests.store.conftest import KEYS
from vaultd.copies.contract import Buffer, Copy
from vaultd.copies.memory import MemoryCopy
from vaultd.errors import Damaged, Full, Unreachable
from vaultd.format.limits import CHUNK
from vaultd.store import openbox
from vaultd.store.fanout import Branch, Fanout
from vaultd.store.vault import Vault

PACKS = 12


@pytest.fixture(autouse=True)
def small_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openbox, "_is_full", lambda size: size > 10_000)


@pytest.fixture
def other() -> MemoryCopy:
    return MemoryCopy(KEYS.vault_id, b"another one's id", "other")


class Slow(MemoryCopy):
    """Takes nothing until it is let."""

    def __init__(self) -> None:
        super().__init__(KEYS.vault_id, b"a slow one's id.", "slow")
        self.may = threading.Event()

    def put(self, name: str, data: Buffer) -> None:
        assert self.may.wait(60)
        super().put(name, data)


class Failing(MemoryCopy):
    """Each file is more than it has room for."""

    tries = 0

    def put(self, name: str, data: Buffer) -> None:
        self.tries += 1
        raise Full(self.label, 0)


class Rotting(MemoryCopy):
    """What is written here is not what is read."""

    def put(self, name: str, data: Buffer) -> None:
        super().put(name, flipped(bytes(data), -1))


def branch(copy: Copy) -> Branch:
    return Branch(lambda: contextlib.nullcontext(copy))


def never() -> None:
    pass


def written(vault: Vault, *others: Branch) -> Fanout:
    """The vault after a dozen packs of noise, all of them on its own copy."""
    also = Fanout(vault.copy.copy_id, branch(vault.copy), {bytes([n]): each for n, each in enumerate(others)})
    sink, rng = vault.sink(also), random.Random(1)
    for _ in range(PACKS * 11):
        sink.write(CHUNK, rng.randbytes(1000))
    sink.finish()
    assert len(packs(vault.copy)) >= PACKS
    return also


def packs(copy: Copy) -> dict[str, bytes]:
    return {file.name: copy.fetch(file.name) for file in copy.list("packs/")}


def test_what_a_copy_was_given_is_the_same_and_was_read_back_from_both(
    vault: Vault, other: MemoryCopy
) -> None:
    taken = branch(other)
    also = written(vault, taken)
    for _, each in also.all():
        each.close(never)
    given = packs(other)
    assert given
    assert given.items() <= packs(vault.copy).items()
    assert set(taken.right) == given.keys()
    assert set(also.first.right) == packs(vault.copy).keys()
    assert taken.behind == (len(given) < len(packs(vault.copy)))


def test_nobody_waits_for_a_slow_copy_and_it_gets_what_it_took(vault: Vault, other: MemoryCopy) -> None:
    slow = Slow()
    late, quick = branch(slow), branch(other)
    written(vault, late, quick)  # comes back, though nothing was put there
    assert late.behind
    assert not packs(slow)
    slow.may.set()
    late.close(never)
    quick.close(never)
    assert len(packs(slow)) == 2  # those that had a place
    assert packs(slow).items() <= packs(vault.copy).items()
    assert len(packs(other)) > 2


def test_who_waits_for_a_slow_copy_can_be_stopped(vault: Vault) -> None:
    slow = Slow()
    late = branch(slow)
    written(vault, late)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        late.close(stop)
    slow.may.set()


def test_a_copy_that_fails_is_left_alone(vault: Vault) -> None:
    full = Failing(KEYS.vault_id, b"a full one's id.", "full")
    failed = branch(full)
    written(vault, failed)
    failed.close(never)
    assert failed.behind
    assert full.tries == 1
    assert not failed.right


def test_a_copy_that_must_not_be_written_is_not(vault: Vault, other: MemoryCopy) -> None:
    def refused() -> contextlib.nullcontext[Copy]:
        raise Unreachable("other", "not this one")

    away = Branch(refused)
    written(vault, away)
    away.close(never)
    assert away.behind
    assert not packs(other)


def test_what_is_not_kept_as_it_was_given_is_set_aside(vault: Vault) -> None:
    rotting = Rotting(KEYS.vault_id, b"a rotten one's..", "rotting")
    bad = branch(rotting)
    written(vault, bad)
    bad.close(never)
    assert bad.behind
    assert not bad.right
    assert not list(rotting.list("packs/"))
    assert len(list(rotting.quarantined())) == 1


def test_where_no_thread_can_be_started_the_copy_is_behind(
    other: MemoryCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    ended: list[int] = []
    alone = branch(other)
    for number in range(5):
        alone.offer("packs/00/" + "0" * 64, memoryview(b"x"), _noted(ended, number))
    assert ended == list(range(5))
    assert alone.behind
    alone.close(never)


def _noted(ended: list[int], number: int) -> Callable[[], None]:
    return lambda: ended.append(number)


def test_what_was_written_is_damaged_by_then_and_does_not_count(vault: Vault) -> None:
    class Bad(MemoryCopy):
        def read_back(self, name: str) -> None:
            raise Damaged(name, "bad", "digest")

    first = branch(Bad(KEYS.vault_id, b"a bad one's id..", "bad"))
    first.look("packs/00/" + "0" * 64)
    first.close(never)
    assert not first.right
