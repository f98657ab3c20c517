"""What a mounted past costs its readers, beside `restic mount` and `borg mount`: `python -m bench.mount`.

One large file that does not compress, and many small ones, saved by each into a vault in --where. For each,
by a mount that has read nothing yet: the large file in order, as `cat` reads it; 4 KiB of it here and there;
the first byte of files that nobody asked for before; all names, as `find -name` asks for them, and twice all
attributes, as `find -newer` does; and how much memory it took at most.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.change import resident, vaultd
from bench.peers import fetched

_SEED = 5
_IN_A_FOLDER = 100
_PART = 1 << 20
_SMALL, _PLACES, _PHOTOS = 4096, 1000, 50
_MIB = 1 << 20


@dataclass(frozen=True)
class Peer:
    """`save` makes its vault and saves what is in `tree`; `mount` is what is run, and stays; `seen` is where
    that tree is then, below the folder of this name.
    """

    name: str
    save: Callable[[], None]
    mount: list[str]
    environment: dict[str, str]
    seen: str


def make(tree: Path, files: int, large: int) -> None:
    rng = random.Random(_SEED)
    for number in range(files // _IN_A_FOLDER):
        folder = tree / "photos" / f"{number:04}"
        folder.mkdir(parents=True)
        for each in range(_IN_A_FOLDER):
            (folder / f"IMG_{each:04}.jpg").write_bytes(rng.randbytes(rng.randrange(1000, 20_000)))
    with (tree / "video.mp4").open("wb") as file:
        for _ in range(large):
            file.write(rng.randbytes(_MIB))


def ours(work: Path) -> Peer:
    def save() -> None:
        vaultd(work, "init", "one", "--yes")
        vaultd(work, "key", "unlock")
        vaultd(work, "source", "add", "tree")
        vaultd(work, "snapshot")

    words = [sys.executable, "-P", "-m", "vaultd_cli", "mount", "--foreground", "vaultd"]
    return Peer("vaultd", save, words, {"VAULTD_HOME": str(work / "home")}, "tree/latest")


def restic(work: Path, program: Path) -> Peer:
    environment = {
        "RESTIC_REPOSITORY": str(work / "restic-vault"),
        "RESTIC_PASSWORD_FILE": str(work / "passphrase"),
        "RESTIC_CACHE_DIR": str(work / "restic-cache"),
    }

    def save() -> None:
        run([str(program), "init"], work, environment)
        run([str(program), "backup", str(work / "tree")], work, environment)

    seen = f"snapshots/latest{work}/tree"
    return Peer("restic", save, [str(program), "mount", "restic"], environment, seen)


def able_borg(_: Path) -> Path:
    """One that can mount: that of Debian, since llfuse and pyfuse3 have no wheels. Raises CannotBeHad."""
    for name in filter(None, (shutil.which("borg"), "/usr/bin/borg")):
        with suppress(FileNotFoundError):
            done = subprocess.run([name, "mount", "/", "/"], capture_output=True, text=True, check=False)
            if "not available" not in done.stderr:
                return Path(name)
    raise fetched.CannotBeHad("apt-get install borgbackup python3-pyfuse3")


def borg(work: Path, program: Path) -> Peer:
    environment = {
        "BORG_REPO": str(work / "borg-vault"),
        "BORG_PASSPHRASE": "nothing",
        "BORG_BASE_DIR": str(work / "borg-base"),
    }

    def save() -> None:
        run([str(program), "init", "--encryption", "repokey"], work, environment)
        run([str(program), "create", "::one", str(work / "tree")], work, environment)

    words = [str(program), "mount", "--foreground", str(work / "borg-vault::one"), "borg"]
    return Peer("borg", save, words, environment, str(work / "tree").lstrip("/"))


def run(command: list[str], work: Path, environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=work, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def mounted(peer: Peer, work: Path) -> Iterator[tuple[Path, int]]:
    """What was saved, and the process that shows it."""
    folder = work / peer.name
    folder.mkdir(exist_ok=True)
    with subprocess.Popen(
        peer.mount, cwd=work, env=os.environ | peer.environment, stdout=subprocess.DEVNULL
    ) as process:
        seen = folder / peer.seen
        while not (seen / "video.mp4").exists():
            time.sleep(0.05)
            if process.poll() is not None:
                raise OSError(f"{peer.name} mount ended")
        try:
            yield seen, process.pid
        finally:
            subprocess.run(["fusermount3", "-u", str(folder)], check=True)


def seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def listed(seen: Path) -> None:
    subprocess.run(["find", str(seen), "-name", "no such name"], check=True)


def looked_at(seen: Path) -> None:
    subprocess.run(["find", str(seen), "-newermt", "2100-01-01"], check=True)


def in_order(seen: Path) -> None:
    room = bytearray(_PART)
    with (seen / "video.mp4").open("rb", buffering=0) as file:
        while file.readinto(room):
            pass


def at_random(seen: Path) -> list[float]:
    rng, file = random.Random(_SEED), os.open(seen / "video.mp4", os.O_RDONLY)
    size = os.fstat(file).st_size // _SMALL
    places = [rng.randrange(size) * _SMALL for _ in range(_PLACES)]
    times = [seconds(lambda place=place: os.pread(file, _SMALL, place)) for place in places]  # type: ignore[misc]
    os.close(file)
    return times


def first_bytes(seen: Path) -> list[float]:
    folders = sorted((seen / "photos").iterdir())
    chosen = random.Random(_SEED).choices(folders, k=_PHOTOS)

    def first(folder: Path) -> None:
        with (folder / "IMG_0050.jpg").open("rb", buffering=0) as file:
            file.read(1)

    return [seconds(lambda folder=folder: first(folder)) for folder in dict.fromkeys(chosen)]  # type: ignore[misc]


def measure(peer: Peer, work: Path) -> None:
    with mounted(peer, work) as (seen, pid):
        size = (seen / "video.mp4").stat().st_size / _MIB
        order = seconds(lambda: in_order(seen))
        peak = resident(pid, "VmHWM")
    with mounted(peer, work) as (seen, pid):
        places = at_random(seen)
        peak = max(peak, resident(pid, "VmHWM"))
    with mounted(peer, work) as (seen, pid):
        photos = first_bytes(seen)
        names, attributes = seconds(lambda: listed(seen)), seconds(lambda: looked_at(seen))
        again = seconds(lambda: looked_at(seen))
        peak = max(peak, resident(pid, "VmHWM"))
    print(
        f"{peer.name:>7}: in order {size / order:5.0f} MiB/s;"
        f" 4 KiB at random {1000 * statistics.mean(places):.2f} ms"
        f" (median {1000 * statistics.median(places):.2f});"
        f" names {names:.2f} s, attributes {attributes:.2f} s, again {again:.2f} s;"
        f" first byte of a photo {1000 * statistics.median(photos):.1f} ms"
        f" (at most {1000 * max(photos):.1f}); {peak} MB",
        flush=True,
    )


def peers(work: Path) -> list[Peer]:
    cache, found = Path(".cache/bench").absolute(), [ours(work)]
    for get, make_peer in ((fetched.restic, restic), (able_borg, borg)):
        try:
            found.append(make_peer(work, get(cache)))
        except (fetched.CannotBeHad, OSError) as error:
            print(f"without {make_peer.__name__}: {error}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=2048, help="MiB")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--where", default="/dev/shm")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.where) as folder:
        work = Path(folder)
        (work / "passphrase").write_text("nothing that matters here")
        (work / "passphrase").chmod(0o600)
        make(work / "tree", asked.files, asked.large)
        able = []
        for peer in peers(work):
            try:
                peer.save()
                able.append(peer)
            except subprocess.CalledProcessError as error:
                print(f"without {peer.name}: {error}")
        for _ in range(asked.rounds):
            for peer in able:
                try:
                    measure(peer, work)
                except OSError as error:
                    print(f"without {peer.name}: {error}")


if __name__ == "__main__":
    main()
