"""Notices on a real vault, by apprise, to servers on loopback."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.daemon.at_work import at_work, writing
from tests.daemon.ears import TOKEN, hook, mail
from tests.jobs.vaults import Computer
from tests.waiting import until
from vaultd.daemon import notices as module
from vaultd.daemon.notices import PAUSES, Notices, is_due
from vaultd.daemon.sending import BAD_URL, NO_ANSWER, Sent, is_channel, send, without_parts_of
from vaultd.format.noticing import NoticeBody
from vaultd.jobs.notices import acknowledge
from vaultd.settings import Channel, load, save
from vaultd.tree.notices import Attempt, Notice, list_notices


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EACH", 0.05)
    monkeypatch.setattr(module, "PAUSES", (0.3,))


def words(notice: Notice) -> tuple[str, str]:
    return f"{notice.body.what} of {notice.body.about}", "text 中文"


def use(computer: Computer, *channels: Channel) -> None:
    save(computer.home, replace(load(computer.home), channels=channels))


def listed(computer: Computer) -> list[Notice]:
    with computer.opened() as session:
        return list_notices(session.vault.journal)


@contextlib.contextmanager
def telling(computer: Computer) -> Iterator[Notices]:
    made = Notices(computer.home, words)
    with at_work(computer, made):
        made.start()
        try:
            yield made
        finally:
            made.stop(10)


def test_it_is_in_the_journal_first_and_then_every_channel_is_told(computer: Computer) -> None:
    with hook() as ear, mail() as post:
        use(computer, Channel("hook", ear.url), Channel("mail", post.url))
        with telling(computer) as notices:
            notices.noticed.happened("drill", "disk", {"files": 7})
            assert until(lambda: len(ear.heard) == 1 and len(post.heard) == 1)
            assert until(lambda: [len(each.attempts) for each in listed(computer)] == [2])
        (notice,) = listed(computer)
    assert ear.heard[0]["title"] == "drill of disk"
    assert ear.heard[0]["message"] == "text 中文"
    assert "drill of disk" in post.heard[0]
    assert (notice.body.facts, notice.is_open) == ({"files": 7}, True)
    assert {(each.channel, each.taken) for each in notice.attempts} == {("hook", True), ("mail", True)}
    assert all(each.time > notice.time for each in notice.attempts)
    assert computer.checked().sound


def test_a_channel_that_fails_is_tried_again_and_the_others_are_told_of_it(computer: Computer) -> None:
    with hook() as ear, mail() as post:
        post.refuses = True
        use(computer, Channel("mail", post.url), Channel("hook", ear.url))
        with telling(computer) as notices:
            notices.noticed.happened("damage", "disk", {"files": 1})
            assert until(lambda: "channel of mail" in [each["title"] for each in ear.heard])
            post.refuses = False
            assert until(lambda: len(post.heard) == 1)
            assert until(lambda: any(each.taken for each in attempts(computer, "damage", "mail")))
    tries = attempts(computer, "damage", "mail")
    assert [each.taken for each in tries[:3]] == [False] * 3
    assert tries[-1].taken
    assert [each["title"] for each in ear.heard] == ["damage of disk", "channel of mail"]
    assert attempts(computer, "channel", "mail") == []


def attempts(computer: Computer, what: str, channel: str) -> list[Attempt]:
    (notice,) = [each for each in listed(computer) if each.body.what == what]
    return [each for each in notice.attempts if each.channel == channel]


def test_what_was_acknowledged_is_told_no_more(computer: Computer) -> None:
    with hook() as ear:
        ear.status = 500
        use(computer, Channel("hook", ear.url))
        with telling(computer) as notices:
            notices.noticed.happened("drill", "disk", {})
            assert until(lambda: len(ear.heard) >= 2)
            with writing(computer) as session:
                acknowledge(session, [])
            assert until(lambda: not notices._open)
            time.sleep(1.5)  # what is being sent is sent
            before = len(ear.heard)
            time.sleep(1.5)
            assert len(ear.heard) == before
            # Once it is known, the same again is a new one.
            notices.noticed.happened("drill", "disk", {})
            assert until(lambda: sum(each.body.what == "drill" for each in listed(computer)) == 2)
    assert TOKEN not in str(listed(computer))


def test_an_open_one_is_not_said_twice_and_outlives_the_daemon(computer: Computer) -> None:
    with hook() as ear:
        with telling(computer) as notices:
            for _ in range(3):
                notices.noticed.happened("drill", "disk", {"files": 1})
                assert until(lambda: not notices.waits())
        assert len(listed(computer)) == 1
        use(computer, Channel("hook", ear.url))
        with telling(computer):
            assert until(lambda: len(ear.heard) == 1)


def test_what_the_journal_does_not_take_is_told_all_the_same_and_written_when_it_does(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where every copy is full, and nothing may wait on this computer."""
    monkeypatch.setattr(module, "UNWRITTEN_NS", 10**9)
    with hook() as ear:
        use(computer, Channel("hook", ear.url))
        made = Notices(computer.home, words)
        made.noticed.happened("copy-full", "disk", {})
        made.tell()
        assert ear.heard == []
        time.sleep(1.1)
        made.tell()
        made.tell()
        assert [each["title"] for each in ear.heard] == ["copy-full of disk"]
        with computer.opened(writing=True) as session:
            made.write(session)
        made.tell()
        assert len(ear.heard) == 1
    (notice,) = listed(computer)
    assert [(each.channel, each.taken) for each in notice.attempts] == [("hook", True)]


