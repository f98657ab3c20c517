"""Random trees and random edits: a scan after edits equals a scan from scratch."""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.tree.sources import Watched, comparable

NAMES = [b"a", b"b", b"B", b"a.txt", b"\xff", "é".encode(), "e\u0301".encode(), b"z z", b"\n"]
names = st.sampled_from(NAMES)
paths = st.lists(names, min_size=1, max_size=3).map(tuple)
contents = st.one_of(
    st.binary(max_size=50),
    st.integers(1, 3).map(lambda n: bytes(300_000 * n)),
    st.integers().map(lambda n: b"%d" % n),
)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("write"), paths, contents),
        st.tuples(st.just("append"), paths, contents),
        st.tuples(st.just("mkdir"), paths, st.none()),
        st.tuples(st.just("symlink"), paths, st.binary(min_size=1, max_size=30).filter(lambda b: 0 not in b)),
        st.tuples(st.just("link"), paths, paths),
        st.tuples(st.just("rename"), paths, paths),
        st.tuples(st.just("remove"), paths, st.none()),
        st.tuples(st.just("chmod"), paths, st.integers(0, 0o777)),
        st.tuples(st.just("utime"), paths, st.integers(-(10**18), 2 * 10**18)),
        st.tuples(st.just("xattr"), paths, st.binary(max_size=20)),
        st.tuples(st.just("truncate"), paths, st.integers(0, 10**6)),
        st.tuples(st.just("fifo"), paths, st.none()),
    ),
    max_size=12,
)


def apply(top: bytes, edit: tuple[str, tuple[bytes, ...], object]) -> None:
    """Do what the edit says, as far as the tree allows."""
    what, path, value = edit
    at = b"/".join((top, *path))
    try:
        _apply(top, what, at, value)
    except OSError:
        return


def _apply(top: bytes, what: str, at: bytes, value: object) -> None:  # noqa: C901
    match what, value:
        case "write" | "append", bytes():
            os.makedirs(os.path.dirname(at), exist_ok=True)
            # To open a fifo would wait for somebody to read from it.
            if not os.path.islink(at) and (os.path.isfile(at) or not os.path.exists(at)):
                with open(at, "wb" if what == "write" else "ab") as file:
                    file.write(value)
        case "mkdir", _:
            os.makedirs(at)
        case "symlink", bytes():
            os.symlink(value, at)
        case "link", tuple():
            os.link(at, b"/".join((top, *value)), follow_symlinks=False)
        case "rename", tuple():
            os.rename(at, b"/".join((top, *value)))
        case "remove", _:
            shutil.rmtree(at) if os.path.isdir(at) and not os.path.islink(at) else os.unlink(at)
        case "chmod", int():
            if not os.path.islink(at):
                os.chmod(at, value | 0o700 if os.path.isdir(at) else value)
        case "utime", int():
            os.utime(at, ns=(value, value), follow_symlinks=False)
        case "xattr", bytes():
            os.setxattr(at, "user.x", value, follow_symlinks=False)
        case "truncate", int():
            if not os.path.islink(at) and os.path.isfile(at):
                os.truncate(at, value)
        case "fifo", _:
            os.mkfifo(at)


@given(st.lists(edits, min_size=1, max_size=4), st.booleans())
def test_scans_after_edits_equal_scans_from_scratch(rounds: list[list[tuple]], forgetful: bool) -> None:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        source = Watched(Path(place))
        for batch in rounds:
            for edit in batch:
                apply(os.fsencode(place), edit)
            if forgetful:
                source.forget()
            first = source.scan(force=True)
            assert first.complete
            assert source.scan(force=True).root == first.root
            fresh = Watched(Path(place))
            fresh.scan()
            assert comparable(source.sink, source.parent) == comparable(fresh.sink, fresh.parent)
            assert fresh.parent is not None
            assert first.root.mtime == fresh.parent.mtime
