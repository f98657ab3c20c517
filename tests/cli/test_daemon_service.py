"""The daemon under a service manager: told when it is ready, reloads, and goes on; installed and removed."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.runner import environment
from tests.cli.worlds import World, make


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make(tmp_path, {"a": b"1"}, "photos")


@contextmanager
def supervised(world: World, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", socket.socket]]:
    """The daemon, and the socket at which a service manager would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(30)
        manager.bind(str(folder / "n"))
        environ = environment(world.work) | {"VAULTD_HOME": str(world.work / "home")}
        process = subprocess.Popen(
            ["vaultd", "daemon", "run"], env=environ | {"NOTIFY_SOCKET": str(folder / "n")}
        )
        try:
            yield process, manager
        finally:
            process.kill()
            process.wait()


def told(manager: socket.socket, word: bytes) -> bytes:
    """The next message that begins with this; others may come before."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if (message := manager.recv(4096)).startswith(word):
            return message
    raise AssertionError(word)


def test_the_service_manager_is_told_what_it_asks_for(world: World, short: Path) -> None:
    with supervised(world, short) as (process, manager):
        told(manager, b"READY=1")
        told(manager, b"WATCHDOG=1")
        before = time.monotonic_ns() // 1000
        process.send_signal(signal.SIGHUP)
        reloading = told(manager, b"RELOADING=1")
        assert before <= int(reloading.partition(b"MONOTONIC_USEC=")[2]) <= time.monotonic_ns() // 1000
        told(manager, b"READY=1")
        began = time.monotonic()
        process.terminate()
        told(manager, b"STOPPING=1")
        assert process.wait(20) == 0
        assert time.monotonic() - began < 5


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a path that the address of a socket can hold."""
    folder = Path("/tmp") / f"vaultd-test-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir(mode=0o700)
    yield folder
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()


@pytest.fixture
def manager(tmp_path: Path) -> Path:
    """A folder with a systemctl and a loginctl that write down how they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("systemctl", "loginctl"):
        (folder / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/called\n')
        (folder / name).chmod(0o755)
    return folder


def test_it_is_installed_and_removed(world: World, manager: Path) -> None:
    path = f"{manager}{os.pathsep}{environment(world.work)['PATH']}"
    more = {"HOME": str(world.work / "user"), "PATH": path, "XDG_CONFIG_HOME": ""}
    done = world.vaultd("daemon", "install", "--linger", **more)
    assert done.returncode == 0, done.stderr
    (unit,) = (world.work / "user/.config/systemd/user").iterdir()
    assert unit.name in (world.work / "called").read_text()
    assert str(world.work / "home") in unit.read_text()
    calls = (world.work / "called").read_text().splitlines()
    assert [call.split()[:3] for call in calls[:3]] == [
        ["systemctl", "--user", word] for word in ("daemon-reload", "enable", "restart")
    ]
    assert calls[3:] == ["loginctl enable-linger"]
    assert world.vaultd("daemon", "install", **more).returncode == 0
    assert world.vaultd("daemon", "uninstall", **more).returncode == 0
    assert not unit.exists()
    assert "disable --now" in (world.work / "called").read_text().splitlines()[-1]
    again = world.vaultd("daemon", "uninstall", **more)
    assert (again.returncode, "not installed" in again.stdout) == (0, True)
    unit.write_text("mine")
    for verb in ("install", "uninstall"):
        refused = world.vaultd("daemon", verb, **more)
        assert (refused.returncode, "not written by vaultd" in refused.stderr) == (1, True)
    assert unit.read_text() == "mine"


def test_where_no_service_manager_answers_it_says_what_to_run(world: World, manager: Path) -> None:
    (manager / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    path = f"{manager}{os.pathsep}{environment(world.work)['PATH']}"
    more = {"HOME": str(world.work / "user"), "PATH": path, "XDG_CONFIG_HOME": ""}
    done = world.vaultd("daemon", "install", **more)
    assert done.returncode == 0
    assert "systemctl --user daemon-reload && systemctl --user enable vaultd-" in done.stdout + done.stderr
    assert "loginctl enable-linger" in done.stdout + done.stderr
    (world.work / "home/device.key").unlink()
    assert "vaultd key unlock" in world.vaultd("daemon", "install", **more).stderr


def test_of_many_that_start_at_once_one_runs(world: World) -> None:
    """By both ways of starting it."""
    environ = environment(world.work) | {"VAULTD_HOME": str(world.work / "home")}
    runs = [
        subprocess.Popen(
            ["vaultd", "daemon", "run"], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for _ in range(50)
    ]
    try:
        end = time.monotonic() + 90
        while sum(each.poll() is None for each in runs) > 1 and time.monotonic() < end:
            time.sleep(0.1)
        ended = [each for each in runs if each.poll() is not None]
        assert len(ended) == 49
        assert {each.returncode for each in ended} == {11}
        started = world.vaultd("daemon", "start")
        assert (started.returncode, "already" in started.stdout) == (0, True)
        assert world.vaultd("daemon", "stop").returncode == 0
    finally:
        for each in runs:
            each.kill()
            each.communicate()
