"""docs/recover.py stands alone: Python, four libraries, no vaultd, and few lines."""

import ast
import importlib.metadata
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.golden import golden

RECOVER = Path(__file__).parents[2] / "docs" / "recover.py"
LIBRARIES = ("blake3", "cryptography", "zstandard", "msgpack")
BELOW = ("cffi", "pycparser")  # what cryptography brings along


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the four libraries, as `pip install` would have made it."""
    folder = tmp_path_factory.mktemp("alone")
    for name in (*LIBRARIES, *BELOW):
        files = importlib.metadata.files(name) or []
        for top in {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}:
            (folder / top).symlink_to(Path(str(importlib.metadata.distribution(name).locate_file(top))))
    return folder


def run(alone: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Without site-packages, environment or this folder: only `alone` is added to the path."""
    start = f"import sys, runpy; sys.path.append({str(alone)!r}); sys.argv = sys.argv[1:]; "
    start += f"runpy.run_path({str(RECOVER)!r}, run_name='__main__')"
    command = [sys.executable, "-I", "-S", "-c", start, RECOVER, *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd="/", env={"HOME": "/"}
    )


def test_vaultd_cannot_be_imported_there(alone: Path) -> None:
    code = f"import sys; sys.path.append({str(alone)!r}); import {', '.join(LIBRARIES)}, vaultd"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False, cwd="/"
    )
    assert "No module named 'vaultd'" in done.stderr


def test_it_lists_and_restores_there(alone: Path, tmp_path: Path) -> None:
    (copy,) = golden.unpack("kinds", tmp_path)
    (tmp_path / "phrase").write_text(golden.PASSPHRASE, "utf-8")
    listed = run(alone, "list", copy, "--passphrase-file", tmp_path / "phrase")
    assert listed.returncode == 0, listed.stderr
    (snapshot,) = [s for s in golden.snapshots("kinds").values() if s.deleted]
    assert snapshot.id in listed.stdout
    (tmp_path / "code").write_text(golden.CHINESE, "utf-8")
    done = run(
        alone, "restore", copy, snapshot.id, tmp_path / "out", "--recovery-code-file", tmp_path / "code"
    )
    assert done.returncode == 0, done.stderr
    assert golden.differences(tmp_path / "out", snapshot.root) == []
    assert done.stdout == ""
    stats = [path.lstat() for path in (tmp_path / "out").rglob("*")]
    files = [each for each in stats if stat.S_ISREG(each.st_mode)]
    size = sum({each.st_ino: each.st_size for each in files}.values())
    assert len(files) > 1
    assert (
        done.stderr.splitlines()[-1] == f"Restored {len(files)} files, {size} bytes, into {tmp_path / 'out'}"
    )


def test_help_says_how_to_use_it(alone: Path) -> None:
    done = run(alone, "--help")
    assert done.returncode == 0
    assert "pip install blake3 cryptography zstandard msgpack" in done.stdout


def test_it_imports_nothing_else() -> None:
    tops = set()
    for node in ast.walk(ast.parse(RECOVER.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        tops |= {name.split(".")[0] for name in names}
    assert tops - sys.stdlib_module_names == set(LIBRARIES)


def test_it_is_at_most_400_lines() -> None:
    lines = RECOVER.read_text().splitlines()
    assert len(lines) <= 400
    data = ("ENGLISH = ", "CHINESE = ")
    assert max(len(line) for line in lines if not line.startswith(data)) <= 120
    assert sum(line.startswith(data) for line in lines) == 2


def test_a_copy_that_cannot_be_written_is_enough(alone: Path, tmp_path: Path) -> None:
    (copy,) = golden.unpack("large", tmp_path)
    before = {path: path.stat() for path in copy.rglob("*")}
    for path in [*copy.rglob("*"), copy]:
        os.chmod(path, 0o555 if path.is_dir() else 0o444)
    (tmp_path / "code").write_text(golden.MASTER.hex())
    done = run(alone, "restore", copy, "latest", tmp_path / "out", "--recovery-code-file", tmp_path / "code")
    after = {path: path.stat() for path in copy.rglob("*")}
    for path in [copy, *copy.rglob("*")]:
        os.chmod(path, 0o755)
    assert done.returncode == 0, done.stderr
    assert {path: status.st_mtime_ns for path, status in after.items()} == {
        p: s.st_mtime_ns for p, s in before.items()
    }


def test_without_keys_the_recovery_code_is_enough(alone: Path, tmp_path: Path) -> None:
    (copy,) = golden.unpack("large", tmp_path)
    for path in (copy / "keys").iterdir():
        path.unlink()
    (copy / "keys").rmdir()
    (copy / "vault.id").unlink()
    (tmp_path / "code").write_text(golden.ENGLISH)
    done = run(alone, "restore", copy, "home", tmp_path / "out", "--recovery-code-file", tmp_path / "code")
    (snapshot,) = golden.snapshots("large").values()
    assert done.returncode == 0, done.stderr
    assert golden.differences(tmp_path / "out", snapshot.root) == []
    (tmp_path / "phrase").write_text(golden.PASSPHRASE, "utf-8")
    assert run(alone, "list", copy, "--passphrase-file", tmp_path / "phrase").returncode == 10


def test_what_goes_wrong_before_it_begins_is_one_sentence(alone: Path, tmp_path: Path) -> None:
    (copy,) = golden.unpack("large", tmp_path)
    (tmp_path / "wrong").write_text("not this one")
    listing = ("list", copy, "--passphrase-file")
    for file, code, sentence in (
        ("wrong", 12, "That opens nothing here: it is not the passphrase, key file or code of this vault.\n"),
        ("nosuch", 1, f"Stopped. [Errno 2] No such file or directory: '{tmp_path}/nosuch'\n"),
    ):
        done = run(alone, *listing, tmp_path / file)
        assert (done.returncode, done.stderr) == (code, sentence)


@pytest.mark.parametrize("way", ["Ctrl-C", "Ctrl-D"])
def test_who_leaves_at_the_question_sees_no_traceback(way: str, tmp_path: Path) -> None:
    (copy,) = golden.unpack("large", tmp_path)
    with Terminal([sys.executable, str(RECOVER), "list", str(copy)], tmp_path) as terminal:
        terminal.expect("Passphrase")
        terminal.type("\x03" if way == "Ctrl-C" else "\x04")
        assert terminal.end() == 1
    assert "Stopped." in terminal.screen
    assert "Traceback" not in terminal.screen
