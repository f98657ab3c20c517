from pathlib import Path

import pytest

from tests.copies.places import PLACES, Directory, Place


@pytest.fixture(params=PLACES, ids=lambda place: place.__name__.lower())
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    made: Place = request.param(tmp_path)
    return made


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)
