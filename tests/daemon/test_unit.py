"""The service's files, as those who read them read them."""

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vaultd.daemon.unit import MARK, Unit, agent, install, quoted, service, startable, uninstall, unit
from vaultd.errors import NotOurs

ODD = [
    *("plain", "a b", 'say "x"', "100%h", "$HOME ${HOME}", "back\\slash"),
    *("\u7167\u7247", "new\nline", "'", "tab\t."),
]
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing: apt-get install systemd"
)


def verified(path: Path, runtime: Path) -> str:
    """What systemd has to say of a unit; nothing where it is right."""
    found = subprocess.run(
        ["systemd-analyze", "--user", "verify", "--man=no", path],
        env=os.environ | {"XDG_RUNTIME_DIR": str(runtime)},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    return "\n".join(line for line in found.stderr.splitlines() if path.name in line)


@needs_systemd
@pytest.mark.parametrize("name", ["plain", "a b", "100%h", "\u7167\u7247", os.fsdecode(b"not \xff utf-8")])
def test_systemd_finds_the_program_whatever_its_path(tmp_path: Path, name: str) -> None:
    """It looks for the program: a name that is not read back as it is would not be found."""
    folder = tmp_path / name
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    path = tmp_path / "vaultd.service"
    path.write_bytes(service([str(folder / "python"), "-P", *ODD]))
    assert verified(path, tmp_path) == ""
    path.write_bytes(service([str(folder / "python") + "x"]))
    assert "not executable" in verified(path, tmp_path)


@needs_systemd
@pytest.mark.parametrize("name", ODD)
def test_where_it_would_refuse_the_program_a_shell_starts_it(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    program = folder / "python"
    program.write_text('#!/bin/sh\nprintf "%s|" "$0" "$@"\n')
    program.chmod(0o755)
    path = tmp_path / "vaultd.service"
    path.write_bytes(service([str(program), *ODD]))
    assert verified(path, tmp_path) == ""
    done = subprocess.run(startable([str(program), *ODD]), capture_output=True, timeout=20, check=True)
    assert done.stdout.decode() == "".join(f"{word}|" for word in [str(program), *ODD])


@needs_systemd
def test_systemd_knows_every_word_of_it(tmp_path: Path) -> None:
    path = tmp_path / "vaultd.service"
    path.write_bytes(service([sys.executable]).replace(b"LimitCORE", b"LimitKORE"))
    assert "LimitKORE" in verified(path, tmp_path)
    path.write_bytes(service([sys.executable]))
    assert verified(path, tmp_path) == ""


def test_launchd_reads_back_what_is_meant() -> None:
    found = plistlib.loads(agent("vaultd.daemon", ODD))
    assert found["ProgramArguments"] == ODD
    assert found["KeepAlive"] == {"SuccessfulExit": False}
    assert found["Comment"] == MARK


def test_a_vault_with_a_home_of_its_own_has_a_unit_of_its_own(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    names = {unit(["x"], home, environ).name for home in (None, "/a", "/b")}
    assert len(names) == 3
    assert unit(["x"], None, environ).path == tmp_path / ".config/systemd/user/vaultd.service"
    elsewhere = unit(["x"], None, {"HOME": "/h", "XDG_CONFIG_HOME": "/c"})
    assert elsewhere.path == Path("/c/systemd/user/vaultd.service")
    assert unit(["x"], None, {"HOME": "/h", "XDG_CONFIG_HOME": "relative"}).path.is_relative_to("/h")


def test_on_macos_it_is_an_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaultd.daemon.unit.sys.platform", "darwin")
    made = unit(["x"], None, {"HOME": "/Users/a"})
    assert made.path == Path("/Users/a/Library/LaunchAgents/vaultd.daemon.plist")
    assert plistlib.loads(made.text)["Label"] == "vaultd.daemon"


def test_only_what_was_written_here_is_replaced_or_removed(tmp_path: Path) -> None:
    made = Unit("x.service", tmp_path / "deep" / "x.service", service(["/bin/true"]))
    assert not uninstall(made)
    assert install(made)
    assert not install(made)
    newer = Unit(made.name, made.path, service(["/bin/false"]))
    assert install(newer)
    assert made.path.read_bytes() == newer.text
    assert uninstall(made)
    made.path.write_text("[Service]\nExecStart=/usr/bin/mine\n")
    for change in (install, uninstall):
        with pytest.raises(NotOurs):
            change(made)
    assert "mine" in made.path.read_text()


def test_a_word_is_quoted_for_systemd() -> None:
    assert quoted('a"b\\c%d$e\udcff') == '"a\\"b\\\\c%%d$$e\\xff"'
