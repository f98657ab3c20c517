"""How a mount begins and ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.jobs.vaults import Computer
from tests.mount.mounts import ROOT, Mounted, command, is_mounted, mounted, vaultd
from tests.waiting import until


def left(computer: Computer) -> list[str]:
    """Processes that serve a mount of this home."""
    needle = str(computer.home.config).encode()
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            words, environment = (each / "cmdline").read_bytes(), (each / "environ").read_bytes()
        except OSError:
            continue
        if b"vaultd_cli\0mount" in words and needle in environment:
            found.append(each.name)
    return found


def kill_with_helper(shown: Mounted) -> None:
    """fusermount3 waits for the end of the process, to clear what it leaves."""
    found = subprocess.run(["pgrep", "-f", f"fusermount3.*{shown.path}"], stdout=subprocess.PIPE, check=False)
    for pid in found.stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    shown.process.kill()
    shown.process.communicate()


def test_it_goes_on_behind_the_command_until_umount(computer: Computer, tmp_path: Path) -> None:
    past = tmp_path / "past"
    done = vaultd(computer, "mount", past)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"The past is at “{past}”.")
    assert (past / "photos" / "latest" / "note.txt").read_text() == "first\n"
    ended = vaultd(computer, "umount", past)
    assert (ended.returncode, ended.stdout) == (0, f"Nothing is mounted at “{past}” any more.\n")
    assert not is_mounted(past)
    assert until(lambda: not left(computer))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_well(computer: Computer, tmp_path: Path, number: signal.Signals) -> None:
    with mounted(computer, tmp_path / "past") as shown:
        shown.process.send_signal(number)
        assert "Traceback" not in shown.ends()
        assert not is_mounted(tmp_path / "past")


def test_it_is_taken_away_where_it_is_by_now(computer: Computer, tmp_path: Path) -> None:
    """A folder above it has another name."""
    (tmp_path / "above").mkdir()
    with mounted(computer, tmp_path / "above" / "past") as shown:
        (tmp_path / "above").rename(tmp_path / "renamed")
        assert (tmp_path / "renamed" / "past" / "photos").is_dir()
        shown.process.send_signal(signal.SIGTERM)
        assert shown.ends() == ""
        assert not is_mounted(tmp_path / "renamed" / "past")


def test_one_that_is_read_ends_at_once(computer: Computer, tmp_path: Path) -> None:
    with mounted(computer, tmp_path / "past") as shown, shown.at("photos", "latest", "note.txt").open():
        shown.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        shown.ends()
        assert time.monotonic() - began < 5
        assert not is_mounted(tmp_path / "past")


def test_fusermount_ends_it_well(computer: Computer, tmp_path: Path) -> None:
    with mounted(computer, tmp_path / "past") as shown:
        subprocess.run(["fusermount3", "-u", shown.path], check=True)
        assert shown.ends() == ""


def test_what_a_killed_one_left_is_cleared_by_the_next(computer: Computer, tmp_path: Path) -> None:
    """auto_unmount clears it at once; so its helper is killed as well."""
    past = tmp_path / "past"
    with mounted(computer, past) as shown:
        kill_with_helper(shown)
        assert is_mounted(past)
        with pytest.raises(OSError, match="Transport endpoint"):
            past.stat()
        done = vaultd(computer, "mount", past)
        assert done.returncode == 0, done.stderr
        assert "what is left of a mount whose process was killed" in done.stderr
        assert (past / "photos").is_dir()
        assert vaultd(computer, "umount", past).returncode == 0


def test_what_a_killed_one_left_is_cleared_by_umount(computer: Computer, tmp_path: Path) -> None:
    past = tmp_path / "past"
    with mounted(computer, past) as shown:
        kill_with_helper(shown)
        assert vaultd(computer, "umount", past).returncode == 0
        assert past.is_dir()


def test_a_killed_one_is_gone_at_once(computer: Computer, tmp_path: Path) -> None:
    with mounted(computer, tmp_path / "past") as shown:
        shown.process.kill()
        shown.process.communicate()
        assert until(lambda: not is_mounted(shown.path))


def test_it_is_not_mounted_where_it_would_harm(computer: Computer, tmp_path: Path) -> None:
    full, file = tmp_path / "full", tmp_path / "file"
    full.mkdir()
    (full / "a").touch()
    file.touch()
    empty = tmp_path / "photos" / "2019" / "nothing"
    empty.mkdir()
    for path, why in (
        (full, "not empty"),
        (file, "not a folder"),
        (tmp_path / "no" / "where", "no such folder"),
        (computer.copy / "inside", "belongs to the vault"),
        (computer.home.state / "inside", "belongs to the vault"),
    ):
        done = vaultd(computer, "mount", path)
        assert (done.returncode, why in done.stderr) == (1, True), done.stderr
        assert not is_mounted(path)
    assert not (computer.copy / "inside").exists()


def test_it_is_not_mounted_over_a_source_and_is_below_one(computer: Computer, tmp_path: Path) -> None:
    empty = tmp_path / "albums"
    empty.mkdir()
    computer.add(empty, "albums")
    done = vaultd(computer, "mount", empty)
    assert (done.returncode, "saved again" in done.stderr) == (1, True), done.stderr
    with mounted(computer, tmp_path / "photos" / "past") as shown:
        assert shown.at("photos", "latest").is_dir()
        (tmp_path / "photos" / "new").write_text("new")
        computer.save("photos")
    with computer.view("photos") as view:
        assert view.lookup(b"new").size == 3
        assert next(iter(view.walk(b"past")), None) is None


def test_umount_says_what_it_cannot_do(computer: Computer, tmp_path: Path) -> None:
    done = vaultd(computer, "umount", tmp_path)
    assert (done.returncode, "no past is mounted there" in done.stderr) == (1, True)
    with mounted(computer, tmp_path / "past") as shown:
        with (shown.path / "photos" / "latest" / "note.txt").open():
            done = vaultd(computer, "umount", shown.path)
            assert (done.returncode, "a program uses it" in done.stderr) == (1, True), done.stderr
        assert vaultd(computer, "umount", shown.path).returncode == 0


def test_a_passphrase_that_is_wrong_mounts_nothing(computer: Computer, tmp_path: Path) -> None:
    computer.home.device_key_file.unlink()
    wrong = tmp_path / "wrong"
    wrong.write_text("not this one")
    wrong.chmod(0o600)
    done = vaultd(computer, "mount", tmp_path / "past", "--passphrase-file", wrong)
    assert done.returncode == 12
    assert not (tmp_path / "past").exists()  # the folder that was made for it
    assert left(computer) == []


def test_json_says_where(computer: Computer, tmp_path: Path) -> None:
    done = vaultd(computer, "mount", tmp_path / "past", "--json")
    try:
        assert json.loads(done.stdout) == {"path": str(tmp_path / "past"), "mounted": True}
    finally:
        ended = vaultd(computer, "umount", tmp_path / "past", "--json")
    assert json.loads(ended.stdout) == {"path": str(tmp_path / "past"), "mounted": False}


def test_others_see_it_only_where_asked_and_modes_let_them(computer: Computer, tmp_path: Path) -> None:
    if os.getuid():
        pytest.skip("only root can become somebody else")
    tmp_path.chmod(0o755)
    above = tmp_path.parent
    while above != Path("/") and above.stat().st_uid == 0 and str(above).startswith("/tmp/"):
        above.chmod(0o755)
        above = above.parent

    def as_nobody(*words: str | Path) -> int:
        line = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *map(str, words)]
        return subprocess.run(line, capture_output=True, check=False).returncode

    with mounted(computer, tmp_path / "past") as shown:
        assert as_nobody("ls", shown.path) != 0
    with mounted(computer, tmp_path / "past", "--allow-other") as shown:
        latest = shown.at("photos", "latest")
        assert as_nobody("ls", latest) == 0
        assert as_nobody("cat", latest / "sparse") == 0
        assert as_nobody("cat", latest / "note.txt") != 0  # 0640
        assert as_nobody("ls", latest / "2019") != 0  # 0750


def test_without_fuse_it_says_so(computer: Computer, tmp_path: Path) -> None:
    """A process that sees no /dev/fuse, as in a container."""
    if os.getuid():
        pytest.skip("only root can hide a device")
    line, environment = command(computer, "mount", tmp_path / "past")
    script = (
        'mkdir "$0" && mount -t tmpfs none "$0" && for d in null urandom tty; do cp -a /dev/$d "$0"; done'
    )
    script += ' && mount --move "$0" /dev && exec "$@"'
    hidden = ["unshare", "--mount", "sh", "-c", script, str(tmp_path / "dev"), *line]
    done = subprocess.run(hidden, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "it has no /dev/fuse" in done.stderr
    assert "nothing is missing from the vault" in done.stderr


@pytest.fixture(scope="module")
def fusepy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import it from, where mfusepy cannot be imported. Set-up has it not: it has no wheel."""
    folder = tmp_path_factory.mktemp("fusepy")
    install = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), "fusepy==3.0.1"]
    done = subprocess.run(install, capture_output=True, text=True, check=False, timeout=200)
    if done.returncode:
        pytest.skip(f"fusepy cannot be installed here: {done.stderr.strip()[-200:]}")
    (folder / "mfusepy.py").write_text("raise ImportError")
    return folder


