"""Many who read at once while snapshots are made, and folders with very many names."""

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.jobs.vaults import Computer, new_vault
from tests.mount.conftest import run
from tests.mount.mounts import Mounted, mounted

MOST_KB = 250_000


def resident(shown: Mounted) -> int:
    """kB at most, so far."""
    text = Path(f"/proc/{shown.process.pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0])


def read_about(path: Path, whole: bytes, seed: int, end: float) -> int:
    """Random parts, and now and then some in order; how many there were."""
    rng, count = random.Random(seed), 0
    with path.open("rb", buffering=0) as file:
        while time.monotonic() < end:
            at = rng.randrange(len(whole))
            file.seek(at)
            for _ in range(rng.choice([1, 1, 8])):
                length = rng.choice([1, 4096, 100_000, 700_000])
                got = file.read(length)
                assert whole.startswith(got, at), (path, at, length)
                assert got or at == len(whole)
                at += len(got)
                count += 1
    return count


def readers(tmp_path: Path, seconds: float) -> None:
    computer = new_vault(tmp_path)
    source = tmp_path / "videos"
    source.mkdir()
    whole = [os.urandom(12_000_000) for _ in range(4)]
    for number, data in enumerate(whole):
        (source / f"{number}.mp4").write_bytes(data)
    computer.add(source, "videos")
    computer.save("videos")
    with mounted(computer, tmp_path / "past") as shown:
        end, stop = time.monotonic() + seconds, threading.Event()

        def go_on_saving() -> int:
            count = 0
            while not stop.wait(0.2):
                (source / f"new-{count}").write_bytes(os.urandom(5000))
                (source / "changes").write_text(str(count))
                computer.save("videos")
                count += 1
            return count

        with ThreadPoolExecutor(11) as threads:
            saving = threads.submit(go_on_saving)
            paths = [
                shown.at("videos", where, f"{n}.mp4") for n in range(4) for where in ("latest", "versions")
            ]
            paths = [next(path.iterdir()) if path.is_dir() else path for path in paths]
            reading = [threads.submit(read_about, paths[n % 8], whole[n % 8 // 2], n, end) for n in range(10)]
            try:
                assert all(each.result() > 3 for each in reading)
            finally:
                stop.set()
            assert saving.result() > 1
        assert resident(shown) < MOST_KB


def test_ten_read_at_once_while_snapshots_are_made(tmp_path: Path) -> None:
    readers(tmp_path, 4)


@pytest.mark.torture
def test_ten_read_at_once_for_long(tmp_path: Path, seconds: int) -> None:
    readers(tmp_path, seconds)


def many_names(tmp_path: Path, count: int) -> None:
    computer = new_vault(tmp_path)
    source = tmp_path / "flat"
    source.mkdir()
    for number in range(count):
        (source / f"IMG_{number:07}.jpg").touch()
    computer.add(source, "flat")
    computer.save("flat")
    with mounted(computer, tmp_path / "past") as shown:
        latest = shown.at("flat", "latest")
        with os.scandir(latest) as entries:
            assert len({entry.name for entry in entries}) == count
        rng = random.Random(5)
        for _ in range(50):
            assert (latest / f"IMG_{rng.randrange(count):07}.jpg").stat().st_size == 0
            assert not (latest / f"IMG_{rng.randrange(count):07}").exists()
        assert len(os.listdir(shown.at("flat", "versions"))) == count
        assert resident(shown) < MOST_KB


def test_a_folder_of_twenty_thousand(tmp_path: Path) -> None:
    many_names(tmp_path, 20_000)


@pytest.mark.torture
def test_a_folder_of_a_million(tmp_path: Path) -> None:
    many_names(tmp_path, 1_000_000)


@pytest.mark.torture
def test_all_attributes_of_very_many(tmp_path: Path) -> None:
    """More than the kernel may be told of at a time: it is made to forget, and all are right still."""
    computer, source, folders = new_vault(tmp_path), tmp_path / "many", 300
    for number in range(folders):
        (source / f"{number}").mkdir(parents=True)
        for each in range(1000):
            (source / f"{number}" / f"{each}").touch()
    computer.add(source, "many")
    computer.save("many")
    with mounted(computer, tmp_path / "past") as shown:
        latest = shown.at("many", "latest")
        for _ in range(2):
            assert run("find", latest, "-type", "f", "-newermt", "2001-01-01").count("\n") == folders * 1000
        assert resident(shown) < MOST_KB


def test_memory_stays_small_whatever_is_read(tmp_path: Path) -> None:
    computer: Computer = new_vault(tmp_path)
    source = tmp_path / "large"
    source.mkdir()
    (source / "large").write_bytes(os.urandom(300_000_000))
    computer.add(source, "large")
    computer.save("large")
    with mounted(computer, tmp_path / "past") as shown:
        with shown.at("large", "latest", "large").open("rb") as file:
            while file.read(1 << 20):
                pass
        assert resident(shown) < MOST_KB
