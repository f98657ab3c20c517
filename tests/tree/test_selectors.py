"""A snapshot by id, by source, by day, by how many before."""

from dataclasses import replace
from datetime import datetime

import msgspec
import pytest

from vaultd.errors import Ambiguous, NoSuchSnapshot
from vaultd.format.entry import FOLDER, Entry
from vaultd.format.record import SnapshotBody
from vaultd.tree.selectors import parse_selector, select
from vaultd.tree.snapshots import ATTIC_UNREAD, Snapshot, heads, in_order, newest, unread_before


def made(identity: str, name: str, when: str, parents: tuple[bytes, ...] = ()) -> Snapshot:
    started = int(datetime.fromisoformat(when).timestamp() * 1e9)
    body = SnapshotBody(
        attic=None,
        complete=True,
        counts={},
        ended=started,
        errors=[],
        host="",
        kind="files",
        name=name,
        offset=0,
        packs=[],
        parents=list(parents),
        path=b"/",
        root=Entry(b"", FOLDER, 0, 0, 0, 0, 0, bytes(32), {}),
        source=name.encode().ljust(16, b"."),
        started=started,
    )
    return Snapshot(bytes.fromhex(identity.ljust(64, "0")), b"device..", 1, body)


ALL = [
    made("aa110000", "photos", "2026-11-18T10:00:00"),
    made("aa220000", "chats", "2026-11-19T23:59:59"),
    made("bb330000", "photos", "2026-11-20T12:30:30"),
    made("cc440000", "家庭 相册", "2026-11-21T00:00:00"),
]


@pytest.mark.parametrize(
    ("words", "identity"),
    [
        ("latest", "cc44"),
        ("latest~1", "bb33"),
        ("photos", "bb33"),
        ("photos~1", "aa11"),
        ("photos~0", "bb33"),
        ("photos@2026-11-19", "aa11"),
        ("photos@2026-11-20", "bb33"),
        ("photos@2026-11-20T12:29", "aa11"),
        ("photos@2026-11-20T12:30", "bb33"),
        ("photos@2026-11-20T12-30-29", "aa11"),
        ("photos@2026-11-20T12-30-30", "bb33"),
        ("chats@2026-11-19", "aa22"),
        ("latest@2026-11-19", "aa22"),
        ("家庭 相册", "cc44"),
        ("aa11", "aa11"),
        ("BB33", "bb33"),
        ("aa220000", "aa22"),
    ],
)
def test_words_name_one_snapshot(words: str, identity: str) -> None:
    assert select(ALL, words).id.hex().startswith(identity)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "nothing",
        "photos~2",
        "photos@2026-11-17",
        "photos@2026-13-40",
        "photos@yesterday",
        "dddd",
        "aa1",
        "~1",
        "a/b",
    ],
)
def test_words_that_name_none(words: str) -> None:
    with pytest.raises(NoSuchSnapshot):
        select(ALL, words)


def test_words_that_name_several() -> None:
    with pytest.raises(Ambiguous) as caught:
        select([*ALL, made("aa115555", "x", "2026-11-21")], "aa11")
    assert caught.value.candidates == ("aa11000000000000", "aa11555500000000")


@pytest.mark.parametrize(
    ("words", "name", "path"),
    [
        ("photos", "photos", None),
        ("photos:", "photos", ""),
        ("photos:2019/a:b@c~d", "photos", "2019/a:b@c~d"),
        ("photos@2026-11-20T12:30:30:x", "photos", "x"),
        ("photos~3:line\nbreak", "photos", "line\nbreak"),
    ],
)
def test_the_path_is_what_stands_behind_the_first_colon(words: str, name: str, path: str | None) -> None:
    parsed = parse_selector(words)
    assert (parsed.name, parsed.path) == (name, path)


def test_heads_are_what_no_other_goes_on_from() -> None:
    first = made("01", "s", "2026-01-01")
    here = made("02", "s", "2026-01-02", (first.id,))
    there = made("03", "s", "2026-01-03", (first.id,))
    source = first.body.source
    assert heads([first, here, there], source) == [here, there]
    merged = made("04", "s", "2026-01-04", (here.id, there.id))
    assert heads([first, here, there, merged], source) == [merged]
    assert newest([first, here, there], source) == there
    assert newest([], source) is None


def test_one_wrong_clock_hides_nothing_that_came_after() -> None:
    """A flat battery once must not make every later snapshot invisible."""
    first = made("01", "s", "2026-01-01")
    future = made("02", "s", "2031-01-01", (first.id,))
    later = made("03", "s", "2026-01-02", (future.id,))
    other = made("04", "t", "2026-01-03")
    everything = [first, later, other, future]
    assert [select(everything, words) for words in ("s", "s~1", "s~2")] == [later, future, first]
    assert newest(everything, first.body.source) == later
    assert select(everything, "latest") == later
    assert in_order(everything) == [first, other, future, later]


def test_what_was_made_while_an_attic_could_not_be_read_leads_back_to_it() -> None:
    first = made("01", "s", "2026-01-01")
    unread = made("02", "s", "2026-01-02", (first.id,))
    unread = replace(unread, body=msgspec.structs.replace(unread.body, errors=[ATTIC_UNREAD]))
    later = made("03", "s", "2026-01-03", (unread.id,))
    assert unread_before([first, unread, later], [later]) == [later]
    assert unread_before([first, unread], [unread]) == [unread, first]
