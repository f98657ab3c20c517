"""A restore that is stopped goes on from there; one that leaves much undone names the first of it."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.runner import environment
from tests.cli.worlds import World, make

FILES = 1500  # enough that a restore is caught in the middle


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> World:
    files = {f"{number // 100}/{number}": b"%d" % number * 2000 for number in range(FILES)}
    return make(tmp_path_factory.mktemp("many"), files)


def caught(number: int, many: World, folder: Path) -> tuple[Path, int, str]:
    """A restore that got a signal in its middle: its target, exit code and errors. One that had everything by
    the time that the signal was sent is no such restore, and is tried again.
    """
    known = environment(many.work) | {"VAULTD_HOME": str(many.work / "home")}
    for attempt in range(20):
        out = folder / f"out{attempt}"
        words = ["vaultd", "restore", "latest", "--target", str(out)]
        with subprocess.Popen(
            words, env=known, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as running:
            while not (out / "1").exists() and running.poll() is None:
                time.sleep(0.001)
            running.send_signal(number)
            _, err = running.communicate(timeout=60)
        if running.returncode or err:
            return out, running.returncode, err
    raise AssertionError("every restore was done before the signal came")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_restore_leaves_whole_files_and_goes_on(number: int, many: World, tmp_path: Path) -> None:
    out, code, err = caught(number, many, tmp_path)
    assert code == 130
    assert err == (
        f"Stopped before everything was restored to “{out}”.\n"
        "What is there is whole; the same command goes on from there.\n"
    )
    there = [path for path in out.rglob("*") if path.is_file()]
    assert 0 < len(there) < FILES
    assert all(path.read_bytes() == path.name.encode() * 2000 for path in there)
    again = many.vaultd("restore", "latest", "--target", str(out), "--json")
    told = json.loads(again.stdout)
    assert (again.returncode, told["already"]) == (0, len(there))
    assert told["files"] == FILES - len(there)


def test_of_many_the_first_are_named_and_the_rest_counted(many: World, tmp_path: Path) -> None:
    out = tmp_path / "out" / "0"
    out.mkdir(parents=True)
    for number in range(30):
        (out / str(number)).write_text("mine")
    words = ("restore", "latest", "--target", str(tmp_path / "out"), "--include", "/0/")
    few = many.vaultd(*words)
    assert few.returncode == 3
    assert few.stderr.count("  “0/") == 20
    assert few.stderr.endswith("And 10 more; -v lists them.\n")
    assert many.vaultd(*words, "-v").stderr.count("  “0/") == 30
    assert len(json.loads(many.vaultd(*words, "--json").stdout)["left_alone_paths"]) == 30
