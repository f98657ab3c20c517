"""What a command costs is counted with all that it starts, and nothing of whoever measures."""

import sys
from pathlib import Path

import pytest

from bench.measure import Command, Failed, measure

MIB = 1 << 20


def python(code: str) -> Command:
    return Command((sys.executable, "-I", "-S", "-c", code))


def test_a_child_of_a_child_is_counted() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    cost = measure(python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"))
    assert cost.user + cost.system >= 0.29
    assert cost.wall >= 0.29


def test_waiting_costs_wall_and_no_processor() -> None:
    cost = measure(python("import time; time.sleep(0.4)"))
    assert cost.wall >= 0.4
    assert cost.user + cost.system < 0.3


def test_the_peak_is_that_of_the_command_and_not_of_who_measures() -> None:
    held = bytearray(200 * MIB)
    held[:: 1 << 12] = b"\1" * len(held[:: 1 << 12])
    assert measure(python("pass")).peak < 60 * MIB
    assert measure(python(f"x = b'1' * {100 * MIB}")).peak > 100 * MIB
    assert len(held) == 200 * MIB


def test_a_command_that_fails_is_not_measured() -> None:
    with pytest.raises(Failed, match="ended with 3\nit broke"):
        measure(python("import sys; sys.stderr.write('it broke'); sys.exit(3)"))


def test_a_command_that_is_not_there_fails() -> None:
    with pytest.raises(Failed):
        measure(Command(("no-such-program-anywhere",)))


def test_a_command_runs_in_its_folder_with_a_bare_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTIC_COMPRESSION", "max")
    code = "import os; open('seen', 'w').write(repr(sorted(os.environ)))"
    measure(Command((sys.executable, "-I", "-S", "-c", code), {"OWN": "1"}, tmp_path))
    seen = (tmp_path / "seen").read_text()
    assert "OWN" in seen
    assert "RESTIC_COMPRESSION" not in seen
