"""Killed at any system call, a write leaves nothing wrong behind, and can be done again."""

from collections.abc import Callable
from pathlib import Path

from tests.copies.places import DEVICE, Directory, pack_of
from tests.copies.traced import Call, Operation, Run, needs_strace
from vaultd.copies.directory import DirectoryCopy
from vaultd.ids import parse

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


def reopened(path: Path) -> DirectoryCopy:
    return DirectoryCopy.open(path, None, "again", DEVICE)


def files_of(path: Path) -> list[str]:
    return sorted(str(p.relative_to(path)) for p in path.rglob("*") if p.is_file())


def kill_points(run: Run) -> list[Call]:
    """Every call after which something may be different from before; killed on entry, it is not done."""
    changing = {"openat", "write", "fsync", "close", "renameat2", "mkdirat", "mkdir", "unlinkat", "linkat"}
    return [call for call in run.calls if call.name in changing]


def sweep(operation: Operation, make: Callable[[], Path], check: Callable[[Path], None]) -> int:
    points = kill_points(operation.run(make()))
    for call in points:
        path = make()
        run = operation.run(path, f"{call.name}:signal=SIGKILL:when={call.nth}")
        assert (run.status, run.answer) == (-9, ""), call
        check(path)
    return len(points)


def only_right_files(path: Path) -> None:
    """Nothing has a final name that it does not deserve; what stood there is there or in quarantine."""
    for name in files_of(path):
        data = (path / name).read_bytes()
        assert parse(name) is None or data in (DATA, WRONG)
        assert not name.startswith("quarantine/") or data == WRONG


def test_killed_anywhere_a_put_leaves_nothing_wrong(tmp_path: Path) -> None:
    counter = iter(range(10_000))

    def check(path: Path) -> None:
        assert all((path / n).read_bytes() == DATA for n in files_of(path) if parse(n))
        copy = reopened(path)
        copy.sweep(DEVICE)
        assert not [name for name in files_of(path) if name.endswith(".tmp")]
        copy.put(NAME, DATA)
        copy.read_back(NAME)

    assert sweep(PUT, lambda: Directory(_fresh(tmp_path, next(counter))).path, check) > 15


def test_killed_anywhere_a_put_over_damage_loses_neither(tmp_path: Path) -> None:
    counter = iter(range(10_000))

    def make() -> Path:
        place = Directory(_fresh(tmp_path, next(counter)))
        place.plant(NAME, WRONG)
        return place.path

    def check(path: Path) -> None:
        only_right_files(path)
        assert WRONG in [(path / name).read_bytes() for name in files_of(path)]
        copy = reopened(path)
        copy.put(NAME, DATA)
        assert copy.fetch(NAME) == DATA
        assert [copy.get(stored.name) for stored in copy.quarantined()] == [WRONG]

    assert sweep(PUT, make, check) > 15


def test_killed_anywhere_a_text_is_the_old_or_the_new(tmp_path: Path) -> None:
    counter = iter(range(10_000))

    def make() -> Path:
        place = Directory(_fresh(tmp_path, next(counter)))
        place.copy.put("README.txt", b"old")
        return place.path

    def check(path: Path) -> None:
        assert (path / "README.txt").read_bytes() in (b"old", DATA)

    assert sweep(Operation('copy.put("README.txt", data)'), make, check) > 5


def test_killed_anywhere_a_copy_can_be_made_again(tmp_path: Path) -> None:
    counter = iter(range(10_000))
    create = Operation('DirectoryCopy.create(path, bytes(16), bytes(16), "disk", device)', opened=False)

    def check(path: Path) -> None:
        if not (path / "vault.id").exists():
            DirectoryCopy.create(path, bytes(16), bytes(16), "disk", DEVICE).close()
        copy = reopened(path)
        copy.sweep(DEVICE)
        assert files_of(path) == ["vault.id"]

    assert sweep(create, lambda: _fresh(tmp_path, next(counter)) / "copy", check) > 5


def _fresh(scratch: Path, number: int) -> Path:
    made = scratch / str(number)
    made.mkdir()
    return made
