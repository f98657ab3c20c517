"""The daemon's socket: who may ask, what, how much; and what becomes of those who misbehave."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.daemon.test_turns import in_a_thread
from tests.waiting import until
from vaultd.daemon import control as module
from vaultd.daemon.calling import NoAnswer, ask, turn
from vaultd.daemon.control import Control, address
from vaultd.daemon.turns import Turns
from vaultd.daemon.wire import MOST_ASKED

PIECES = [b'{"v":1,', b'"ask":', b'"echo"', b"}", b"\n", b"[" * 99]


def echoed(asked: dict[str, Any]) -> dict[str, Any]:
    if "bad" in asked:
        raise ValueError
    return {"heard": asked.get("words")}


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def path(tmp_path: Path, turns: Turns) -> Iterator[Path]:
    """A socket that listens, deeper than the hundred bytes that its address may have."""
    path = tmp_path / ("deep" * 30) / "socket"
    control = Control(path, {"echo": echoed}, turns)
    control.start()
    yield path
    control.stop()


def connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(20)
    with address(path) as name:
        connection.connect(name)
    return connection


def said(path: Path, data: bytes) -> list[dict[str, Any]]:
    """All that is answered to these bytes."""
    with connected(path) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it may have heard enough already
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # what it did not hear any more
            while more := connection.recv(65_536):
                answer += more
    return [json.loads(line) for line in answer.splitlines()]


def test_it_is_its_owners_only(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else: run as root")
def test_another_user_is_not_answered(path: Path) -> None:
    """Even where somebody opened the folder and the socket to everybody."""
    for each in (path, *path.parents[:3]):
        each.chmod(0o777)
    code = """
import os, socket, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
os.setuid(65534)
s = socket.socket(socket.AF_UNIX); s.settimeout(10)
s.connect("/proc/self/fd/%d/socket" % folder)
s.sendall(b'{"v": 1, "ask": "echo"}\\n')
print(len(s.recv(100)))
"""
    tried = subprocess.run(
        [sys.executable, "-c", code, path.parent], capture_output=True, text=True, timeout=30, check=False
    )
    assert (tried.stdout.strip() or "reset") in ("0", "reset"), tried.stderr
    assert ask(path, "echo", words="me") == {"v": 1, "ok": True, "heard": "me"}


def test_what_it_does_not_do_is_told_apart(path: Path) -> None:
    for words, why in (({}, "unknown"), ({"ask": "x"}, "unknown"), ({"ask": "echo", "bad": 1}, "values")):
        assert said(path, json.dumps({"v": 1, **words}).encode() + b"\n") == [
            {"v": 1, "ok": False, "why": why}
        ]
    assert said(path, b'{"v": 2, "ask": "echo"}\n')[0]["why"] == "version"
    with pytest.raises(NoAnswer) as raised:
        ask(path, "x")
    assert raised.value.why == "unknown"


def test_it_lets_go_of_who_says_too_much(path: Path) -> None:
    assert said(path, b"x" * (MOST_ASKED + 100_000)) in ([{"v": 1, "ok": False, "why": "malformed"}], [])
    assert ask(path, "echo", words=1)["heard"] == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_whatever_is_said_to_it_it_goes_on(path: Path, data: bytes) -> None:
    for answer in said(path, data):
        assert answer["v"] == 1
        assert answer["ok"] or answer["why"] in ("version", "unknown", "malformed", "values")
    assert ask(path, "echo", words=1)["heard"] == 1


def test_only_so_many_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = [connected(path) for _ in range(module.MOST_CALLERS)]
    try:
        assert until(lambda: any("too-many" in str(each) for each in said(path, b"")))
    finally:
        for each in crowd:
            each.close()
    assert until(lambda: _answers(path))


def _answers(path: Path) -> bool:
    try:
        return bool(ask(path, "echo", words=1)["heard"])
    except NoAnswer:
        return False


def test_who_says_nothing_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE", 0.3)
    control = Control(tmp_path / "socket", {}, Turns())
    control.start()
    with connected(tmp_path / "socket") as silent:
        assert silent.recv(1) == b""
    control.stop()


def test_many_questions_are_answered_slowly(path: Path) -> None:
    began = time.monotonic()
    assert len(said(path, b'{"v":1,"ask":"echo"}\n' * 20)) == 20
    assert time.monotonic() - began > 0.5


def test_a_dead_ones_socket_is_replaced(path: Path, tmp_path: Path) -> None:
    left = tmp_path / "left"
    with socket.socket(socket.AF_UNIX) as dead, address(left) as name:
        dead.bind(name)
    with pytest.raises(NoAnswer):
        ask(left, "echo")
    control = Control(left, {"echo": echoed}, Turns())
    control.start()
    assert ask(left, "echo", words=1)["heard"] == 1
    control.stop()
    control.stop()
    assert not left.exists()
    with pytest.raises(NoAnswer):
        ask(left, "echo")


def test_a_turn_lasts_as_long_as_its_connection(path: Path, turns: Turns) -> None:
    with turn(path, lambda _: None):
        assert not turns.is_free
    assert until(lambda: turns.is_free)


def test_who_is_killed_in_his_turn_holds_nobody_up(path: Path, turns: Turns) -> None:
    holder = connected(path)
    holder.sendall(b'{"v": 1, "ask": "turn"}\n')
    assert b'"granted": true' in holder.recv(1000)
    waited: list[str] = []

    def wait() -> None:
        with turn(path, waited.append):
            waited.append("mine")

    waiting = in_a_thread(wait)
    assert until(lambda: waited == [""])
    holder.close()
    waiting.join(10)
    assert waited == ["", "mine"]


def test_where_the_daemon_ends_or_is_none_nobody_waits(tmp_path: Path) -> None:
    with turn(tmp_path / "socket", pytest.fail):
        pass
    turns = Turns()
    control = Control(tmp_path / "socket", {}, turns)
    control.start()
    with turns.mine("save"):
        waited: list[str] = []

        def wait() -> None:
            with turn(tmp_path / "socket", waited.append):
                waited.append("mine")

        waiting = in_a_thread(wait)
        assert until(lambda: waited == ["save"])
        control.stop()
        waiting.join(10)
    assert waited == ["save", "mine"]
