"""Records: what is known is checked, what is not is kept and reported."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.format.values import ID, entries, ids, mutated, refused, structures, taken, times
from vaultd.format import canon
from vaultd.format import record as record_module
from vaultd.format.entry import FOLDER, Entry, spell_out
from vaultd.format.noticing import AcknowledgeBody, AttemptBody, NoticeBody
from vaultd.format.record import (
    BODIES,
    CopyAddedBody,
    DeviceBody,
    KeyAddedBody,
    KeyRemovedBody,
    Record,
    SnapshotBody,
    SourceBody,
    check_log_name,
    decode_record,
    encode_record,
    record_id,
)

DEVICE = b"device-1"
words = st.text(max_size=10)
seconds = st.integers(-(2**62), 2**62)
roots = entries(name=b"").filter(lambda entry: entry.kind == FOLDER)
bin16 = st.binary(min_size=16, max_size=16)

bodies = st.one_of(
    st.builds(
        SnapshotBody,
        attic=st.none() | ids,
        complete=st.booleans(),
        counts=st.dictionaries(words, times, max_size=3),
        ended=times,
        errors=st.lists(st.tuples(st.binary(max_size=9), words, words), max_size=3),
        host=words,
        kind=words,
        name=words,
        offset=times,
        packs=st.lists(ids, max_size=3),
        parents=st.lists(ids, max_size=2),
        path=st.binary(max_size=9),
        root=roots,
        source=bin16,
        started=times,
    ),
    st.builds(DeviceBody, name=words, replaces=st.none() | st.binary(min_size=8, max_size=8)),
    st.builds(
        SourceBody,
        answers=st.lists(ids, max_size=2),
        cross=st.booleans(),
        exclude=st.lists(words, max_size=2),
        id=bin16,
        kind=words,
        name=words,
        path=st.binary(max_size=9),
        removed=st.booleans(),
    ),
    st.builds(CopyAddedBody, copy=bin16, label=words, vault_id=ids),
    st.builds(KeyAddedBody, kdf=times, label=words, slot=ids),
    st.builds(KeyRemovedBody, answers=st.lists(ids, max_size=2), slot=ids),
    st.builds(NoticeBody, about=words, facts=st.dictionaries(words, times, max_size=2), what=words),
    st.builds(AttemptBody, answer=words, channel=words, notice=ids, taken=st.booleans()),
    st.builds(AcknowledgeBody, answers=st.lists(ids, max_size=2)),
)


def record(kind: str = "device", body: dict[str, Any] | None = None, **changes: Any) -> Record:
    fields: dict[str, Any] = {
        "needs_read": [],
        "prev": None,
        "salt": bytes(16),
        "seen": [],
        "seq": 1,
        "time": 0,
        "v": 1,
    }
    body = {"name": "laptop", "replaces": None} if body is None else body
    return Record(**{"body": body, "device": DEVICE, "kind": kind, **fields, **changes})


@given(bodies, times, st.integers(1, 10**9))
def test_every_body_survives(body: Any, time: int, seq: int) -> None:
    written = record(body.WORD, body.to_map(), time=time, seq=seq, prev=ID if seq > 1 else None)
    data = encode_record(written)
    found = decode_record(data)
    assert BODIES[found.kind].from_map(found.body) == body
    assert (found.unknown, found.readable) == ([], True)
    assert (found.time, found.seq, found.prev) == (time, seq, written.prev)
    assert encode_record(found) == data


@given(bodies, st.data())
def test_a_mutated_record_is_refused_or_another_one(body: Any, data: st.DataObject) -> None:
    changed = data.draw(mutated(encode_record(record(body.WORD, body.to_map()))))
    for found in taken(
        decode_record, changed, "canonical", "shape", "depth", "order", "size", "name", "chain", "needs"
    ):
        assert encode_record(found) == changed


@given(bodies, st.dictionaries(st.text(min_size=1, max_size=5), structures(), min_size=1, max_size=2))
def test_unknown_keys_are_kept_and_reported(body: Any, added: dict[str, Any]) -> None:
    added = {f"x-{key}": item for key, item in added.items()}
    data = encode_record(record(body.WORD, {**body.to_map(), **added}, more=added))
    found = decode_record(data)
    assert encode_record(found) == data
    assert found.readable
    assert len(found.unknown) == 2 * len(added)
    assert BODIES[found.kind].from_map(found.body) == body


def test_an_unknown_kind_is_kept_and_reported() -> None:
    for kind in ("quarantine", "something new"):
        data = encode_record(record(kind, {"a": [1, b"2"]}))
        found = decode_record(data)
        assert (found.unknown, found.readable) == ([f"record kind {kind}"], True)
        assert encode_record(found) == data


def test_what_is_unknown_of_a_root_is_kept_and_reported() -> None:
    root = Entry(b"", FOLDER, 0o755, 0, 0, 0, 0, ID, {"later": 1})
    body = {**snapshot().to_map(), "root": [*spell_out(root), "more"]}
    data = encode_record(record("snapshot", body))
    found = decode_record(data)
    assert found.unknown == ["entry key later", "entry position 9"]
    again = SnapshotBody.from_map(found.body)
    assert encode_record(record("snapshot", again.to_map())) == data


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"v": 2}, ["record version 2"]),
        ({"v": 0}, ["record version 0"]),
        ({"needs_read": ["magic"]}, ["feature magic"]),
        (
            {"v": 3, "needs_read": ["a", "b"], "kind": "snapshot"},
            ["record version 3", "feature a", "feature b"],
        ),
    ],
)
def test_what_must_not_be_read_keeps_its_place_in_the_chain(changes: dict[str, Any], why: list[str]) -> None:
    data = encode_record(record(body={"strange": 1}, **changes))
    found = decode_record(data)
    assert (found.readable, found.unknown) == (False, why)
    assert (found.device, found.seq, encode_record(found)) == (DEVICE, 1, data)


def test_a_later_version_of_another_shape_is_refused_as_such() -> None:
    later: list[dict[str, Any]] = [{"v": 2}, {"v": 2, "device": "x"}, {"needs_read": ["x"], "v": 1}]
    for value in later:
        with refused("needs"):
            decode_record(canon.encode(value))


def snapshot(**changes: Any) -> SnapshotBody:
    fields: dict[str, Any] = {
        "attic": None,
        "complete": True,
        "counts": {},
        "ended": 1,
        "errors": [],
        "host": "",
        "kind": "files",
        "name": "x",
        "offset": 0,
        "packs": [],
        "parents": [],
        "path": b"/x",
        "root": Entry(b"", FOLDER, 0o755, 0, 0, 0, 0, ID, {}),
        "source": bytes(16),
        "started": 0,
    }
    return SnapshotBody(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"v": True}, "shape"),
        ({"v": None}, "shape"),
        ({"v": "1"}, "shape"),
        ({"device": bytes(7)}, "shape"),
        ({"salt": bytes(15)}, "shape"),
        ({"seq": 0}, "shape"),
        ({"seq": 10**10, "prev": ID}, "shape"),
        ({"time": 1.0}, "canonical"),
        ({"prev": ID[1:], "seq": 2}, "shape"),
        ({"prev": ID}, "chain"),
        ({"seq": 2}, "chain"),
        ({"seen": [(b"device-2", 1, ID), (b"device-1", 1, ID)]}, "order"),
        ({"seen": [(b"device-2", 1, ID), (b"device-2", 2, ID)]}, "order"),
        ({"seen": [(b"device-2", 0, ID)]}, "shape"),
        ({"needs_read": "x"}, "shape"),
        ({"needs_read": [1]}, "needs"),
        ({"body": []}, "shape"),
        ({"body": {}}, "shape"),
        ({"body": {"name": b"x", "replaces": None}}, "shape"),
        ({"kind": "snapshot"}, "shape"),
        ({"kind": "snapshot", "body": snapshot(errors=[(b"", "", "")] * 1001).to_map()}, "shape"),
        ({"kind": "snapshot", "body": snapshot(complete=1).to_map()}, "shape"),
        ({"kind": "snapshot", "body": {**snapshot().to_map(), "root": None}}, "shape"),
        ({"kind": "snapshot", "body": {**snapshot().to_map(), "root": [b"a", *range(8)]}}, "shape"),
        (
            {"kind": "snapshot", "body": {**snapshot().to_map(), "root": [b"a", 2, 0, 0, 0, 0, 0, ID, {}]}},
            "name",
        ),
        (
            {"kind": "snapshot", "body": {**snapshot().to_map(), "root": [b"", 2, 0, 0, 0, 0, 1, ID, {}]}},
            "size",
        ),
    ],
)
def test_a_wrong_record(changes: dict[str, Any], word: str) -> None:
    with refused(word):
        decode_record(encode_record(record(**changes)))


def test_a_record_that_is_no_map() -> None:
    wrong: list[Any] = [[], None, 1, {b"v": 1}]
    for value in wrong:
        with refused("shape"):
            decode_record(canon.encode(value))


def chain(length: int) -> list[Record]:
    made = [record()]
    for seq in range(2, length + 1):
        made.append(record(seq=seq, prev=record_id(encode_record(made[-1]))))
    return [decode_record(encode_record(one)) for one in made]


def test_a_chain_fits_its_name() -> None:
    records = chain(5)
    check_log_name(records, DEVICE, 5)
    check_log_name(records[3:], DEVICE, 5)
    for wrong, device, seq in (
        (records, DEVICE, 4),
        (records, DEVICE, 6),
        (records, b"device-2", 5),
        (records[:2] + records[3:], DEVICE, 5),
        (records[::-1], DEVICE, 1),
        ([records[0], record(seq=2, prev=ID)], DEVICE, 2),
        ([records[0], record(device=b"device-2", seq=2, prev=ID)], DEVICE, 2),
    ):
        with refused("chain"):
            check_log_name(wrong, device, seq)


def test_a_snapshot_reads_the_same_by_the_short_way_and_the_long_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encode_record(record("snapshot", snapshot().to_map()))
    short = decode_record(data)
    assert record_module._plain_snapshot(data) == short
    monkeypatch.setattr(record_module, "_plain_snapshot", lambda _: None)
    long = decode_record(data)
    assert (short.said, dict(short.body), short.unknown, short.more) == (long.said, long.body, [], {})
    assert replace(short, body={}) == replace(long, body={})
    assert encode_record(short) == data


@pytest.mark.parametrize(
    "changes",
    [{"tags": ["a"]}, {"later": 1}, {"root": None}, {"counts": {"files": "many"}}, {"attic": b"short"}],
)
def test_what_is_not_plain_goes_the_long_way(changes: dict[str, object]) -> None:
    data = canon.encode(
        {
            **{key: getattr(record("snapshot", {}), key) for key in record_module._KEYS},
            "body": {**snapshot().to_map(), **changes},
        }
    )
    assert record_module._plain_snapshot(data) is None
