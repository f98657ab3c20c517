"""The second process that opens packs again: it says what we would, and nothing is lost where it is gone."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from tests.store.conftest import KEYS, Places, flip_finished
from vaultd.errors import Refused
from vaultd.format.box import BoxWriter, verify_box
from vaultd.format.limits import CHUNK, KIND_DATA
from vaultd.ids import pack_name
from vaultd.store import openbox, packer
from vaultd.store.buffers import Buffers
from vaultd.store.vault import Vault
from vaultd.store.verifier import Verifier

SIZE = 1 << 20


def blobs(count: int) -> list[bytes]:
    return [random.Random(number).randbytes(50) for number in range(count)]


@pytest.fixture
def buffers() -> Iterator[Buffers]:
    buffers = Buffers(2, SIZE)
    yield buffers
    buffers.close()


@pytest.fixture
def second(buffers: Buffers) -> Iterator[Verifier]:
    assert buffers.shared is not None
    second = Verifier(KEYS, buffers.shared)
    yield second
    second.close()


def box_in(buffers: Buffers) -> tuple[int, memoryview]:
    begin, buffer = buffers.take()
    writer = BoxWriter(KEYS, KIND_DATA, buffer)
    for plain in blobs(300):
        writer.add(KEYS.blob_id(CHUNK, plain), CHUNK, 0, plain, len(plain))
    return begin, writer.finish()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_box_in_any_buffer_is_named_and_verified(second: Verifier, buffers: Buffers) -> None:
    for _ in range(2):
        begin, box = box_in(buffers)
        digest = second.verify(begin, len(box), KIND_DATA)
        assert digest is not None
        assert pack_name(digest) == pack_name(blake3(box).digest())


def test_a_flipped_bit_is_refused_as_it_would_be_here(second: Verifier, buffers: Buffers) -> None:
    begin, box = box_in(buffers)
    box[len(box) // 2] ^= 1
    with pytest.raises(Refused) as here:
        verify_box(box, KEYS, KIND_DATA)
    with pytest.raises(Refused) as there:
        second.verify(begin, len(box), KIND_DATA)
    assert (there.value.reason, there.value.detail) == (here.value.reason, here.value.detail)
    box[len(box) // 2] ^= 1
    assert second.verify(begin, len(box), KIND_DATA) is not None  # it goes on after a refusal


def test_a_process_that_is_gone_gives_no_answer(second: Verifier, buffers: Buffers) -> None:
    begin, box = box_in(buffers)
    os.kill(second._process.pid, signal.SIGKILL)
    second._process.wait()
    assert second.verify(begin, len(box), KIND_DATA) is None
    assert second.verify(begin, len(box), KIND_DATA) is None


def test_modules_do_not_come_from_where_somebody_stands(
    buffers: Buffers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "ran"
    for name in ("blake3", "vaultd", "struct"):
        (tmp_path / f"{name}.py").write_text(f"open({str(marker)!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    assert buffers.shared is not None
    begin, box = box_in(buffers)
    second = Verifier(KEYS, buffers.shared)
    assert second.verify(begin, len(box), KIND_DATA) is not None
    second.close()
    assert not marker.exists()


_PARENT = """
import os, sys
from vaultd.format.keys import Keys
from vaultd.store.buffers import Buffers
from vaultd.store.verifier import Verifier
buffers = Buffers(1, 1 << 20)
second = Verifier(Keys.from_master(bytes(32), bytes(16)), buffers.shared)
print(second._process.pid, flush=True)
sys.stdin.read()
"""


def test_it_ends_with_who_started_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    deadline = time.monotonic() + 20
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


class Watch:
    """What the second process was asked, and what was verified here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[bytes | None] = []
        self.here = 0
        self.pids: list[int] = []
        self.kill = False
        ask, start = Verifier.verify, Verifier.__init__

        def verify(second: Verifier, *of: int) -> bytes | None:
            if self.kill:
                os.kill(second._process.pid, signal.SIGKILL)
            self.answers.append(ask(second, *of))
            return self.answers[-1]

        def begin(second: Verifier, *of: Any) -> None:
            start(second, *of)
            self.pids.append(second._process.pid)

        def verify_here(*of: Any) -> Any:
            self.here += 1
            return verify_box(*of)

        monkeypatch.setattr(Verifier, "verify", verify)
        monkeypatch.setattr(Verifier, "__init__", begin)
        monkeypatch.setattr(packer, "verify_box", verify_here)
        monkeypatch.setattr(packer, "_CORES", 2)
        monkeypatch.setattr(openbox, "PACK_SIZE", 30_000)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def store(vault: Vault, plains: list[bytes]) -> None:
    sink = vault.sink()
    try:
        ids = sink.write_many(CHUNK, plains)
        sink.finish()
    finally:
        sink.abandon()  # no thread or process is left to other tests
    assert [vault.read(blob_id, CHUNK) for blob_id in ids] == plains


def test_full_packs_of_many_blobs_are_verified_elsewhere(vault: Vault, places: Places, watch: Watch) -> None:
    store(vault, blobs(2000))
    assert len(watch.pids) == 1
    assert {pack_name(digest)[-64:] for digest in watch.answers if digest} <= {
        path.name for path in places.packs()
    }
    assert len(watch.answers) + watch.here == len(places.packs())
    assert len(watch.answers) >= 5
    assert None not in watch.answers
    assert not alive(watch.pids[0])


def test_nothing_is_started_for_little(vault: Vault, watch: Watch) -> None:
    store(vault, blobs(200))
    assert (watch.pids, watch.here) == ([], 1)


def test_packs_are_verified_here_where_the_other_process_dies(vault: Vault, watch: Watch) -> None:
    watch.kill = True
    store(vault, blobs(2000))
    assert set(watch.answers) == {None}
    assert watch.here >= len(watch.answers)


def test_a_snapshot_that_is_given_up_leaves_no_process(vault: Vault, watch: Watch) -> None:
    sink = vault.sink()
    sink.write_many(CHUNK, blobs(2000))
    sink.abandon()
    assert len(watch.pids) == 1
    assert not alive(watch.pids[0])


def test_what_it_refuses_is_not_written(
    vault: Vault, places: Places, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip_finished(monkeypatch, 5000)
    with pytest.raises(Refused):
        store(vault, blobs(2000))
    assert watch.here == 0
    assert places.packs() == []
