"""Every system call on the source fails once with EIO: all else is saved, and nothing that was there is
lost.
"""

import os
import pickle
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tree.sources import Watched, comparable
from vaultd.format.entry import FILE
from vaultd.tree.scan import Scanned

REPOSITORY = Path(__file__).parent.parent.parent
CALLS = (
    "openat",
    "newfstatat",
    "fstat",
    "getdents64",
    "preadv2",
    "flistxattr",
    "fgetxattr",
    "readlinkat",
    "lseek",
    "close",
    "statx",
)
# What these fail to say is not missed by a snapshot: a birth time that nobody knows, a close of what was
# only read.
HARMLESS = {"statx", "close"}
_CALL = re.compile(r"^(\w+)\(")

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace here")


@dataclass(frozen=True)
class Site:
    """The `number`-th call of this name in a scan, which touches the source."""

    call: str
    number: int


@dataclass
class Bench:
    """A source that was saved once and then edited, and a place for what a child says of it."""

    source: Watched
    state: Path
    result: Path

    def run(self, log: Path, *strace: str) -> tuple[Scanned | str, Watched]:
        """Scan in a child under strace."""
        # Only calls on the source are traced and counted: what Python itself reads differs from run to run.
        places = [
            flag for path in (self.source.path, *self.source.path.rglob("*")) for flag in ("-P", str(path))
        ]
        child = [sys.executable, "-m", "tests.tree.scan_child", str(self.state), str(self.result)]
        environment = dict(os.environ, PYTHONPATH=f"{REPOSITORY}:{REPOSITORY}/cli")
        subprocess.run(
            ["strace", "-qq", "-y", "-o", str(log), *places, *strace, *child],
            cwd=REPOSITORY, env=environment, check=True, capture_output=True,
        )  # fmt: skip
        answer: tuple[Scanned | str, Watched] = pickle.loads(self.result.read_bytes())
        return answer

    def sites(self, log: Path) -> list[Site]:
        """Every call on the source in a scan in which nothing fails."""
        self.run(log, "-e", f"trace={','.join(CALLS)}")
        counts: Counter[str] = Counter()
        found = []
        for line in log.read_text(errors="replace").splitlines():
            if match := _CALL.match(line):
                counts[match[1]] += 1
                # Listing an open folder winds it back first, which for one just opened means nothing.
                if str(self.source.path) in line and "SEEK_SET" not in line:
                    found.append(Site(match[1], counts[match[1]]))
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    source = Watched(tmp_path / "the-source")
    fill(source.path, b"before")
    source.scan()
    fill(source.path, b"and after")
    state = tmp_path / "state"
    state.write_bytes(pickle.dumps(source))
    return Bench(source, state, tmp_path / "result")


def fill(top: Path, data: bytes) -> None:
    (top / "folder" / "inner").mkdir(parents=True, exist_ok=True)
    (top / "calm").touch()
    (top / "file").write_bytes(data)
    (top / "folder" / "inner" / "deep").write_bytes(data * 2)
    (top / "folder" / "sibling").write_bytes(data * 3)
    (top / "link").unlink(missing_ok=True)
    (top / "link").symlink_to(data.decode())
    with (top / "sparse").open("wb") as file:
        file.truncate(1 << 20)
        os.pwrite(file.fileno(), data, 1 << 19)
    try:
        os.setxattr(top / "file", "user.note", data)
    except OSError:
        return


def check(bench: Bench, site: Site) -> None:
    log = bench.result.with_name("log")
    outcome, after = bench.run(
        log, "-e", f"trace={site.call}", "-e", f"inject={site.call}:error=EIO:when={site.number}"
    )
    hit = [line for line in log.read_text(errors="replace").splitlines() if "(INJECTED)" in line]
    assert len(hit) == 1, site
    assert str(bench.source.path) in hit[0], site
    if outcome == "SourceUnreadable":
        assert str(bench.source.path) + ">" in hit[0] or f'"{bench.source.path}"' in hit[0]
        return
    assert isinstance(outcome, Scanned)
    assert outcome.complete is (site.call in HARMLESS), (hit, outcome.troubles)
    compare(bench, after, outcome, hit[0])


def compare(bench: Bench, after: Watched, outcome: Scanned, hit: str) -> None:
    """Every path is there, as it is now or as it was; as it was only at and below what was told."""
    old = comparable(bench.source.sink, bench.source.parent)
    new = comparable_now(bench.source)
    got = comparable(after.sink, outcome.root)
    assert set(got) == set(old) == set(new), hit
    told = [trouble.path for trouble in outcome.troubles]
    for path in got:
        now, then, found = (essence(tree[path]) for tree in (new, old, got))
        if found != now:
            assert found == then, (path, hit)
            assert any(path == t or path.startswith(t + b"/") or not t for t in told), (path, hit)


def comparable_now(source: Watched) -> dict[bytes, tuple[Any, ...]]:
    fresh = Watched(source.path)
    fresh.scan()
    return comparable(fresh.sink, fresh.parent)


def essence(entry: tuple[Any, ...]) -> tuple[Any, ...]:
    """What of an entry must be right: for a file its bytes too."""
    kind, mode, *_, size, content, extra, _ = entry
    return (
        (kind, mode, size, content, extra.get("link"))
        if kind == FILE
        else (kind, mode, size, extra.get("link"))
    )


def test_a_slice_of_the_calls(bench: Bench, tmp_path: Path, rng: random.Random) -> None:
    sites = bench.sites(tmp_path / "trace")
    assert {site.call for site in sites} >= {
        "openat",
        "newfstatat",
        "getdents64",
        "preadv2",
        "readlinkat",
        "lseek",
    }
    for site in rng.sample(sites, 6):
        check(bench, site)


@pytest.mark.torture
def test_every_call(bench: Bench, tmp_path: Path) -> None:
    sites = bench.sites(tmp_path / "trace")
    assert len(sites) > 60
    for site in sites:
        check(bench, site)
