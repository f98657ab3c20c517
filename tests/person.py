"""A person who types the commands of a page at a terminal, and answers what is asked."""

import random
import re
import shutil
import subprocess
from pathlib import Path

from tests.cli.runner import environment
from tests.cli.terminal import Terminal

PASSPHRASE = "correct horse battery staple"
DISK = "/media/disk"
BIG = random.Random(1).randbytes(6_000_000)  # longer than the longest chunk, 4 MiB

_WORD_OF_CODE = re.compile(r"(\d+)\. (\w+)")


class Person:
    """Types the commands of a page at a terminal, and knows what was on the paper beside it."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.disk = work / "media-disk"
        self.folder = work
        self.passphrase_file = work / "passphrase"
        self.passphrase_file.write_text(PASSPHRASE + "\n")
        self.passphrase_file.chmod(0o600)
        self.disk.mkdir()

    def types(self, command: str) -> None:
        """Run one line, and answer. Raises AssertionError unless it succeeds."""
        if command.startswith("vaultd open "):  # what an emptied computer does
            shutil.rmtree(self.work / ".vaultd", ignore_errors=True)
        line = command.replace(DISK, str(self.disk))
        where = self.work / "where"
        script = f"cd '{self.folder}' && {line}\nended=$?\npwd >'{where}'\nexit $ended"
        with Terminal(["/bin/sh", "-c", script], self.work, **self._handed_over(command)) as terminal:
            self._answer(terminal, command)
            code = terminal.end()
            assert code == 0, f"$ {command}\nexit code {code}\n{terminal.screen}"
        self.folder = Path(where.read_text().strip())

    def _handed_over(self, command: str) -> dict[str, str]:
        """The passphrase goes the way of scripts, except where the page lets a person be asked for it."""
        asked = command.startswith("vaultd init ") or any(
            f"--{way}-file" in command for way in ("recovery-code", "key")
        )
        return {} if asked else {"VAULTD_PASSPHRASE_FILE": str(self.passphrase_file)}

    def _answer(self, terminal: Terminal, command: str) -> None:
        if command.startswith("vaultd init "):
            self._choose_passphrase(terminal)
            self._write_down_and_repeat(terminal)
        elif command.startswith("vaultd key add"):
            self._choose_passphrase(terminal)
        elif "recover.py list" in command or "recover.py restore" in command:
            terminal.expect("Passphrase")
            terminal.type(PASSPHRASE + "\r")

    def _choose_passphrase(self, terminal: Terminal) -> None:
        for question in ("New passphrase:", "The same again:"):
            terminal.expect(question)
            terminal.type(PASSPHRASE + "\r")

    def _write_down_and_repeat(self, terminal: Terminal) -> None:
        for _ in range(3):
            number = re.findall(r"\d+", terminal.expect(r"(?i)word[^\n]*?\d+[^\n]*:"))[-1]
            paper = dict(_WORD_OF_CODE.findall(terminal.screen))
            terminal.type(paper[number] + "\r")


def make_pictures(folder: Path) -> None:
    """What somebody has: photos, one of them from 2019, one large enough to be more than one chunk."""
    (folder / "2019").mkdir(parents=True)
    for number, name in enumerate(("IMG_0001.jpg", "IMG_0002.jpg", "2019/IMG_0003.jpg")):
        (folder / name).write_bytes(bytes([0xFF, 0xD8, number]) * 1000)
    (folder / "big.jpg").write_bytes(BIG)


def vaultd(work: Path, *words: str) -> str:
    """Run vaultd as a script does; what it says on stdout."""
    known = environment(work) | {"VAULTD_PASSPHRASE_FILE": str(work / "passphrase")}
    done = subprocess.run(
        ["vaultd", *words], cwd=work, env=known, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
