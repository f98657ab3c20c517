"""The numbers for Prometheus, read back as its text format is defined."""

import re
from pathlib import Path

from vaultd_cli.metrics import MEANINGS

from tests.cli.test_space import fills
from tests.cli.worlds import make

SAMPLE = re.compile(r'([a-z_]+)(?:\{([a-z]+)="((?:[^"\\\n]|\\["\\n])*)"\})? (\S+)')


def samples(text: str) -> dict[tuple[str, str], float]:
    """By name and label; each has a type and a meaning before it, and stands there once."""
    found: dict[tuple[str, str], float] = {}
    described: set[str] = set()
    for line in text.splitlines():
        if line.startswith("#"):
            described.add(line.split()[2])
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        assert match[1] in described
        key = (match[1], match[3] or "")
        assert key not in found
        found[key] = float(match[4])
    return found


def test_they_say_what_status_says(tmp_path: Path) -> None:
    world = make(tmp_path, {"a": b"1", "b": b"2"}, 'pho"to\\s')
    shown = world.vaultd("status", "--metrics")
    found = samples(shown.stdout)
    assert found["vaultd_snapshots", ""] == 1
    assert found["vaultd_daemon_running", ""] == 0
    assert found["vaultd_as_safe_as_asked", ""] == (shown.returncode == 0)
    name = 'pho\\"to\\\\s'
    assert found["vaultd_source_complete", name] == 1
    assert 0 <= found["vaultd_source_age_seconds", name] < 600
    assert found["vaultd_source_level", name] == 2
    assert found["vaultd_copy_reachable", "main"] == 1
    assert found["vaultd_copy_free_bytes", "main"] > 0
    (tmp_path / "vault").rename(tmp_path / "away")
    found = samples(world.vaultd("status", "--metrics").stdout)
    assert found["vaultd_copy_reachable", "main"] == 0
    assert ("vaultd_copy_behind_files", "main") not in found
    assert found["vaultd_as_safe_as_asked", ""] == 0


def test_every_number_has_its_meaning(tmp_path: Path) -> None:
    world = make(tmp_path, {"a": b"1"}, "photos")
    assert world.vaultd("drill").returncode == 0
    assert world.vaultd("check", "--read-data").returncode == 0
    fills(world)
    assert world.vaultd("daemon", "start").returncode == 0
    try:
        named = {name for name, _ in samples(world.vaultd("status", "--metrics").stdout)}
    finally:
        world.vaultd("daemon", "stop")
    assert named == set(MEANINGS)
