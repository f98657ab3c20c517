"""docs/hazards.md names tests that exist, and at least one for each row."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (REPOSITORY / "docs" / "hazards.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_hazard_has_tests_that_exist(row: list[str]) -> None:
    number, hazard, defence, shown = row
    assert number
    assert hazard
    assert defence
    named = _TEST.findall(shown)
    assert named
    assert shown.count("::") == len(named)
    assert [name for path, name in named if name not in functions_of(path)] == []


def test_rows_ascend_and_stand_once() -> None:
    numbers = [int(row[0]) for row in ROWS]
    assert numbers == sorted(set(numbers))
    assert len(numbers) > 30