def test_fusepy_does_where_there_is_nothing_else(computer: Computer, tmp_path: Path, fusepy: Path) -> None:
    path = f"{fusepy}:{ROOT}:{ROOT / 'cli'}"
    _all_is_seen(computer, tmp_path, PYTHONPATH=path, FUSE_LIBRARY_PATH="libfuse.so.2")


@pytest.mark.parametrize("library", ["libfuse.so.2", "libfuse3.so.3"])
def test_both_libraries_do(computer: Computer, tmp_path: Path, library: str) -> None:
    _all_is_seen(computer, tmp_path, FUSE_LIBRARY_PATH=library)


def _all_is_seen(computer: Computer, tmp_path: Path, **environment: str) -> None:
    with mounted(computer, tmp_path / "过去", **environment) as shown:
        latest = shown.at("photos", "latest")
        assert (latest / "note.txt").read_text() == "first\n"
        assert sorted(os.listdir(latest)) == sorted(os.listdir(tmp_path / "photos"))
        assert (latest / os.fsdecode(b"\xff\xfe name")).read_bytes() == b"not UTF-8"
        assert os.readlink(latest / "link") == "2019/夏天"
        assert os.listxattr(latest / "note.txt") == ["user.camera"]
        photo = Path("2019") / "夏天" / "IMG_1.jpg"
        assert (latest / photo).read_bytes() == (tmp_path / "photos" / photo).read_bytes()
        assert os.getxattr(latest / "note.txt", "user.camera") == b"Canon\x00\xff"
        (tmp_path / "photos" / "later").write_text("later")
        computer.save("photos")
        assert until((latest / "later").exists)
        time.sleep(0.1)
        shown.process.send_signal(signal.SIGTERM)
        shown.ends()
