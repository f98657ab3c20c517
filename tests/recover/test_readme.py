"""The commands of the README.txt that every copy carries do what it says, on any copy."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.damage import flip
from tests.golden import golden

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "vaultd" / "texts" / "README.txt").read_text(encoding="utf-8")
# The tool that the text names, as far as the text uses it.
B3SUM = "import sys, blake3; print(blake3.blake3(open(sys.argv[2], 'rb').read()).hexdigest())"


def commands(first: str, last: str) -> list[str]:
    """Every piece of the text from a line that begins with `first` to one that begins with `last`."""
    found, taking = [], False
    for line in TEXT.splitlines():
        if line.startswith(f"    {first}"):
            found.append("")
            taking = True
        if taking:
            found[-1] += line + "\n"
        taking = taking and not line.startswith(f"    {last}")
    return found


def test_a_copy_without_an_index_is_checked_without_a_word(tmp_path: Path) -> None:
    (copy,) = golden.unpack("kinds", tmp_path)
    (tmp_path / "b3sum").write_text(f"#!{sys.executable}\n{B3SUM}\n")
    (tmp_path / "b3sum").chmod(0o700)
    for file in copy.glob("index/*"):
        file.unlink()
    if (copy / "index").exists():
        (copy / "index").rmdir()
    english, chinese = commands("find", "done")
    assert english == chinese

    def said() -> tuple[str, str]:
        where = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(
            ["/bin/sh", "-c", english], cwd=copy, env=where, capture_output=True, text=True, check=False
        )
        return done.stdout, done.stderr

    assert said() == ("", "")
    pack = min(copy.glob("packs/*/*"))
    flip(pack)
    assert said() == (f"damaged: {pack.relative_to(copy)}\n", "")


def test_it_shows_how_the_other_program_is_used_and_no_more() -> None:
    program = ROOT / "docs" / "recover.py"
    english, chinese = commands('sed -n \'/^"""/', "sed")
    assert english == chinese
    line = english.replace("~/recovered/recover.py", str(program))
    shown = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True).stdout
    said = ast.get_docstring(ast.parse(program.read_text(encoding="utf-8")), clean=False)
    assert shown == f'"""{said}"""\n'
