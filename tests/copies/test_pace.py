"""A limit on what leaves this computer: copies on other machines keep it, a local disk does not know it."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.copies.places import Directory, Place, Sftp, StrictStore, pack_of
from vaultd.copies.pace import UPLOAD, Pace

DATA = os.urandom(600_000)
RATE = 300_000


@pytest.fixture
def limited() -> Iterator[None]:
    UPLOAD.limit(RATE)
    yield
    UPLOAD.limit(None)


@given(st.lists(st.integers(1, 10_000), min_size=1), st.integers(1, 5000))
def test_never_more_than_the_limit_in_any_time(sizes: list[int], rate: int) -> None:
    pace = Pace(clock=lambda: 100.0)
    pace.limit(rate)
    begins = [pace.turn(size) for size in sizes]
    assert begins == pytest.approx([sum(sizes[:number]) / rate for number in range(len(sizes))])


def test_what_was_not_used_is_not_saved_up() -> None:
    now = [0.0]
    pace = Pace(clock=lambda: now[0])
    pace.limit(100)
    assert pace.turn(50) == 0
    now[0] = 1000
    assert (pace.turn(100), pace.turn(100)) == (0, 1)
    pace.limit(None)
    assert (pace.turn(10**9), pace.part(1 << 20)) == (0, 1 << 20)


def seconds_to_put(place: Place) -> float:
    begun = time.monotonic()
    place.copy.put(pack_of(DATA), DATA)
    assert place.copy.fetch(pack_of(DATA)) == DATA
    return time.monotonic() - begun


@pytest.mark.parametrize("kind", [Sftp, StrictStore])
def test_a_copy_on_another_machine_keeps_the_limit(kind: type[Place], tmp_path: Path, limited: None) -> None:
    place = kind(tmp_path)  # type: ignore[call-arg]
    try:
        assert seconds_to_put(place) >= (len(DATA) - RATE / 2) / RATE - 0.05
    finally:
        place.copy.close()


def test_a_folder_keeps_it_where_it_is_on_another_machine(
    tmp_path: Path, limited: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "near").mkdir()
    near = Directory(tmp_path / "near")
    assert seconds_to_put(near) < 1
    near.copy.close()
    monkeypatch.setattr("vaultd.copies.place.is_network", lambda path: True)
    (tmp_path / "far").mkdir()
    far = Directory(tmp_path / "far")
    assert seconds_to_put(far) >= (len(DATA) - RATE / 2) / RATE - 0.05
    far.copy.close()


def test_two_copies_share_one_line(tmp_path: Path, limited: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaultd.copies.place.is_network", lambda path: True)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    both = [Directory(tmp_path / "one"), Directory(tmp_path / "two")]
    threads = [threading.Thread(target=seconds_to_put, args=(each,)) for each in both]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begun >= (2 * len(DATA) - RATE) / RATE - 0.05
