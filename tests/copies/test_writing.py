"""The order of a write, and what is left when any part of it fails or the process dies in between."""

import os
from pathlib import Path

import pytest

from tests.copies.places import DEVICE, Directory, pack_of
from tests.copies.traced import Call, Operation, Run, needs_strace
from vaultd.copies.directory import DirectoryCopy

pytestmark = needs_strace

DATA = bytes(range(256)) * 40  # as in the child
NAME = pack_of(DATA)
WRONG = b"damaged"
PUT = Operation(f'copy.put("{NAME}", data)')
PUT_TWICE = Operation(
    f"""
    for _ in range(2):
        try:
            copy.put("{NAME}", data)
            break
        except VaultdError as error:
            last = error
    else:
        raise last""".lstrip()
)


@pytest.fixture
def path(directory: Directory) -> Path:
    """An empty copy whose pack folder is there, so that what is counted is the file alone."""
    directory.plant(NAME, b"")
    directory.take_away(NAME)
    return directory.path


def reopened(path: Path) -> DirectoryCopy:
    return DirectoryCopy.open(path, None, "again", DEVICE)


def files_of(path: Path) -> list[str]:
    return sorted(str(p.relative_to(path)) for p in path.rglob("*") if p.is_file())


def of_the_file(run: Run, name: str) -> Call:
    return run.find(name, r"\.tmp")


def test_a_file_is_whole_and_durable_before_it_has_its_name(path: Path) -> None:
    run = PUT.run(path)
    calls = list(run.calls)
    write, rename = of_the_file(run, "write"), run.find("renameat2")
    sync = of_the_file(run, "fsync")
    last = [c for c in calls if c.name == "fsync"][-1]
    order = [calls.index(call) for call in (write, sync, rename, last)]
    assert order == sorted(order)
    assert "RENAME_NOREPLACE" in rename.arguments
    assert last.arguments.endswith(f"{NAME.rpartition('/')[0]}>")
    assert f"{NAME.rpartition('/')[2]}.{DEVICE}." in write.arguments + sync.arguments
    assert "O_EXCL" in run.find("openat", "O_CREAT").arguments
    identity = next(i for i, c in enumerate(calls) if "vault.id" in c.arguments)
    assert calls.index(sync) < identity < calls.index(rename)
    assert run.answer == "done"


def test_a_new_folder_is_durable_before_anything_in_it(directory: Directory) -> None:
    run = PUT.run(directory.path)
    made = [c for c in run.calls if c.name == "mkdirat"]
    assert len(made) == 2
    synced = [c.arguments.rstrip(">").rpartition("/")[2] for c in run.calls if c.name == "fsync"]
    assert synced[:2] == ["copy", "packs"]
    assert list(run.calls).index(made[1]) < list(run.calls).index(of_the_file(run, "fsync"))


def test_a_second_put_writes_nothing(path: Path) -> None:
    reopened(path).put(NAME, DATA)
    run = PUT.run(path)
    assert run.answer == "done"
    assert run.names("write", "renameat2", "unlinkat", "linkat") == []
    # the rename of whoever put it may not be durable yet
    assert [c for c in run.calls if c.name == "fsync"][-1].arguments.endswith(f"{NAME[:8]}>")


def test_no_buffer_is_copied_and_no_folder_listed(path: Path) -> None:
    run = PUT.run(path)
    assert run.names("write") == ["write"]
    assert run.names("getdents64", "chmod", "fchmod", "fchmodat", "umask") == []


@pytest.mark.parametrize(
    ("name", "code", "answer"),
    [
        ("write", "ENOSPC", "Full"),
        ("write", "EDQUOT", "Full"),
        ("write", "EROFS", "ReadOnly"),
        ("write", "EIO", "Unreachable"),
        ("renameat2", "EIO", "Unreachable"),
        ("renameat2", "ENOSPC", "Full"),
        ("renameat2", "EACCES", "ReadOnly"),
        ("openat", "EIO", "Unreachable"),
        ("newfstatat", "ESTALE", "Unreachable"),
    ],
)
def test_an_error_leaves_nothing_behind(path: Path, name: str, code: str, answer: str) -> None:
    where = {"write": r"\.tmp", "openat": "O_CREAT", "renameat2": "", "newfstatat": "copy"}[name]
    nth = PUT.run(path).find(name, where).nth
    reopened(path).remove(NAME)
    run = PUT.run(path, f"{name}:error={code}:when={nth}")
    assert run.answer == answer
    assert files_of(path) == ["vault.id"]


def test_an_error_while_setting_aside_leaves_the_damaged_file(path: Path) -> None:
    """Of two renames without overwriting the first is refused, the second fails."""
    (path / NAME).write_bytes(WRONG)
    run = PUT.run(path, "renameat2:error=EIO:when=2")
    assert run.answer == "Unreachable"
    assert files_of(path) == [NAME, "vault.id"]
    assert (path / NAME).read_bytes() == WRONG


