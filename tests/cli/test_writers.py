"""`vaultd snapshot` beside another writer, under signals, and over files that cannot be read."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.cli.runner import environment
from tests.cli.worlds import World, make
from vaultd.settings import find_home
from vaultd.store.lock import writer_lock

MIB = 1 << 20
# Root without its right to read everything: what any other user is.
_AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make(tmp_path, {"a": b"1", "folder/secret": b"first"})


def known(world: World) -> dict[str, str]:
    return environment(world.work) | {"VAULTD_HOME": str(world.work / "home")}


def start(world: World, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        ["vaultd", *words],
        env=known(world),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )


def test_a_second_writer_is_told_at_once_and_readers_are_let_in(world: World) -> None:
    with writer_lock(find_home(str(world.work / "home")).lock_file):
        began = time.monotonic()
        refused = world.vaultd("snapshot")
        assert time.monotonic() - began < 5
        assert refused.returncode == 11
        assert refused.stderr == (
            f"Another vaultd is at work on “{world.work}/home/lock” (process {os.getpid()}).\n"
            "Wait until it is done, or stop it, then run the command again.\n"
        )
        assert "另一个 vaultd 正在使用" in world.vaultd("snapshot", VAULTD_LANG="zh").stderr
        assert json.loads(world.vaultd("snapshot", "--json").stderr)["error"] == "Busy"
        assert world.vaultd("ls", "latest").returncode == 0
    assert world.vaultd("snapshot").returncode == 0


def test_a_lock_whose_holder_was_killed_is_free(world: World) -> None:
    lock = world.work / "home" / "lock"
    hold = f"from vaultd.store.lock import *; from pathlib import Path; c=writer_lock(Path({str(lock)!r})); "
    child = subprocess.Popen(
        [sys.executable, "-c", hold + "c.__enter__(); print('held', flush=True); input()"],
        env=known(world) | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert world.vaultd("snapshot").returncode == 11
        child.kill()
    assert world.vaultd("snapshot").returncode == 0


@pytest.mark.parametrize("count", [6, pytest.param(50, marks=pytest.mark.torture)])
def test_many_at_once_leave_one_chain(world: World, count: int) -> None:
    running = [start(world, "snapshot", "--json") for _ in range(count)]
    ended = [(each.communicate(timeout=300), each.returncode) for each in running]
    assert {code for _, code in ended} <= {0, 11}
    saved = [json.loads(out)[0]["id"] for (out, _), code in ended if code == 0]
    assert saved
    listed = json.loads(world.vaultd("snapshots", "--json").stdout)
    assert {each["id"] for each in listed} >= set(saved)
    assert len(listed) == len(saved) + 1
    assert world.vaultd("check", "--read-data").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_snapshot_is_none_and_its_packs_are_used(world: World, number: signal.Signals) -> None:
    for part in range(12):
        (world.work / "source" / f"film {part}").write_bytes(os.urandom(20 * MIB))
    before = packs(world)
    running = start(world, "snapshot")
    until = time.monotonic() + 60
    while len(packs(world) - before) < 2 and time.monotonic() < until:
        time.sleep(0.001)
    running.send_signal(number)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert told == (
        "Stopped before it was done.\n"
        "Finished snapshots are not affected; the next run goes on from what was done.\n"
    )
    left = packs(world) - before
    assert left
    assert len(json.loads(world.vaultd("snapshots", "--json").stdout)) == 1
    again = json.loads(world.vaultd("snapshot", "--json").stdout)[0]
    kept = sum((world.work / "vault" / "packs" / name).stat().st_size for name in left)
    assert again["counts"]["stored"] < 241 * MIB - kept * 0.9
    assert left <= packs(world)
    assert world.vaultd("check", "--read-data").returncode == 0
    assert not list((world.work / "vault").rglob("*.tmp"))


def packs(world: World) -> set[str]:
    found = (world.work / "vault" / "packs").glob("*/*")
    return {f"{path.parent.name}/{path.name}" for path in found if len(path.name) == 64}


@pytest.mark.skipif(bool(_AS_ANYBODY) and shutil.which("setpriv") is None, reason="setpriv is not here")
def test_what_cannot_be_read_keeps_its_last_version(world: World) -> None:
    secret = world.work / "source" / "folder" / "secret"
    (world.work / "source" / "a").write_bytes(b"22")
    secret.write_bytes(b"second, which nobody may read")
    if os.geteuid() == 0:
        os.chown(secret, 65534, 65534)
    secret.chmod(0)
    new = world.work / "source" / "never saved"
    new.write_bytes(b"?")
    if os.geteuid() == 0:
        os.chown(new, 65534, 65534)
    new.chmod(0)

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*_AS_ANYBODY, "vaultd", *words], env=known(world), capture_output=True, text=True, check=False
        )

    saved = run("snapshot")
    assert saved.returncode == 3
    assert "but not all of it: 2 files" in saved.stdout
    assert "“folder/secret”: vaultd may not read it. The last good version is kept.\n" in saved.stderr
    new_one = (
        "“never saved”: vaultd may not read it. It is not saved: there is no earlier version of it to keep.\n"
    )
    assert new_one in saved.stderr
    new.unlink()
    told = json.loads(run("snapshot", "--json").stdout)[0]
    assert (told["complete"], told["trouble_count"]) == (False, 1)
    assert (told["troubles"][0]["path"], told["troubles"][0]["error"]) == ("folder/secret", "EACCES")
    assert run("status").returncode == 3
    assert "saved in part" in run("status").stdout
    assert run("cat", "latest:folder/secret").stdout == "first"
    assert run("cat", "latest:a").stdout == "22"
    secret.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(secret, 0, 0)
    assert run("snapshot").returncode == 0
    assert run("cat", "latest:folder/secret").stdout == "second, which nobody may read"


def test_a_file_that_is_always_written_to_is_told_and_its_end_is_saved(world: World) -> None:
    growing = world.work / "source" / "chat.log"
    growing.write_bytes(os.urandom(8 * MIB))
    done = threading.Event()

    def write() -> None:
        with growing.open("r+b") as file:
            while not done.is_set():
                file.seek(0)
                file.write(os.urandom(64))
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        saved = world.vaultd("snapshot")
    finally:
        done.set()
        writer.join()
    assert saved.returncode == 3
    assert "“chat.log”: it was being written to all the time." in saved.stderr
    assert world.vaultd("snapshot").returncode == 0
    assert world.vaultd("restore", "latest", "--target", "back").returncode == 0
    assert (world.work / "back" / "chat.log").read_bytes() == growing.read_bytes()
