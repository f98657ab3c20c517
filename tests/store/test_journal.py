"""The log: one chain for each device, a new id where the place in it is not sure, and nothing taken on
trust.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.store.conftest import DEVICE, Places
from vaultd.errors import Damaged, Full, Missing
from vaultd.format.record import Record
from vaultd.store.vault import Vault


def write_as(vault: Vault, device: bytes, *names: str) -> list[bytes]:
    vault.journal.begin(device)
    return [vault.journal.append("device", {"name": name, "replaces": None})[0] for name in names]


def names(vault: Vault) -> list[str]:
    return [record.body["name"] for _, record in vault.journal.of_kind("device")]


def again(places: Places, vault: Vault, state: Path | None = None) -> Vault:
    vault.close()
    return places.open(state)


def test_records_are_read_again_by_anybody_in_order(vault: Vault, places: Places, tmp_path: Path) -> None:
    write_as(vault, DEVICE, "one", "two", "three")
    for state in (places.state, tmp_path / "other.db"):
        fresh = places.open(state)
        assert names(fresh) == ["one", "two", "three"]
        assert [record.seq for _, record in fresh.journal.of_kind("device")] == [1, 2, 3]
        assert fresh.troubles == []
        fresh.close()


def test_each_record_names_the_one_before(vault: Vault) -> None:
    first, second = write_as(vault, DEVICE, "one", "two")
    assert vault.journal.records[first].prev is None
    assert vault.journal.records[second].prev == first


def test_a_device_tells_once_what_it_has_seen_of_others(places: Places, tmp_path: Path) -> None:
    here, there = places.open(), places.open(tmp_path / "other.db")
    (theirs,) = write_as(there, b"device-2", "theirs")
    here.sync()
    mine, later = write_as(here, DEVICE, "mine", "later")
    assert here.journal.records[mine].seen == [(b"device-2", 1, theirs)]
    assert here.journal.records[later].seen == []
    here.close()
    there.close()


def test_the_same_device_goes_on_while_state_and_copy_agree(vault: Vault, places: Places) -> None:
    write_as(vault, DEVICE, "one")
    vault = again(places, vault)
    assert vault.journal.device(DEVICE) == (DEVICE, None)
    vault.close()


@pytest.mark.parametrize("how", ["lost", "rolled back", "copy rolled back", "cloned"])
def test_whoever_is_not_sure_of_its_place_takes_a_new_id(
    vault: Vault, places: Places, how: str, tmp_path: Path
) -> None:
    write_as(vault, DEVICE, "one")
    vault.close()
    older = tmp_path / "older.db"
    shutil.copy(places.state, older)
    log = places.logs()
    vault = places.open()
    write_as(vault, DEVICE, "two")
    vault.close()
    if how == "lost":
        places.state.unlink()
    elif how in ("rolled back", "cloned"):
        shutil.copy(older, places.state)
    else:
        for name in set(places.logs()) - set(log):
            name.unlink()
    vault = places.open()
    device, replaced = vault.journal.device(DEVICE)
    assert device != DEVICE
    assert replaced == DEVICE
    write_as(vault, device, "three")
    assert not [t for t in vault.troubles if how != "copy rolled back"]
    vault.close()


def test_a_crash_between_the_copy_and_the_state_is_no_reason_for_a_new_id(
    vault: Vault, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.journal.begin(DEVICE)
    real = vault.copy.put

    def put_and_die(name: str, data: bytes) -> None:
        real(name, data)
        raise KeyboardInterrupt

    monkeypatch.setattr(vault.copy, "put", put_and_die)
    with pytest.raises(KeyboardInterrupt):
        vault.journal.append("device", {"name": "one", "replaces": None})
    vault = again(places, vault)
    assert vault.journal.device(DEVICE) == (DEVICE, None)
    write_as(vault, DEVICE, "two")
    assert names(vault) == ["one", "two"]
    assert vault.troubles == []
    vault.close()


def test_a_record_that_could_not_be_put_was_never_said(
    vault: Vault, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_as(vault, DEVICE, "one")

    def full(name: str, data: bytes) -> None:
        raise Full("disk")

    with monkeypatch.context() as broken:
        broken.setattr(vault.copy, "put", full)
        with pytest.raises(Full):
            vault.journal.append("device", {"name": "lost", "replaces": None})
    vault = again(places, vault)
    assert vault.journal.device(DEVICE) == (DEVICE, None)
    write_as(vault, DEVICE, "two")
    assert names(vault) == ["one", "two"]
    vault.close()


def test_a_gap_is_told_as_what_is_missing(vault: Vault, places: Places, tmp_path: Path) -> None:
    write_as(vault, DEVICE, "one", "two", "three", "four")
    gone = places.logs()[1:3]
    for each in gone:
        each.unlink()
    whole = [f"log/{DEVICE.hex()}/{each.name}" for each in gone]
    vault = again(places, vault)  # which has read them before
    stranger = places.open(tmp_path / "other.db")
    for reader, missing in ((vault, whole), (stranger, [f"log/{DEVICE.hex()}/0000000002"])):
        assert names(reader) == ["one", "four"]
        assert {type(trouble) for trouble in reader.troubles} == {Missing}
        assert [getattr(trouble, "name", "") for trouble in reader.troubles] == missing
        reader.close()


def test_a_damaged_record_is_told_and_the_others_are_read(
    vault: Vault, places: Places, tmp_path: Path
) -> None:
    write_as(vault, DEVICE, "one", "two")
    data = bytearray(places.logs()[0].read_bytes())
    data[300] ^= 1
    places.logs()[0].chmod(0o600)
    places.logs()[0].write_bytes(data)
    stranger = places.open(tmp_path / "other.db")
    assert names(stranger) == ["two"]
    assert {type(trouble) for trouble in stranger.troubles} == {Damaged, Missing}
    stranger.close()


def test_a_fork_counts_on_both_branches_and_is_not_continued(places: Places, tmp_path: Path) -> None:
    one = places.open()
    write_as(one, DEVICE, "common")
    one.close()
    clone = tmp_path / "clone.db"
    shutil.copy(places.state, clone)
    one, two = places.open(), places.open(clone)
    write_as(one, DEVICE, "left")
    write_as(two, DEVICE, "right")
    one.close()
    two.close()
    for state in (places.state, clone):
        vault = places.open(state)
        assert sorted(names(vault)) == ["common", "left", "right"]
        assert vault.journal.device(DEVICE)[0] != DEVICE
        vault.close()


def test_a_log_under_a_name_that_does_not_fit_is_refused(
    vault: Vault, places: Places, tmp_path: Path
) -> None:
    write_as(vault, DEVICE, "one")
    right = places.logs()[0]
    wrong = right.with_name("0000000007" + right.name[10:])
    right.rename(wrong)
    stranger = places.open(tmp_path / "other.db")
    assert names(stranger) == []
    assert [trouble.reason for trouble in stranger.troubles if isinstance(trouble, Damaged)] == ["chain"]
    stranger.close()


def test_cached_records_are_checked_before_they_are_believed(vault: Vault, places: Places) -> None:
    write_as(vault, DEVICE, "one")
    name, (data, check) = next(iter(vault.state.logs().items()))
    vault.state.put_logs([(name, data.replace(b"one", b"two"), check)])
    vault = again(places, vault)
    assert names(vault) == ["one"]
    vault.close()


def test_unknown_kinds_are_kept_in_mind_and_stop_deleting(
    vault: Vault, places: Places, tmp_path: Path
) -> None:
    vault.journal.begin(DEVICE)
    vault.journal.append("telepathy", {"x": 1})
    stranger = places.open(tmp_path / "other.db")
    assert stranger.journal.unknown == ["record kind telepathy"]
    assert stranger.troubles == []
    stranger.close()


def test_salts_differ_so_that_equal_records_have_other_ids(vault: Vault) -> None:
    first, second = write_as(vault, DEVICE, "same", "same")
    one, two = vault.journal.records[first], vault.journal.records[second]
    assert isinstance(one, Record)
    assert one.salt != two.salt
    assert first != second


def test_state_of_another_vault_is_not_used(vault: Vault, places: Places) -> None:
    from vaultd.store.state import State

    vault.state.put("device", os.urandom(8))
    State(places.state, b"another vault id").close()
    fresh = State(places.state, vault.keys.vault_id)
    assert fresh.get("device") is None
    fresh.close()
