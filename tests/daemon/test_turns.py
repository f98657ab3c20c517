"""One writer at a time, nobody sent away: turns, by themselves and over a socket."""

import threading
import time
from collections.abc import Callable

import pytest

from tests.waiting import until
from vaultd.daemon import turns as module
from vaultd.daemon.turns import Turns
from vaultd.errors import Busy


def never() -> bool:
    return False


def in_a_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_while_somebody_has_his_turn_the_daemon_does_without() -> None:
    turns = Turns()
    with turns.given(never, lambda _: None) as has_it:
        assert has_it
        with pytest.raises(Busy), turns.mine("save"):
            pass
    with turns.mine("save"):
        assert not turns.is_free
    assert turns.is_free


def test_who_asks_waits_for_the_daemon_and_is_told_once_what_for() -> None:
    turns = Turns()
    said: list[str] = []
    done: list[bool] = []

    def ask() -> None:
        with turns.given(never, said.append) as has_it:
            done.append(has_it)

    with turns.mine("save"):
        asking = in_a_thread(ask)
        assert until(lambda: bool(said))
        time.sleep(0.5)
        assert (said, done) == (["save"], [])
    asking.join(10)
    assert done == [True]


def test_two_who_ask_come_one_after_the_other() -> None:
    turns = Turns()
    inside: list[int] = []
    most: list[int] = []

    def ask() -> None:
        for _ in range(20):
            with turns.given(never, lambda _: None):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [in_a_thread(ask) for _ in range(4)]
    for thread in threads:
        thread.join(30)
    assert (len(most), max(most)) == (80, 1)


def test_who_went_away_while_he_waited_gets_none() -> None:
    turns = Turns()
    with turns.mine("save"), turns.given(lambda: True, lambda _: None) as has_it:
        assert not has_it
    assert turns.is_free


def test_what_takes_long_is_pressed_only_when_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    turns, waiting = Turns(), threading.Event()

    def ask() -> None:
        with turns.given(never, lambda _: waiting.set()):
            pass

    with turns.mine("save"):
        time.sleep(0.5)
        assert not turns.presses
        asking = in_a_thread(ask)
        assert waiting.wait(10)
        assert until(lambda: turns.presses)
    asking.join(10)
    assert not turns.presses
