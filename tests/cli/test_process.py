"""The program as a process: signals, streams, memory, and how fast it starts."""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.cli.runner import environment

NOBODY = 65534
# A command that works until it is stopped, put in the place of a real one.
WORKING = """
import sys, time
from vaultd_cli import main, verbs
from vaultd_cli.command import command
@command("status")
def status(run):
    print("at work", flush=True)
    {work}
sys.modules["working"] = sys.modules["__main__"]
verbs.VERBS["status"] = "working:status"
sys.argv = ["vaultd", *sys.argv[1:]]
main.main()
"""


def start(work: str, tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    program = [sys.executable, "-c", WORKING.format(work=work), *words]
    return subprocess.Popen(
        program,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [2, 15, 1], ids=["INT", "TERM", "HUP"])
def test_a_signal_ends_with_a_sentence(number: int, tmp_path: Path) -> None:
    with start("time.sleep(60)", tmp_path, "status") as vaultd:
        assert vaultd.stdout is not None
        assert vaultd.stdout.readline() == "at work\n"
        os.kill(vaultd.pid, number)
        _, err = vaultd.communicate(timeout=30)
    assert vaultd.returncode == 130
    assert err.startswith("Stopped before it was done.\n")
    # Nothing was being saved, so nothing is said of what became of it.
    assert err.splitlines()[1:] == ["Run the command again to have all of it."]


@pytest.mark.parametrize(
    ("words", "shown"), [([], "(ZeroDivisionError)"), (["-v"], "Traceback"), (["--json"], '"exit_code": 1}')]
)
def test_what_should_not_happen_is_one_sentence(words: list[str], shown: str, tmp_path: Path) -> None:
    with start("1 / 0", tmp_path, "status", *words) as vaultd:
        _, err = vaultd.communicate(timeout=30)
    assert vaultd.returncode == 1
    assert shown in err
    assert ("Traceback" in err) == (words == ["-v"])


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        ("open('/nowhere/照片')", "“/nowhere/照片” is not there."),
        (
            "raise OSError(5, 'Input/output error', b'/a\\x1b')",
            "The disk of “/a\\x1b” failed to read or write.",
        ),
        ("raise OSError('odd')", "The system reports an error: OSError."),
        ("raise MemoryError", "There is not enough memory."),
    ],
)
def test_what_the_system_says_is_a_sentence(work: str, sentence: str, tmp_path: Path) -> None:
    with start(work, tmp_path, "status") as vaultd:
        _, err = vaultd.communicate(timeout=30)
    assert vaultd.returncode == 1
    assert err.splitlines()[0] == sentence


def test_global_options_stand_before_or_after_the_verb(tmp_path: Path) -> None:
    work = "print(run.json, run.verbosity, run.home.config, run.passphrase_file)"
    for words in (["--json", "-vv", "--home", "/x", "status"], ["status", "--json", "-vv", "--home", "/x"]):
        with start(work, tmp_path, *words, "--passphrase-file", "p") as vaultd:
            out, _ = vaultd.communicate(timeout=30)
        assert out.splitlines()[1] == "True 2 /x p"


@pytest.mark.parametrize(("code", "expected"), [("return 3", 3), ("return None", 0)])
def test_a_command_returns_its_exit_code(code: str, expected: int, tmp_path: Path) -> None:
    with start(code, tmp_path, "status") as vaultd:
        vaultd.communicate(timeout=30)
    assert vaultd.returncode == expected


HARDENED = """
import os, ctypes, resource
from vaultd.hardening import keep_memory_private
if os.getuid() == 0:
    os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
keep_memory_private()
folder = os.open({folder!r}, os.O_RDONLY)
assert os.listdir("/proc/self/fd") and os.readlink(f"/proc/self/fd/{{folder}}")
os.close(os.open(f"/proc/self/fd/{{folder}}/made", os.O_CREAT | os.O_WRONLY))
assert open("/proc/self/mountinfo").read()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_memory_is_private_and_our_own_descriptors_still_work() -> None:
    """As an ordinary user, to whom the kernel closes much of /proc/self once a process is not dumpable."""
    # Not in tmp_path, whose parents are closed to other users.
    with tempfile.TemporaryDirectory(prefix="vaultd-shared-") as folder:
        os.chmod(folder, 0o777)
        program = [sys.executable, "-c", HARDENED.format(nobody=NOBODY, folder=folder)]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("0 (0, 0)\n", "")
        assert os.listdir(folder) == ["made"]


def assert_costs(words: list[str], known: dict[str, str], seconds: float) -> None:
    """Some run of several takes less of the processor: whatever else runs here can only add to it."""
    times: list[float] = []
    while len(times) < 40 and min(times, default=seconds) >= seconds:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(words, env=known, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < seconds


def test_help_starts_fast(tmp_path: Path) -> None:
    assert_costs(["vaultd", "--help"], environment(tmp_path), 0.15)


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from vaultd_cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    )
    program = [sys.executable, "-c", code]
    done = subprocess.run(program, env=environment(tmp_path), check=True, capture_output=True, text=True)
    loaded = set(done.stderr.split())
    heavy = {"cryptography", "blake3", "zstandard", "pyfastcdc", "msgspec", "sqlite3", "json", "ctypes"}
    heavy |= {"vaultd.errors", "vaultd.settings", "tomllib", "watchdog", "mfusepy", "subprocess"}
    assert loaded & heavy == set()
    assert "vaultd_cli.catalogue.en" in loaded
    assert "vaultd_cli.catalogue.zh" not in loaded


def test_cycles_are_looked_for_seldom(tmp_path: Path) -> None:
    """It cost a tenth of a snapshot, which makes millions of things and no cycle."""
    work = "import gc; kept = [[] for _ in range(200_000)]; print(gc.get_stats()[0]['collections'] < 100)"
    process = start(work, tmp_path, "status")
    assert process.communicate(timeout=60)[0].splitlines()[:2] == ["at work", "True"]
