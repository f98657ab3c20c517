"""Every hostile vector is refused with its word, by the program and by docs/recover.py."""

import ast
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.vectors import vectors
from tests.vectors.program import by_program, restore_by_program
from tests.vectors.readers import RECOVER, UNKNOWN, by_recover, load_recover, unpack
from tests.vectors.vectors import HASHES, HERE, STRUCTURES, WORDS, Vector

ALL = vectors.load_all()
PARTS = [vector for vector in ALL if vector.structure != "vault"]
VAULTS = [vector for vector in ALL if vector.structure == "vault"]
NOT_FOR_RECOVER = "recover.py reads no index: all that it is for is speed"


@pytest.fixture(scope="module")
def recover() -> Any:
    return load_recover()


@pytest.mark.parametrize("vector", PARTS, ids=lambda vector: vector.name)
def test_the_program_refuses(vector: Vector) -> None:
    assert by_program(vector) == vector.expect, vector.comment


@pytest.mark.parametrize(
    "vector", [v for v in PARTS if v.structure != "index"], ids=lambda vector: vector.name
)
def test_recover_refuses(vector: Vector, recover: Any, tmp_path: Path) -> None:
    assert by_recover(recover, vector, tmp_path) == vector.expect, vector.comment


@pytest.mark.parametrize("vector", VAULTS, ids=lambda vector: vector.name)
def test_recover_restores_the_rest_of_a_hostile_vault(vector: Vector, tmp_path: Path) -> None:
    copy, out = unpack(vector, tmp_path / "copy"), tmp_path / "out"
    (tmp_path / "code").write_text(vector.more["master"])
    words: list[str | Path] = ["restore", copy, "home", out, "--recovery-code-file", tmp_path / "code"]
    done = subprocess.run(
        [sys.executable, RECOVER, *words], capture_output=True, text=True, check=False, timeout=60
    )
    about_records = "record" in vector.name or vector.expect == UNKNOWN
    assert done.returncode == (0 if about_records else 20), done.stderr
    assert re.search(rf"(^| ){vector.expect}\b", done.stderr, re.MULTILINE), done.stderr
    assert (out / "sound").read_text() == "a file beside it that must be restored"
    assert sorted(path.name for path in out.iterdir()) in (
        ["sound"],
        ["bad", "sound"],
        ["bad.vaultd-damaged", "sound"],
    )


@pytest.mark.parametrize("vector", VAULTS, ids=lambda vector: vector.name)
def test_the_program_restores_the_rest_of_a_hostile_vault(vector: Vector, tmp_path: Path, home: Path) -> None:
    copy, out = unpack(vector, tmp_path / "copy"), tmp_path / "out"
    damage, unknown = restore_by_program(copy, home, vector.more["master"], out)
    about_records = "record" in vector.name or vector.expect == UNKNOWN
    assert damage != about_records
    assert unknown == (vector.expect == UNKNOWN)
    assert (out / "sound").read_text() == "a file beside it that must be restored"
    assert sorted(path.name for path in out.iterdir() if not path.name.startswith("bad")) == ["sound"]


def test_a_slot_that_asks_for_terabytes_is_refused_at_once(recover: Any, tmp_path: Path) -> None:
    (vector,) = [vector for vector in PARTS if vector.name == "slot-m-4-tib"]
    for read in (by_program, lambda vector: by_recover(recover, vector, tmp_path)):
        read(vector)  # the first time, libraries are loaded
        start = time.perf_counter()
        assert read(vector) == "kdf"
        assert time.perf_counter() - start < 0.01


def test_nobody_rewrote_a_vector() -> None:
    listed = dict(line.split("  ")[::-1] for line in HASHES.read_text().splitlines())
    found = {vector.file_name: vector.hash() for vector in ALL}
    assert found == listed
    assert {path.name for path in HERE.iterdir()} == listed.keys()


def test_there_are_enough_of_each() -> None:
    assert len(ALL) >= 75
    assert {vector.structure for vector in ALL} == set(STRUCTURES)
    words = Counter(vector.expect for vector in ALL)
    assert words.keys() == {*WORDS, UNKNOWN}
    assert len({(vector.data, *vector.more.items()) for vector in ALL if vector.data}) == sum(
        bool(v.data) for v in ALL
    )


def test_the_words_are_those_of_the_format() -> None:
    text = (Path(RECOVER).parent / "format.md").read_text()
    table = text.partition("## 12. Refusals")[2].partition("## 13.")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert [word.strip("`") for row in rows for word in row.split()] == list(WORDS)


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("[ghw]*.py")), ids=lambda path: path.name)
def test_what_makes_vectors_shares_no_code_with_what_is_tested(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert not name.startswith(("vaultd", "docs", "recover")), f"{path.name} imports {name}"
