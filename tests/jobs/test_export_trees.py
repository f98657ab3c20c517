"""Any tree at all: what system tar takes out of an export is what a restore gives, byte for byte."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import FakeSink
from tests.jobs.exports import exported, told_of
from tests.jobs.restores import give_back, root_of
from tests.tree.trees import folder
from vaultd.format.entry import FILE, FOLDER, LINK, Entry
from vaultd.format.limits import CHUNK
from vaultd.tree.view import View

_NS = 10**9
NAMES = st.binary(min_size=1, max_size=120).map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"-"))
NAMES = NAMES.filter(lambda name: name not in (b".", b".."))
TIMES = st.integers(-(2**31) * _NS, 2**33 * _NS)
XATTRS = st.dictionaries(
    st.binary(min_size=1, max_size=30).map(lambda raw: b"user." + raw.hex().encode()),
    st.binary(max_size=300),
    max_size=3,
)
CONTENTS = st.lists(st.binary(min_size=1, max_size=2000), max_size=3)


@st.composite
def trees(draw: Any, depth: int = 2) -> dict[bytes, Any]:
    """By name: a folder's own names, a file's chunks, or where a link leads."""
    found: dict[bytes, Any] = {}
    for name in draw(st.sets(NAMES, max_size=5)):
        kinds = [CONTENTS, NAMES] + ([trees(depth - 1)] if depth else [])
        facts = (draw(TIMES), draw(XATTRS), draw(st.sampled_from([0o600, 0o644, 0o751])))
        found[name] = (draw(st.one_of(kinds)), draw(st.integers(0, 5000)), *facts)
    return found


def entries(sink: FakeSink, tree: dict[bytes, Any]) -> list[Entry]:
    return [entry(sink, name, *tree[name]) for name in sorted(tree)]


def entry(
    sink: FakeSink, name: bytes, what: Any, hole: int, time: int, xattrs: dict[bytes, bytes], mode: int
) -> Entry:
    extra: dict[str, Any] = {"xattr": dict(sorted(xattrs.items()))} if xattrs else {}
    if isinstance(what, dict):
        content = folder(sink, entries(sink, what))
        return Entry(name, FOLDER, mode | 0o700, 0, 0, time, 0, content, extra)
    if isinstance(what, bytes):
        return Entry(name, LINK, 0o777, 0, 0, time, len(what), None, {"link": what})
    pairs = tuple((sink.write(CHUNK, chunk), len(chunk)) for chunk in what)
    held = sum(length for _, length in pairs)
    if hole % 2 and held:  # a hole before, and one behind
        extra = {"sparse": ((hole, held),), **extra}
        return Entry(name, FILE, mode, 0, 0, time, 2 * hole + held, pairs, extra)
    return Entry(name, FILE, mode, 0, 0, time, held, pairs, extra)


@given(trees())
@settings(max_examples=60, deadline=None)
def test_a_tar_of_any_tree_is_what_a_restore_gives(tree: dict[bytes, Any]) -> None:
    sink = FakeSink()
    root = root_of(sink, entries(sink, tree))
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        told = exported(View(sink, root), top / "out.tar", "tar")
        assert told.complete
        restored = give_back(sink, root, top / "restored")
        assert restored.complete
        (top / "out").mkdir()
        command = ["tar", "--xattrs", "--xattrs-include=*", "--warning=no-timestamp", "-xpf"]
        done = subprocess.run(
            [*command, str(top / "out.tar"), "-C", str(top / "out")], capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert told_of(bytes(top / "out"), exact=True) == told_of(bytes(top / "restored"), exact=True)
