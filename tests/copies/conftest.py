from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.copies.places import PLACES, Directory, Place, Sftp
from tests.copies.sshd import Sshd


@pytest.fixture(params=PLACES, ids=lambda place: place.__name__.lower())
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made: Place = request.param(tmp_path)
    yield made
    made.copy.close()


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


@pytest.fixture
def nas(server: Sshd, tmp_path: Path) -> Iterator[Sftp]:
    made = Sftp(tmp_path, server)
    yield made
    made.copy.close()
