"""How much a scan asks of the system: work is counted, not time."""

import os
import pickle
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.tree.sources import Watched

REPOSITORY = Path(__file__).parent.parent.parent
FILES = 40
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace here")


def calls_on_files(source: Watched, scratch: Path) -> Counter[str]:
    """The calls of one scan that name one of the files, or are given it open."""
    state, log = scratch / "state", scratch / "log"
    state.write_bytes(pickle.dumps(source))
    child = [sys.executable, "-m", "tests.tree.scan_child", str(state), str(scratch / "result")]
    environment = dict(os.environ, PYTHONPATH=f"{REPOSITORY}:{REPOSITORY}/cli")
    subprocess.run(
        # Without what is read and written, in which names may stand by chance.
        ["strace", "-f", "-qq", "-y", "-s0", "-o", str(log), *child],
        cwd=REPOSITORY, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    lines = [line for line in log.read_text(errors="replace").splitlines() if "small-" in line]
    return Counter(found[1] for line in lines if (found := _CALL.match(line)))


@pytest.fixture
def source(tmp_path: Path) -> Watched:
    path = tmp_path / "source"
    path.mkdir()
    for number in range(FILES):
        (path / f"small-{number}").write_bytes(b"content %d" % number)
    return Watched(path)


def test_a_small_file_is_read_in_six_calls(source: Watched, tmp_path: Path) -> None:
    counted = calls_on_files(source, tmp_path)
    assert counted.pop("newfstatat") == FILES  # the listing
    assert counted.pop("preadv", 0) + counted.pop("preadv2", 0) == FILES
    assert counted == dict.fromkeys(("openat", "statx", "flistxattr", "close"), FILES)


def test_a_file_that_did_not_change_is_looked_at_once(source: Watched, tmp_path: Path) -> None:
    source.scan()
    assert calls_on_files(source, tmp_path) == {"newfstatat": FILES}
