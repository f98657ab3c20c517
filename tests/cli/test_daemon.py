"""The daemon as a process: started, asked, beside other commands, killed, stopped."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.runner import environment
from tests.cli.worlds import World, make
from tests.waiting import until


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A vault that this computer opens by itself, with one source."""
    world = make(tmp_path, {"a": b"1", "folder/b": b"2"}, "photos")
    yield world
    world.vaultd("daemon", "stop")


def state(world: World) -> dict[str, object]:
    found: dict[str, object] = json.loads(world.vaultd("daemon", "status", "--json").stdout)
    return found


def holds(world: World, path: str) -> bool:
    return world.vaultd("ls", f"photos:{path}").returncode == 0


def test_a_change_is_saved_while_commands_go_on(world: World) -> None:
    started = world.vaultd("daemon", "start")
    assert started.returncode == 0, started.stderr
    pid = state(world)["pid"]
    again = world.vaultd("daemon", "start")
    assert (again.returncode, f"process {pid}" in again.stdout) == (0, True)
    second = world.vaultd("daemon", "run")
    assert (second.returncode, f"process {pid}" in second.stderr) == (11, True), second.stderr
    (world.work / "source/new").write_bytes(b"3")
    assert until(lambda: holds(world, "new"))
    assert world.vaultd("check", "--read-data").returncode == 0
    shown = world.vaultd("daemon", "status")
    assert (shown.returncode, "photos" in shown.stdout) == (0, True)
    began = time.monotonic()
    assert world.vaultd("daemon", "stop").returncode == 0
    assert time.monotonic() - began < 5
    assert state(world) == {"pid": None, "paused_until": None, "sources": []}
    assert world.vaultd("daemon", "status").returncode == 3
    assert "Saved photos as" in (world.work / "home/daemon.log").read_text()


def test_a_log_that_takes_no_more_keeps_nothing_from_being_saved(world: World) -> None:
    environ = environment(world.work) | {"VAULTD_HOME": str(world.work / "home")}
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(["vaultd", "daemon", "run"], env=environ, stdout=full, stderr=full)
    try:
        assert until(lambda: holds(world, "a"))
        (world.work / "source/new").write_bytes(b"3")
        assert until(lambda: holds(world, "new"))
        assert process.poll() is None
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()


def test_commands_that_write_wait_for_the_daemon_and_it_for_them(world: World) -> None:
    assert world.vaultd("daemon", "start").returncode == 0
    for number in range(3):
        with (world.work / "source" / f"big{number}").open("wb") as file:
            file.write(os.urandom(30 << 20))
        time.sleep(2.2)  # about when it begins to save that
        (world.work / f"more{number}").mkdir()
        added = world.vaultd("source", "add", str(world.work / f"more{number}"))
        assert added.returncode == 0, added.stderr
    assert until(lambda: holds(world, "big2"))


def test_hung_up_on_it_reads_its_settings_again_and_goes_on(world: World) -> None:
    assert world.vaultd("daemon", "start").returncode == 0
    pid = state(world)["pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGHUP)
    time.sleep(1)
    assert state(world)["pid"] == pid
    (world.work / "source/new").write_bytes(b"3")
    assert until(lambda: holds(world, "new"))


def test_paused_it_says_so_until_it_is_resumed(world: World) -> None:
    assert world.vaultd("daemon", "start").returncode == 0
    paused = world.vaultd("daemon", "pause", "--for", "2h")
    assert (paused.returncode, "Paused until" in paused.stdout) == (0, True)
    (world.work / "source/new").write_bytes(b"3")
    shown = world.vaultd("daemon", "status")
    assert (shown.returncode, "vaultd daemon resume" in shown.stderr) == (3, True)
    time.sleep(4)
    assert not holds(world, "new")
    whole = world.vaultd("status")
    assert (whole.returncode, "not saved yet" in whole.stdout) == (3, True)
    document = json.loads(world.vaultd("status", "--json").stdout)["daemon"]
    assert document["paused_until"] is not None
    assert document["sources"][0]["waiting"] == 1
    assert document["sources"][0]["waiting_since"].endswith("Z")
    assert world.vaultd("snapshot").returncode == 0
    assert holds(world, "new")
    (world.work / "source/newer").write_bytes(b"3")
    assert world.vaultd("daemon", "resume").returncode == 0
    assert until(lambda: holds(world, "newer"))
    assert state(world)["paused_until"] is None
    assert world.vaultd("daemon", "pause", "--for", "8d").returncode == 2


def test_status_follows_it_until_it_is_interrupted(world: World) -> None:
    environ = environment(world.work) | {"VAULTD_HOME": str(world.work / "home")}
    following = subprocess.Popen(
        ["vaultd", "status", "--watch", "--metrics"], env=environ, stdout=subprocess.PIPE, text=True
    )
    assert following.stdout is not None
    seen: list[str] = []
    for line in following.stdout:
        if not line.startswith("vaultd_daemon_running"):
            continue
        seen.append(line.split()[1])
        if seen == ["0"]:
            assert world.vaultd("daemon", "start").returncode == 0
        if seen[-1] == "1":
            break
    following.send_signal(signal.SIGINT)
    following.stdout.close()
    assert following.wait(20) == 130


def test_killed_it_begins_again_where_it_was(world: World) -> None:
    assert world.vaultd("daemon", "start").returncode == 0
    pid = state(world)["pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: state(world)["pid"] is None)
    (world.work / "source/meanwhile").write_bytes(b"3")
    assert world.vaultd("daemon", "start").returncode == 0
    assert until(lambda: holds(world, "meanwhile"))


def test_without_a_key_here_it_says_what_is_missing(world: World) -> None:
    (world.work / "home/device.key").unlink()
    for verb in ("start", "run"):
        refused = world.vaultd("daemon", verb)
        assert refused.returncode != 0
        assert "vaultd key unlock" in refused.stderr
    assert world.vaultd("daemon", "stop").returncode == 0


def test_its_memory_does_not_follow_what_it_saves(world: World) -> None:
    assert world.vaultd("daemon", "start").returncode == 0
    pid = state(world)["pid"]
    for number in range(3):
        (world.work / f"source/{number}").write_bytes(b"3")
        assert until(lambda number=number: holds(world, f"{number}"))  # type: ignore[misc]
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    assert resident < 80_000  # kB; each save leaves 16 MB of buffers behind where nobody gives them back
