"""What every test stands on: a home of its own, a clean environment, a known seed, a silent log."""

import logging
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.disks import Disk, second_disk

if TYPE_CHECKING:
    from tests.copies.sshd import Sshd

REAL_HOME = Path.home()
QUICK_SEED = 1
_PLACES_OF_A_HOME = ("", ".config", ".cache", ".local/share", ".local/state")
_settings = pytest.StashKey[dict[str, int]]()
_scratch = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
_before = pytest.StashKey[set[Path]]()


def traces_of_vaultd(home: Path) -> set[Path]:
    """Files and folders of ours in the usual places of a home; what scripts/corpus keeps is not counted."""
    found = (path for place in _PLACES_OF_A_HOME for path in (home / place).glob("*vaultd*"))
    return {path for path in found if path.name != "vaultd-corpus"}


def _is_torture(config: pytest.Config) -> bool:
    return str(config.option.markexpr) == "torture"


def _clean_environment(home: str) -> None:
    for name in list(os.environ):
        if name.startswith(("VAULTD_", "XDG_", "LC_")) or name in ("LANGUAGE", "COLUMNS", "NO_COLOR"):
            del os.environ[name]
    os.environ.update(HOME=home, LANG="C.UTF-8", GIT_CONFIG_GLOBAL=os.devnull)
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = ".cache/hypothesis"


def _keep_off_memory() -> None:
    """A copy in memory is warned of, so the folders of tests stand on a disk where there is one."""

    def is_memory(folder: str) -> bool:
        done = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False)
        return done.stdout.strip() in ("tmpfs", "ramfs")

    if is_memory(tempfile.gettempdir()) and os.access("/var/tmp", os.W_OK) and not is_memory("/var/tmp"):
        os.environ["TMPDIR"] = tempfile.tempdir = "/var/tmp"


def _choose_seed(config: pytest.Config) -> int:
    """SEED if it is set; else always the same in a quick run, and a new one in a long run."""
    fallback = time.time_ns() % 2**32 if _is_torture(config) else QUICK_SEED
    seed = int(os.environ.get("SEED") or fallback)
    os.environ["SEED"] = str(seed)  # the workers of xdist inherit it, and so does every child of a test
    return seed


def _choose_profile(config: pytest.Config, seed: int) -> None:
    quick = hypothesis.settings(max_examples=50, deadline=None, database=None, print_blob=True)
    hypothesis.settings.register_profile("quick", quick)
    hypothesis.settings.register_profile("torture", quick, max_examples=2000)
    hypothesis.settings.load_profile("torture" if _is_torture(config) else "quick")
    config.option.hypothesis_seed = str(seed)


def _let_signals_come() -> None:
    """Whoever started us in the background had these ignored, which all programs of the tests inherit."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # Before the hypothesis plugin reads its options, and before any module of ours is imported.
    config.stash[_before] = traces_of_vaultd(REAL_HOME)
    config.stash[_scratch] = tempfile.TemporaryDirectory(prefix="vaultd-home-")
    _clean_environment(config.stash[_scratch].name)
    _keep_off_memory()
    _let_signals_come()
    seed = _choose_seed(config)
    _choose_profile(config, seed)
    config.stash[_settings] = {"seed": seed, "seconds": int(os.environ.get("TIME") or 600)}


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_scratch].cleanup()


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.stash[_settings]['seed']} (SEED=number repeats another)"


def pytest_sessionfinish(session: pytest.Session) -> None:
    before = session.config.stash[_before]
    if left := traces_of_vaultd(REAL_HOME) - before:
        raise pytest.UsageError(f"a test wrote into the home of the person who runs it: {sorted(left)}")


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A warning in the log fails the test, unless the test is marked `expected_warnings`."""
    warnings = _Warnings()
    logging.getLogger().addHandler(warnings)
    try:
        result = yield
    finally:
        logging.getLogger().removeHandler(warnings)
    if warnings.lines and item.get_closest_marker("expected_warnings") is None:
        pytest.fail("the log has warnings:\n" + "\n".join(warnings.lines), pytrace=False)
    return result


@pytest.fixture(autouse=True)
def _same_world() -> Iterator[None]:
    """Umask 022 and the session's environment at the start of each test, whatever the one before did."""
    environment = dict(os.environ)
    umask = os.umask(0o022)
    yield
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty VAULTD_HOME, set in the environment."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("VAULTD_HOME", str(path))
    return path


@pytest.fixture
def server() -> Iterator["Sshd"]:
    """An SFTP host of one's own."""
    from tests.copies import sshd

    made = sshd.make()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The number that all chance in this run comes from; printed at the top of the run."""
    return pytestconfig.stash[_settings]["seed"]


@pytest.fixture(scope="session")
def seconds(pytestconfig: pytest.Config) -> int:
    """How long one long sweep may take: TIME, or 600."""
    return pytestconfig.stash[_settings]["seconds"]


@pytest.fixture
def rng(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """Chance for one test; the same for the same seed and test, in whatever order tests run."""
    return random.Random(f"{seed} {request.node.nodeid}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A second disk, which can be pulled out."""
    with second_disk(tmp_path) as disk:
        yield disk
