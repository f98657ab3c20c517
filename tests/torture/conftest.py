"""Fixtures of the sweeps, and their counts at the end of a run."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture.sweep import Extent
from tests.torture.vault import scratch_folder


@pytest.fixture(params=["slice", pytest.param("whole", marks=pytest.mark.torture)])
def extent(request: pytest.FixtureRequest, seconds: int, rng: random.Random) -> Extent:
    def note(text: str) -> None:
        request.node.user_properties.append(("swept", text))

    return Extent(request.param == "whole", seconds, rng, note)


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder in memory, where there is one: what is on trial is our order of calls, not a disk."""
    with scratch_folder() as folder:
        yield folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    lines = [
        f"{report.nodeid.rpartition('/')[2]}: {text} ({report.outcome}, {report.duration:.0f} s)"
        for report in reports
        if report.when == "call"
        for key, text in report.user_properties
        if key == "swept"
    ]
    if lines:
        terminalreporter.section("what was swept")
        for line in sorted(lines):
            terminalreporter.write_line(line)
