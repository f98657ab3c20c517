"""What only a copy on an SFTP host has: handles, requests on the way, a thread, a host that errs."""

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh
import pytest
from asyncssh.sftp import SFTPClientHandler
from blake3 import blake3

from tests.copies import sshd
from tests.copies.places import COPY, DEVICE, Sftp, held, pack_of, set_aside
from tests.copies.traced import needs_strace
from vaultd.copies import hostchanges, locating
from vaultd.copies.contract import Abilities
from vaultd.copies.hostsession import Opened
from vaultd.copies.names import unfinished_name
from vaultd.copies.probing import probe
from vaultd.errors import Damaged, Unreachable
from vaultd.ids import log_name

DATA = bytes(range(256)) * 40
NAME = pack_of(DATA)
FOLDER = NAME.rpartition("/")[0]
# Of draft-ietf-secsh-filexfer-02, section 3.
_FXP_CLOSE, _FXP_READ = 4, 5


@pytest.fixture
def nas(tmp_path: Path) -> Iterator[Sftp]:
    made = Sftp(tmp_path)
    yield made
    made.copy.close()


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every request that is sent, by its number or name in the protocol; those that close come late."""
    sent: list[object] = []
    real = SFTPClientHandler._send_request

    def send(self: SFTPClientHandler, kind: "int | bytes", *rest: "asyncssh.SFTPAttrs") -> None:
        if kind != _FXP_CLOSE:
            sent.append(kind)
        real(self, kind, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(SFTPClientHandler, "_send_request", send)
    return sent


def test_openssh_can_do_all_that_is_asked(nas: Sftp) -> None:
    expected = Abilities(exclusive=True, keeps=True, syncs=True, past_cache=False)
    assert probe(nas.copy, NAME, DATA).abilities == expected


def test_a_range_of_a_file_that_is_open_is_one_request(nas: Sftp, requests: list[object]) -> None:
    nas.copy.put(NAME, DATA)
    nas.copy.get(NAME, 0, 10)
    requests.clear()
    for offset in range(0, 1000, 100):
        assert nas.copy.get(NAME, offset, 50) == DATA[offset : offset + 50]
    assert requests == [_FXP_READ] * 10


def test_files_kept_open_are_few_and_let_go(nas: Sftp) -> None:
    datas = [bytes([n]) * 100 for n in range(80)]
    for data in datas:
        nas.copy.put(pack_of(data), data)
    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda data: nas.copy.get(pack_of(data), 1, 5), datas)) == [
                data[1:6] for data in datas
            ]
    assert nas.copy.get(pack_of(datas[0]), 0, 1) == datas[0][:1]
    open_files = [
        name for pid in nas.server.tree() for name in _open_files(pid) if name.startswith(str(nas.path))
    ]
    assert 1 <= len(open_files) <= 33


def _open_files(pid: int) -> list[str]:
    return [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]


def test_a_listing_does_not_ask_for_each_file(nas: Sftp, requests: list[object]) -> None:
    names = [log_name(bytes.fromhex(DEVICE), n, blake3(b"%d" % n).digest()) for n in range(1, 3001)]
    for name in names:
        nas.plant(name, b"x" * 10)
    requests.clear()
    assert held(nas.copy) == dict.fromkeys(names, 10)
    assert len(requests) < len(names) / 50


def test_many_folders_are_asked_for_at_once(nas: Sftp, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(256):
        nas.plant(f"packs/{n:02x}/{n:02x}{'0' * 62}", b"x")
    waiting, most = 0, 0
    real = asyncssh.SFTPClient.scandir

    async def scandir(self: asyncssh.SFTPClient, path: bytes) -> "object":
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        async for entry in real(self, path):
            yield entry
        waiting -= 1

    monkeypatch.setattr(asyncssh.SFTPClient, "scandir", scandir)
    assert len(held(nas.copy)) == 256
    assert most >= 16


def test_names_that_are_no_text_are_strangers(nas: Sftp) -> None:
    (nas.path / os.fsdecode(b"\xff\n")).touch()
    (nas.path / "packs").mkdir()
    (nas.path / "packs/ab").symlink_to(nas.path)
    assert sorted(nas.copy.strangers()) == ["packs/ab", "\udcff\n"]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path), os.mkdir])
def test_what_is_no_file_is_damaged_and_opened_by_nobody(nas: Sftp, make: Callable[[str], None]) -> None:
    nas.plant(f"{FOLDER}/stranger", b"")
    make(str(nas.path / NAME))
    for read in (nas.copy.get, nas.copy.fetch, nas.copy.read_back):
        with pytest.raises(Damaged):
            read(NAME)
    nas.copy.put(NAME, DATA)
    assert nas.copy.fetch(NAME) == DATA
    assert len(list((nas.path / "quarantine").iterdir())) == 1


def test_a_file_where_a_folder_must_be_is_no_answer(nas: Sftp) -> None:
    """OpenSSH calls it "no such file"."""
    nas.plant("packs", b"")
    for read in (nas.copy.get, nas.copy.fetch, nas.copy.read_back):
        with pytest.raises(Unreachable) as caught:
            read(NAME)
        assert caught.value.reason == "ENOTDIR"
    with pytest.raises(Unreachable):
        list(nas.copy.list())


def test_what_is_under_way_is_not_swept(nas: Sftp, monkeypatch: pytest.MonkeyPatch) -> None:
    other = locating.open_copy(nas.where, COPY, "nas", DEVICE)
    nas.plant(unfinished_name(NAME, DEVICE, "0" * 16), b"left over")
    real, swept = hostchanges._write, list[int]()

    async def write(opened: Opened, begin: int, part: memoryview) -> None:
        if not swept:
            swept.append(-1)
            thread = threading.Thread(target=lambda: swept.append(nas.copy.sweep(DEVICE)))
            thread.start()
            while thread.is_alive():
                await _moment()
        await real(opened, begin, part)

    monkeypatch.setattr(hostchanges, "_write", write)
    nas.copy.put(NAME, DATA)
    assert swept == [-1, 1]
    assert nas.copy.fetch(NAME) == DATA
    other.close()


async def _moment() -> None:
    import asyncio

    await asyncio.sleep(0.01)


@pytest.mark.parametrize("lies", [1, 2])
def test_what_the_host_got_wrong_never_gets_its_name(
    nas: Sftp, monkeypatch: pytest.MonkeyPatch, lies: int
) -> None:
    real, left = hostchanges._write, [lies]

    async def write(opened: Opened, begin: int, part: memoryview) -> None:
        left[0] -= 1
        await real(opened, begin, part if left[0] < 0 else memoryview(bytes(len(part))))

    monkeypatch.setattr(hostchanges, "_write", write)
    if lies == 1:
        nas.copy.put(NAME, DATA)
        assert nas.copy.fetch(NAME) == DATA
    else:
        with pytest.raises(Unreachable):
            nas.copy.put(NAME, DATA)
        assert not held(nas.copy)
    assert not [name for name in nas.names() if name.endswith(".tmp")]
    assert not set_aside(nas.copy)


def test_a_folder_that_was_taken_away_is_made_again(nas: Sftp) -> None:
    nas.copy.put(NAME, DATA)
    (nas.path / NAME).unlink()
    (nas.path / FOLDER).rmdir()
    nas.copy.put(NAME, DATA)
    assert nas.copy.fetch(NAME) == DATA


def test_only_its_owner_may_read_it(nas: Sftp) -> None:
    nas.copy.put(NAME, DATA)
    for path in nas.path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


@needs_strace
def test_a_put_is_synced_before_and_after_its_rename(tmp_path: Path) -> None:
    server = sshd.make()
    nas = Sftp(tmp_path, server)
    pids = [word for pid in server.tree() for word in ("-p", str(pid))]
    calls = "fsync,fdatasync,link,linkat,rename,renameat,renameat2,mkdir,mkdirat"
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-s", "300", "-e", f"trace={calls}", "-o", str(trace), *pids]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as tracer:
        assert tracer.stderr is not None
        tracer.stderr.readline()
        time.sleep(0.5)
        nas.copy.put(NAME, DATA)
        tracer.terminate()
    nas.copy.close()
    server.stop()
    lines = [line.split(" ", 1)[1].strip() for line in trace.read_text().splitlines() if "(" in line]
    where = str(nas.path)
    steps = [_step(line, where) for line in lines if where in line]
    assert steps == [
        *("mkdir packs", "fsync .", f"mkdir {FOLDER}", "fsync packs"),
        *("fsync .tmp", "rename", f"fsync {FOLDER}"),
    ]


def _step(line: str, where: str) -> str:
    call = line.partition("(")[0]
    path = line.partition(where)[2]
    end = min(path.find(sign) for sign in ('"', ">") if sign in path)
    name = path[:end].strip("/") or "."
    if call in ("link", "linkat", "rename", "renameat", "renameat2"):
        return "rename"
    return f"{call} .tmp" if name.endswith(".tmp") else f"{call.removesuffix('at')} {name}"


def test_its_thread_ends_with_it(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    for ends in ("closed", "forgotten"):
        place = Sftp(tmp_path)
        place.copy.put(NAME, DATA)
        assert set(threading.enumerate()) - before
        if ends == "closed":
            place.copy.close()
        del place
        gc.collect()
        end = time.monotonic() + 10
        while set(threading.enumerate()) - before and time.monotonic() < end:
            time.sleep(0.01)
        assert not set(threading.enumerate()) - before


def test_what_is_under_way_at_the_end_is_finished(nas: Sftp) -> None:
    data = os.urandom(32 * 1024 * 1024)
    with ThreadPoolExecutor(1) as pool:
        put = pool.submit(nas.copy.put, pack_of(data), data)
        while not list(nas.path.rglob("*.tmp")):
            assert not put.done()
        nas.copy.close()
        put.result()
    assert (nas.path / pack_of(data)).read_bytes() == data


def test_a_vault_without_such_a_copy_never_imports_it(tmp_path: Path) -> None:
    code = """
import sys
from vaultd.copies import locating
where = locating.locate(sys.argv[1])
locating.create_copy(where, bytes(16), bytes(16), "disk").close()
assert "asyncssh" not in sys.modules and "asyncio" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "copy")], check=True)
