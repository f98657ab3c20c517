"""What is true of a copy in an object store beyond the contract, on real stores."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from blake3 import blake3

from tests.copies.places import COPY, KEYS, VAULT, Objects, StrictStore, WeakStore, held, one_of_each, pack_of
from tests.copies.stores import BUCKET, Store, start_weak, strict, weak
from vaultd.copies import locating, refusals
from vaultd.copies.bucket import Address, Keys
from vaultd.copies.identity import VaultId
from vaultd.copies.objectplace import create_objects, is_headless, open_objects, refuse_taken
from vaultd.copies.objects import ObjectCopy
from vaultd.errors import (
    Damaged,
    Missing,
    NeedsExtra,
    NeedsStoreKeys,
    NotEmpty,
    NoVault,
    Unreachable,
    VaultExists,
    WrongPlace,
)
from vaultd.ids import index_name

DATA = bytes(range(256)) * 40
NAME = pack_of(DATA)


@pytest.fixture(params=[StrictStore, WeakStore], ids=["strict", "weak"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    made: Objects = request.param(tmp_path)
    return made


@pytest.fixture(params=[strict, weak], ids=["strict", "weak"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.param()
    return found


@contextmanager
def own_store(tmp_path: Path) -> Iterator[tuple[Store, ObjectCopy]]:
    """A store that may be stopped and killed, and a copy in it that waits for a second only."""
    store, _ = start_weak(0, str(tmp_path / "own"))
    address = Address(BUCKET, "p", store.endpoint)
    create_objects(address, KEYS, VAULT, COPY, "cloud").close()
    yield store, open_objects(address, KEYS, COPY, "cloud", limit=1)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_PAUSES", (0.02, 0.05, 0.1))


def unreachable(use: Callable[[], object]) -> str:
    with pytest.raises(Unreachable) as caught:
        use()
    return caught.value.reason


def test_opening_tells_what_is_there(objects: Objects) -> None:
    copy = open_objects(objects.address, KEYS, None, "cloud")
    assert (copy.vault_id, copy.copy_id, copy.label) == (VAULT, COPY, "cloud")
    with pytest.raises(WrongPlace):
        open_objects(objects.address, KEYS, bytes(16), "cloud")
    objects.plant("vault.id", b"<html>")
    with pytest.raises(Damaged):
        open_objects(objects.address, KEYS, COPY, "cloud")
    objects.take_away("vault.id")
    for expected in (None, COPY):
        with pytest.raises(NoVault):
            open_objects(objects.address, KEYS, expected, "cloud")


def test_a_taken_prefix_is_refused(objects: Objects) -> None:
    with pytest.raises(VaultExists):
        create_objects(objects.address, KEYS, VAULT, COPY, "cloud")
    objects.plant("a.txt", b"somebody's")
    with pytest.raises(VaultExists):
        create_objects(objects.address, KEYS, VAULT, COPY, "cloud")
    objects.take_away("vault.id")
    with pytest.raises(NotEmpty):
        create_objects(objects.address, KEYS, VAULT, COPY, "cloud")
    assert set(objects.names()) == {"a.txt"}


def test_it_is_reached_by_its_url(objects: Objects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = f"{objects.address.url}?endpoint={objects.address.endpoint}"
    with pytest.raises(NeedsStoreKeys):
        locating.open_copy(locating.locate(url), COPY, "cloud")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret)
    copy = locating.open_copy(locating.locate(url), COPY, "cloud")
    copy.put(NAME, DATA)
    with pytest.raises(VaultExists):
        locating.refuse_taken(locating.Location(url))
    empty = locating.locate(f"{objects.address.url}/other?endpoint={objects.address.endpoint}")
    locating.refuse_taken(empty)
    assert not locating.is_headless(empty)
    locating.create_copy(empty, VAULT, bytes(16), "cloud")
    with pytest.raises(VaultExists):
        locating.refuse_taken(empty)


def test_a_copy_that_lost_its_id_is_seen(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, data in one_of_each(DATA).items():
        objects.copy.put(name, data)
    assert not is_headless(objects.address, KEYS)
    objects.take_away("vault.id")
    assert is_headless(objects.address, KEYS)
    with pytest.raises(NotEmpty):
        refuse_taken(objects.address, KEYS)


def test_of_many_who_make_a_copy_at_once_one_can_write(objects: Objects) -> None:
    """A store without conditions lets several believe it; the first write tells them."""
    address = Address(BUCKET, objects.prefix + "/race", objects.address.endpoint)

    def make(n: int) -> int:
        try:
            create_objects(address, KEYS, VAULT, bytes([n]) * 16, "cloud").put(NAME, DATA)
        except (VaultExists, WrongPlace, Unreachable):
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        winners = sum(pool.map(make, range(8)))
    if isinstance(objects, StrictStore):
        assert winners == 1
    copy = open_objects(address, KEYS, None, "cloud")
    copy.put(NAME, DATA)
    assert copy.fetch(NAME) == DATA


def test_wrong_keys_are_an_answer_about_nothing(store: Store) -> None:
    address = Address(BUCKET, "x", store.endpoint)
    for keys in (Keys(KEYS.access, "canary-of-the-secret"), Keys("nobody", "canary-of-the-secret")):
        with pytest.raises(Unreachable) as caught:
            open_objects(address, keys, None, "cloud")
        assert caught.value.reason in ("SignatureDoesNotMatch", "InvalidAccessKeyId", "AccessDenied")
        told = "".join(traceback.format_exception(caught.value)) + repr(keys)
        assert "canary" not in told
        assert "nobody" not in told


def test_no_such_bucket_is_no_empty_place(store: Store) -> None:
    address = Address("no-such-bucket", "x", store.endpoint)
    assert unreachable(lambda: open_objects(address, KEYS, None, "cloud")) == "NoSuchBucket"
    assert unreachable(lambda: create_objects(address, KEYS, VAULT, COPY, "cloud")) == "NoSuchBucket"


def test_nobody_answers_at_all() -> None:
    address = Address(BUCKET, "x", "http://127.0.0.1:1")
    assert unreachable(lambda: open_objects(address, KEYS, COPY, "cloud")) == "no answer"


@pytest.mark.parametrize("there", [b"", VaultId(VAULT, bytes(16)).encode()], ids=["none", "another"])
def test_a_prefix_that_is_no_longer_this_copy_takes_nothing(objects: Objects, there: bytes) -> None:
    objects.copy.put(NAME, DATA)
    objects.take_away("vault.id")
    if there:
        objects.plant("vault.id", there)
    before = sorted(objects.names())
    uses: list[Callable[[], object]] = [
        lambda: objects.copy.put(pack_of(b"x"), b"x"),
        lambda: objects.copy.put(NAME, DATA),
        lambda: objects.copy.remove(NAME),
        lambda: objects.copy.quarantine(NAME, whole=True),
    ]
    for use in uses:
        with pytest.raises(WrongPlace):
            use()
    assert sorted(objects.names()) == before
    assert unreachable(lambda: objects.copy.get(pack_of(b"x"))) == "vault.id"


def test_an_emptied_prefix_is_no_empty_list(objects: Objects) -> None:
    objects.copy.put(NAME, DATA)
    for name in list(objects.names()):
        objects.take_away(name)
    for prefix in ("", "packs/", "log/", "zzz"):
        with pytest.raises(Unreachable):
            list(objects.copy.list(prefix))


def test_every_page_of_a_listing_is_read(tmp_path: Path) -> None:
    names = {index_name(blake3(b"%d" % n).digest()) for n in range(2_100)}
    place = StrictStore(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: place.plant(name, b"x"), names))
    place.plant(NAME, DATA)
    assert held(place.copy).keys() == names | {NAME}
    assert {stored.name for stored in place.copy.list("index/")} == names
    assert {stored.name for stored in place.copy.list("packs/")} == {NAME}
    one = min(names)
    assert [stored.name for stored in place.copy.list(one)] == [one]


def test_ten_thousand_are_listed(tmp_path: Path) -> None:
    """Written before the store starts: rclone does not see what changes behind its back."""
    names = {pack_of(b"%d" % n) for n in range(10_000)}
    below = tmp_path / "own" / BUCKET / "p"
    for name in names:
        (below / name).parent.mkdir(parents=True, exist_ok=True)
        (below / name).write_bytes(b"x")
    (below / "vault.id").write_bytes(VaultId(VAULT, COPY).encode())
    store, _ = start_weak(0, str(tmp_path / "own"))
    copy = open_objects(Address(BUCKET, "p", store.endpoint), KEYS, COPY, "cloud")
    assert held(copy).keys() == names
    first = {name for name in names if name.startswith("packs/00/")}
    assert {stored.name for stored in copy.list("packs/00/")} == first


def test_a_store_that_stands_still_is_given_up(tmp_path: Path) -> None:
    with own_store(tmp_path) as (store, copy):
        copy.put(NAME, DATA)
        os.kill(store.pid, signal.SIGSTOP)
        while Path(f"/proc/{store.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.01)
        begun = time.monotonic()
        uses: list[Callable[[], object]] = [
            lambda: copy.get(NAME),
            lambda: copy.get(NAME, 5, 5),
            lambda: copy.put(pack_of(b"x"), b"x"),
            lambda: list(copy.list()),
            lambda: copy.remove(NAME),
        ]
        for use in uses:
            assert unreachable(use) == "timeout"
        assert time.monotonic() - begun < 20
        os.kill(store.pid, signal.SIGCONT)
        assert copy.fetch(NAME) == DATA


def test_a_store_killed_in_the_middle_of_a_put(tmp_path: Path) -> None:
    big = os.urandom(32 << 20)
    name = pack_of(big)
    with own_store(tmp_path) as (store, copy):
        with ThreadPoolExecutor(1) as pool:
            putting = pool.submit(copy.put, name, big)
            time.sleep(0.05)
            os.kill(store.pid, signal.SIGKILL)
            with pytest.raises(Unreachable):
                putting.result()
        unreachable(lambda: copy.get(name))
        start_weak(int(store.endpoint.rpartition(":")[2]), str(tmp_path / "own"))
        with pytest.raises((Missing, Damaged)):
            copy.fetch(name)
        copy.put(name, big)
        assert copy.fetch(name) == big


def test_closing_ends_the_thread_and_what_is_under_way_ends_first(objects: Objects) -> None:
    big = os.urandom(16 << 20)
    before = set(threading.enumerate())
    copy = open_objects(objects.address, KEYS, COPY, "cloud")
    (ours,) = set(threading.enumerate()) - before
    with ThreadPoolExecutor(1) as pool:
        putting = pool.submit(copy.put, pack_of(big), big)
        time.sleep(0.02)
        copy.close()
        putting.result()
    assert objects.hands.get(f"{objects.prefix}/{pack_of(big)}") == big
    ours.join(5)
    assert not ours.is_alive()


def test_who_has_no_such_copy_never_loads_the_client() -> None:
    code = "import sys, vaultd.copies.objectplace; print('opendal' in sys.modules, 'asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_who_wants_one_without_the_client_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opendal", None)
    with pytest.raises(NeedsExtra):
        open_objects(Address(BUCKET, "x", "http://127.0.0.1:1"), KEYS, COPY, "cloud")