def test_a_channel_is_waited_for_and_not_for_ever() -> None:
    with hook() as ear:
        ear.answers.clear()
        began = time.monotonic()
        assert send(Channel("hook", ear.url), "title", "text", patience=2.0) == Sent(False, NO_ANSWER)
        assert time.monotonic() - began < 10
        ear.answers.set()


@pytest.mark.parametrize("url", ["", "nosuch://x", "json://", "plain words"])
def test_what_is_no_channel_is_told_as_that(url: str) -> None:
    assert not is_channel(url)
    assert send(Channel("x", url), "title", "text") == Sent(False, BAD_URL)


def test_nothing_of_the_url_is_in_an_answer() -> None:
    with hook() as ear:
        ear.status = 403
        sent = send(Channel("hook", ear.url), "title", "text")
    assert not sent.taken
    assert sent.answer
    assert TOKEN not in sent.answer


def test_what_lets_one_in_is_struck_out_of_what_a_channel_says() -> None:
    url = f"wecombot://{TOKEN}/more?key=another-secret-1&x=y"
    said = without_parts_of(url, f"POST /{TOKEN}?key=another-secret-1 failed, y")
    assert said == "POST /***?key=*** failed, y"


def tried(*times: float, taken: bool = False) -> Notice:
    body = NoticeBody(what="drill", about="disk", facts={})
    attempts = [Attempt(int(each * 1e9), "mail", taken, "") for each in times]
    return Notice(bytes(32), bytes(8), 0, body, attempts)


def test_the_pauses_grow_to_a_day_and_end_with_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", PAUSES)
    mail_of = Channel("mail", "")
    assert is_due(tried(), mail_of, 0.0)
    assert not is_due(tried(0.0), mail_of, 59.0)
    assert is_due(tried(0.0), mail_of, 60.0)
    assert not is_due(tried(*[0.0] * 20), mail_of, 86_399.0)
    assert is_due(tried(*[0.0] * 20), mail_of, 86_400.0)
    assert is_due(tried(1000.0), mail_of, 0.0), "the clock was set back"
    assert not is_due(tried(0.0, taken=True), mail_of, 1e9)
    assert is_due(tried(0.0, taken=True), Channel("other", ""), 1e9)


def test_a_source_that_is_gone_for_long_is_noticed(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaultd.daemon import noticed
    from vaultd.daemon import tended as tending

    monkeypatch.setattr(tending, "AGAIN", 0.5)
    monkeypatch.setitem(noticed.GRACE, "source-gone", 1.0)
    with telling(computer):
        assert until(lambda: bool(computer.snapshots()))
        (tmp_path / "photos").rename(tmp_path / "away")
        assert until(lambda: [each.body.what for each in listed(computer)] == ["source-gone"])
    assert listed(computer)[0].body.about == "photos"
