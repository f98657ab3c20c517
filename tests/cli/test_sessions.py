"""Every session under sessions/, and the runner itself."""

from pathlib import Path

import pytest

from tests.cli.runner import parse, play

SESSIONS = sorted(Path(__file__).with_name("sessions").glob("*.txt"))


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_session(path: Path, tmp_path: Path) -> None:
    play(path.read_text(encoding="utf-8"), tmp_path)


@pytest.mark.parametrize(
    "lines",
    [
        "$ echo hello\nhallo",
        "$ echo hello",
        "$ echo hello\nhello\nmore",
        "$ echo hello >&2",
        "$ echo hello >&2\n! hallo",
        "$ exit 3",
        "$ true\n[1]",
        "$ echo a; echo b\na\n<~c|d>",
    ],
)
def test_a_session_that_goes_otherwise_fails(lines: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        play(f"# Cause: a runner that lets everything pass proves nothing.\n{lines}\n", tmp_path)


def test_holes_and_variables(tmp_path: Path) -> None:
    play(
        "# Cause: later steps need ids.\n$ echo saved 1234 x\nsaved <ID=[0-9]+> <*>\n$ echo $ID\n1234\n",
        tmp_path,
    )


@pytest.mark.parametrize("text", ["", "$ true\n", "# only a remark\n"])
def test_a_session_without_cause_or_steps_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="session"):
        parse(text)