@pytest.mark.parametrize("name", ["fsync", "close"])
def test_a_failed_sync_is_answered_with_a_new_file(path: Path, name: str) -> None:
    nth = of_the_file(PUT.run(path), name).nth
    reopened(path).remove(NAME)
    run = PUT.run(path, f"{name}:error=EIO:when={nth}")
    assert run.answer == "done"
    made = [c for c in run.calls if c.name == "openat" and "O_CREAT" in c.arguments]
    assert len({c.arguments for c in made}) == 2
    assert files_of(path) == [NAME, "vault.id"]
    assert reopened(path).fetch(NAME) == DATA


@pytest.mark.parametrize("name", ["fsync", "close"])
def test_a_sync_that_fails_twice_is_an_error(path: Path, name: str) -> None:
    nth = of_the_file(PUT.run(path), name).nth
    reopened(path).remove(NAME)
    run = PUT.run(path, f"{name}:error=EIO:when={nth}+")
    assert run.answer == "Unreachable"
    assert NAME not in files_of(path)
    assert len([c for c in run.calls if c.name == "openat" and "O_CREAT" in c.arguments]) == 2


def test_a_write_that_only_says_it_was_done_is_not_believed(path: Path) -> None:
    run = PUT.run(path, f"write:retval={len(DATA)}:when=1..2")
    assert run.answer == "Unreachable"
    assert NAME not in files_of(path)
    assert run.names("renameat2") == []
    run = PUT.run(path, f"write:retval={len(DATA)}:when=1")
    assert run.answer == "done"
    assert reopened(path).fetch(NAME) == DATA


def test_a_folder_that_cannot_be_synced_stays_uncertain(path: Path) -> None:
    """The second fsync would succeed, and prove nothing."""
    nth = [c for c in PUT.run(path).calls if c.name == "fsync"][-1].nth
    reopened(path).remove(NAME)
    assert PUT_TWICE.run(path, f"fsync:error=EIO:when={nth}").answer == "Unreachable"
    assert PUT.run(path).answer == "done"
    reopened(path).read_back(NAME)


@pytest.mark.parametrize("code", ["EINVAL", "EOPNOTSUPP", "ENOENT"])
def test_a_file_system_that_cannot_sync_folders_will_do(path: Path, code: str) -> None:
    nth = [c for c in PUT.run(path).calls if c.name == "fsync"][-1].nth
    reopened(path).remove(NAME)
    assert PUT.run(path, f"fsync:error={code}:when={nth}").answer == "done"


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize(
    "missing",
    [
        ["renameat2:error=EINVAL"],
        ["renameat2:error=ENOSYS", "link,linkat:error=EPERM"],
        ["renameat2:error=EINVAL", "link,linkat:error=EOPNOTSUPP"],
    ],
    ids=["links", "neither", "neither-smb"],
)
def test_a_file_system_that_cannot_refuse_to_overwrite_will_do(
    path: Path, missing: list[str], damaged: bool
) -> None:
    if damaged:
        (path / NAME).write_bytes(WRONG)
    assert PUT.run(path, *missing).answer == "done"
    copy = reopened(path)
    assert copy.fetch(NAME) == DATA
    assert [copy.get(stored.name) for stored in copy.quarantined()] == [WRONG] * damaged
    assert copy.sweep(DEVICE) == 0
    assert len(files_of(path)) == 2 + damaged


def test_short_writes_are_carried_on(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr("vaultd.copies.folder.os.write", lambda fd, data: real(fd, data[:1000]))
    directory.copy.put(NAME, DATA)
    assert directory.copy.fetch(NAME) == DATA


def test_short_reads_are_carried_on(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.copy.put(NAME, DATA)
    real = os.pread
    monkeypatch.setattr("vaultd.copies.folder.os.pread", lambda fd, n, at: real(fd, min(n, 700), at))
    assert directory.copy.fetch(NAME) == DATA
    assert directory.copy.get(NAME, 9, 2000) == DATA[9:2009]


def test_a_read_that_fails_is_neither_missing_nor_damaged(path: Path) -> None:
    reopened(path).put(NAME, DATA)
    for use, name in (("fetch", "pread64"), ("get", "pread64"), ("read_back", "preadv2"), ("get", "openat")):
        run = Operation(f'copy.{use}("{NAME}")').run(path, f"{name}:error=EIO", "preadv:error=EIO")
        assert run.answer == "Unreachable", (use, name)


def test_a_read_back_does_not_ask_the_page_cache(path: Path) -> None:
    """Pages that are not written yet cannot be dropped, so they are written first."""
    reopened(path).put(NAME, DATA)
    for operation in (Operation(f'copy.read_back("{NAME}")'), PUT):
        calls = operation.run(path).calls
        order = [
            next(i for i, c in enumerate(calls) if c.name == name) for name in ("fdatasync", "fadvise64")
        ]
        order.append(next(i for i, c in enumerate(calls) if c.name.startswith("preadv")))
        assert order == sorted(order)


def test_a_listing_that_fails_is_no_list(path: Path) -> None:
    reopened(path).put(NAME, DATA)
    listing = Operation("list(copy.list())")
    clean = listing.run(path)
    for name in ("getdents64", "newfstatat", "openat"):
        for nth in range(1, len(clean.names(name)) + 1):
            assert listing.run(path, f"{name}:error=EIO:when={nth}").answer == "Unreachable", (name, nth)
