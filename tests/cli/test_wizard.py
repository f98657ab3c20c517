"""`vaultd init` as a person meets it: four questions at the terminal, the code on paper, a first snapshot;
and what the second disk does afterwards.
"""

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.runner import environment
from tests.cli.terminal import Terminal
from tests.disks import Disk

PASSPHRASE = "correct horse battery staple"
WHERE, SECOND = r"Where should the vault's copy be[^\n]*\?", r"Where should a second copy be[^\n]*\?"
FOLDER = r"Which folder should be saved[^\n]*\?"
NEXT_DISK = "The copies are on one disk"
_ASKED = r"Word number (\d+) of the code:"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "照片.jpg").write_bytes(b"a photo")
    return tmp_path


def vaultd(work: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    passphrase = work / "passphrase"
    passphrase.write_text(PASSPHRASE + "\n")
    passphrase.chmod(0o600)
    known = environment(work) | {"VAULTD_PASSPHRASE_FILE": str(passphrase)}
    return subprocess.run(
        ["vaultd", *words], cwd=work, env=known, capture_output=True, text=True, check=False, timeout=120
    )


def answer(terminal: Terminal, *pairs: tuple[str, str]) -> None:
    for question, words in pairs:
        terminal.expect(question)
        terminal.type(words + "\r")


def repeat_code(terminal: Terminal) -> int:
    """Type the words that are asked back from the paper, the first of them wrongly; how many there were."""
    asked = 0
    while match := re.search(_ASKED, terminal.expect(rf"{_ASKED}|The vault is made")):
        paper = dict(re.findall(r"(\d+)\. (\w+)", terminal.screen))
        asked += 1
        if asked == 1:
            wrong = paper[str(int(match[1]) % 24 + 1)]
            terminal.type(("abandon" if wrong == paper[match[1]] else wrong) + "\r")
            terminal.expect(rf"Word number {match[1]} is another one")
            assert terminal.expect(_ASKED).startswith(f"Word number {match[1]} ")
        terminal.type(paper[match[1]] + "\r")
    return asked


def passphrase(terminal: Terminal) -> None:
    answer(
        terminal, ("New passphrase:", "short"), ("too easy to guess[^\n]*\n[^\n]*New passphrase:", PASSPHRASE)
    )
    answer(terminal, ("The same again:", "something else"), ("(?s)not the same.*New passphrase:", PASSPHRASE))
    answer(terminal, ("The same again:", PASSPHRASE))


def held(copy: Path) -> set[str]:
    return {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}


def test_four_questions_and_a_first_snapshot_on_two_disks(work: Path, disk: Disk) -> None:
    second = disk.path / "vault"
    with Terminal(["vaultd", "init"], work) as terminal:
        answer(terminal, (WHERE, "~/vault"), (SECOND, str(second)), (FOLDER, "~/photos"))
        passphrase(terminal)
        assert repeat_code(terminal) == 3
        terminal.expect("Saved photos as [0-9a-f]{8}: 1 file")
        terminal.expect("Protected: all of it was read back from two copies")
        assert terminal.end() == 0
        assert NEXT_DISK not in terminal.screen
        assert "Next: vaultd source add" not in terminal.screen
        assert PASSPHRASE not in terminal.screen
    assert held(work / "vault") == held(second)
    found = json.loads(vaultd(work, "status", "--json").stdout)
    assert [(copy["label"], copy["behind"]) for copy in found["copies"]] == [("main", 0), ("second", 0)]
    assert (found["level"], found["as_safe_as_asked"]) == ("protected", True)
    # What the recovery code on paper opens is this vault, from the second copy alone.
    code = work / "code"
    code.write_text(" ".join(word for _, word in re.findall(r"(\d+)\. (\w+)", terminal.screen)))
    code.chmod(0o600)
    opened = [str(second), "--recovery-code-file", str(code), "--home", str(work / "new")]
    with Terminal(["vaultd", "open", *opened], work) as terminal:
        terminal.expect("It holds 1 snapshot")
        assert terminal.end() == 0


def test_enter_alone_is_no_second_place_and_no_folder(work: Path) -> None:
    with Terminal(["vaultd", "init"], work) as terminal:
        answer(terminal, (WHERE, "vault"), (SECOND, ""), (FOLDER, ""))
        answer(terminal, ("New passphrase:", PASSPHRASE), ("The same again:", PASSPHRASE))
        assert repeat_code(terminal) == 3
        terminal.expect("Next: vaultd source add FOLDER")
        assert terminal.end() == 0
    assert 'label = "second"' not in (work / ".vaultd" / "config.toml").read_text()


@pytest.mark.parametrize("second", ["vault", "~/photos/../vault/", "vault/second", "photos"])
def test_a_second_place_that_is_none_is_refused_before_anything_is_made(work: Path, second: str) -> None:
    with Terminal(["vaultd", "init"], work) as terminal:
        answer(terminal, (WHERE, "vault"), (SECOND, second))
        assert terminal.end() == 1
        assert "Choose" in terminal.screen
        assert "passphrase" not in terminal.screen
    assert not (work / "vault").exists()


@pytest.mark.parametrize("folder", ["nosuch", "photos/照片.jpg"])
def test_a_folder_that_is_none_is_refused_before_anything_is_made(work: Path, folder: str) -> None:
    with Terminal(["vaultd", "init"], work) as terminal:
        answer(terminal, (WHERE, "vault"), (SECOND, ""), (FOLDER, folder))
        terminal.expect("is not a folder")
        assert terminal.end() == 1
    assert not (work / "vault").exists()


def test_ctrl_c_while_the_code_is_asked_back_leaves_no_vault(work: Path) -> None:
    with Terminal(["vaultd", "init", "vault", "--second", "two"], work) as terminal:
        answer(terminal, ("New passphrase:", PASSPHRASE), ("The same again:", PASSPHRASE))
        terminal.expect(_ASKED)
        terminal.send(signal.SIGINT)
        assert terminal.end() == 130
    assert not (work / "vault").exists()
    assert not (work / "two").exists()


def test_in_chinese_too(work: Path, disk: Disk) -> None:
    with Terminal(["vaultd", "init"], work, VAULTD_LANG="zh") as terminal:
        answer(terminal, ("保险库的副本放在哪里", "vault"), ("第二个副本放在哪里", str(disk.path / "vault")))
        answer(
            terminal, ("要保存哪个文件夹", "photos"), ("新密码：", PASSPHRASE), ("再输入一次：", PASSPHRASE)
        )
        for _ in range(3):
            number = re.findall(r"\d+", terminal.expect(r"恢复码的第 \d+ 个"))[0]
            terminal.type(dict(re.findall(r"(\d+)\. (\w+)", terminal.screen))[number] + "\r")
        terminal.expect("已受保护：全部内容都已从两个副本读回，核对无误。")
        assert terminal.end() == 0


def test_the_second_disk_is_missed_and_caught_up(work: Path, disk: Disk) -> None:
    second = disk.path / "vault"
    assert vaultd(work, "init", "vault", "--second", str(second), "--yes").returncode == 0
    assert vaultd(work, "source", "add", "photos").returncode == 0
    disk.unplug()
    (work / "photos" / "new").write_bytes(b"new")
    done = vaultd(work, "snapshot")
    assert done.returncode == 3
    assert done.stdout.startswith("Saved photos as ")
    assert "Protected" not in done.stdout
    assert done.stderr == (
        "Copy second is behind. The copy “second” does not answer (its folder is not there). "
        "What is saved stays saved; the next snapshot catches this copy up.\n"
    )
    assert vaultd(work, "status").returncode == 3
    disk.plug()
    document = json.loads(vaultd(work, "snapshot", "--json").stdout)
    assert [each["level"] for each in document] == ["protected"]
    assert held(work / "vault") == held(second)
    assert vaultd(work, "status").returncode == 0
    assert vaultd(work, "check", "--read-data").returncode == 0


def test_damage_on_the_second_disk_is_damage(work: Path, disk: Disk) -> None:
    second = disk.path / "vault"
    vaultd(work, "init", "vault", "--second", str(second), "--yes")
    vaultd(work, "source", "add", "photos")
    assert vaultd(work, "snapshot").returncode == 0
    pack = next(second.glob("packs/*/*"))
    pack.write_bytes(bytes(len(pack.read_bytes())))
    assert vaultd(work, "check", "--copy", "main", "--read-data").returncode == 0
    done = vaultd(work, "check", "--read-data", "--no-heal")
    assert done.returncode == 20
    assert re.search(r"(?m)^main is whole[^\n]*\nsecond is damaged", done.stdout)
    assert vaultd(work, "status").returncode == 3
    done = vaultd(work, "snapshot")
    assert done.returncode == 3
    assert "Copy second was damaged: 1 file put right from another copy." in done.stderr
    assert vaultd(work, "check", "--read-data").returncode == 0
