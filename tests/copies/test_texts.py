"""The texts in every copy: compared, rewritten, and good for what they say."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.copies.places import Directory, Place, one_of_each
from vaultd.copies.texts import BEGIN, END, SOURCES, differing, refresh, texts
from vaultd.errors import Unreachable

PROGRAM = '#!/usr/bin/env python3\n\n\n"""Vault — 保险库"""\nprint(\'recovered\')\n'


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    made = tmp_path / "texts"
    made.mkdir()
    shutil.copy(SOURCES / "README.txt", made)
    (made / "FORMAT.md").write_text("# The format\n\n格式\n")
    (made / "recover.py").write_text(PROGRAM)
    return made


def test_the_readme_starts_the_program_as_it_says_itself() -> None:
    readme, program = ((SOURCES / name).read_text("utf-8") for name in ("README.txt", "recover.py"))
    needed = re.search(r"pip install (.*)", program)
    assert needed
    assert readme.count(f"bin/pip install {needed[1]}\n") == 2
    for verb in ("list", "restore"):
        assert f"recover.py {verb} COPY" in program
        assert len(re.findall(rf"recover\.py {verb} \.\s", readme)) == 2


@pytest.fixture
def wanted(sources: Path) -> dict[str, bytes]:
    return texts(sources)


def test_texts_are_written_once_and_rewritten_when_they_differ(
    place: Place, wanted: dict[str, bytes]
) -> None:
    assert refresh(place.copy, wanted) == ("README.txt", "FORMAT.md")
    assert refresh(place.copy, wanted) == ()
    place.plant("FORMAT.md", wanted["FORMAT.md"] + b" ")
    assert differing(place.copy, wanted) == ("FORMAT.md",)
    place.take_away("README.txt")
    assert set(differing(place.copy, wanted)) == {"README.txt", "FORMAT.md"}
    refresh(place.copy, wanted)
    assert {name: place.copy.get(name) for name in wanted} == wanted


def test_a_copy_that_does_not_answer_has_not_lost_its_texts(place: Place, wanted: dict[str, bytes]) -> None:
    place.copy.close()
    with pytest.raises(Unreachable):
        differing(place.copy, wanted)


@pytest.mark.parametrize("program", [f"x\n{BEGIN}\n", f"x\n{END}\ny\n", "no end of line", "x\r\n"])
def test_a_program_that_could_not_be_cut_out_again_is_refused(sources: Path, program: str) -> None:
    (sources / "recover.py").write_bytes(program.encode())
    with pytest.raises(ValueError, match=r"recover\.py"):
        texts(sources)


def commands(readme: bytes) -> list[str]:
    """The indented lines of one of the two step-by-step parts, as somebody would type them."""
    english = readme.decode().partition("Without vaultd, step by step")[2]
    return [line.strip() for line in english.splitlines() if line.startswith("    ")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_whoever_follows_the_readme_gets_the_program(
    directory: Directory, wanted: dict[str, bytes], tmp_path: Path, language: str
) -> None:
    refresh(directory.copy, wanted)
    english, _, chinese = wanted["README.txt"].partition("没有 vaultd 的时候".encode())
    half = english if language == "en" else chinese
    lines = [line.strip() for line in half.decode().splitlines() if line.startswith("    ")]
    script = [line for line in lines if line.startswith(("mkdir", "sed", "grep", "(cd"))]
    assert len(script) == 5
    done = _bash("set -e; " + "; ".join(script), directory.path, tmp_path)
    assert "recover.py: OK" in done.stdout, done.stderr
    assert PROGRAM.strip().rpartition("\n\n")[2] in done.stdout
    assert (tmp_path / "recovered/recover.py").read_text() == PROGRAM


def test_a_program_with_a_missing_line_is_noticed(
    directory: Directory, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    directory.plant("README.txt", wanted["README.txt"])
    directory.plant("FORMAT.md", wanted["FORMAT.md"].replace(b"print('recovered')\n", b""))
    steps = ("mkdir", "sed -n '/^", "grep", "(cd")
    lines = [line for line in commands(wanted["README.txt"]) if line.startswith(steps)]
    done = _bash("; ".join(lines[:4]), directory.path, tmp_path)
    assert "recover.py: FAILED" in done.stdout


def test_anyone_can_check_a_copy_as_the_readme_says(directory: Directory, tmp_path: Path) -> None:
    """b3sum may not be installed here, so a script answers in its place; the shell around it is tested."""
    files = one_of_each(b"x")
    for name, data in files.items():
        directory.copy.put(name, data)
    b3sum = tmp_path / "bin/b3sum"
    b3sum.parent.mkdir()
    code = "import sys, blake3; print(blake3.blake3(open(sys.argv[2], 'rb').read()).hexdigest())"
    b3sum.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    b3sum.chmod(0o755)
    lines = commands((SOURCES / "README.txt").read_bytes())
    loop = next(number for number, line in enumerate(lines) if line.startswith("find $(ls -d packs"))
    check = f"PATH={b3sum.parent}:$PATH; " + "\n".join(lines[loop : loop + 3])
    assert _bash(check, directory.path, tmp_path).stdout == ""
    for name in files:
        directory.plant(name, b"damaged")
    said = _bash(check, directory.path, tmp_path).stdout.splitlines()
    assert sorted(said) == sorted(f"damaged: {name}" for name in files)


def _bash(script: str, where: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8"}
    command = ["bash", "-c", script]
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
