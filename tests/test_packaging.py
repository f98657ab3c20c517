"""What somebody gets who installs the wheel, and what the lock and the scripts promise."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
TEXTS = {
    "vaultd/texts/FORMAT.md": "docs/format.md",
    "vaultd/texts/recover.py": "docs/recover.py",
    "vaultd/texts/verify.py": "docs/verify.py",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built by the backend that the lock pins, without any download."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = target.glob("*.whl")
    return zipfile.ZipFile(built)


def metadata(wheel: zipfile.ZipFile, file: str) -> str:
    (name,) = (name for name in wheel.namelist() if name.endswith(f".dist-info/{file}"))
    return wheel.read(name).decode()


def test_only_our_two_packages_reach_site_packages(wheel: zipfile.ZipFile) -> None:
    top = {name.partition("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"vaultd", "vaultd_cli"}


def test_every_module_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    roots = {REPOSITORY: "vaultd", REPOSITORY / "cli": "vaultd_cli"}
    here = {
        str(path.relative_to(root))
        for root, package in roots.items()
        for path in (root / package).rglob("*.py")
    }
    assert here == {name for name in wheel.namelist() if name.endswith(".py")}


def test_the_texts_are_there_whole_and_not_as_links(wheel: zipfile.ZipFile) -> None:
    for name, original in TEXTS.items():
        assert wheel.read(name) == (REPOSITORY / original).read_bytes()
        assert len(wheel.read(name)) > 1000


def test_licence_and_command(wheel: zipfile.ZipFile) -> None:
    assert metadata(wheel, "licenses/LICENSE") == (REPOSITORY / "LICENSE").read_text()
    assert "vaultd = vaultd_cli.main:main" in metadata(wheel, "entry_points.txt")


def names_required(requirements: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9_.-]+", line) for line in requirements)
    return {match[0].lower() for match in found if match}


def test_lock_pins_everything_by_hash() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    optional = project["project"]["optional-dependencies"]
    extras = optional["sftp"] + optional["cloud"]
    wanted = names_required(project["project"]["dependencies"] + project["dependency-groups"]["dev"] + extras)
    entries = re.split(r"\n(?=\S)", (REPOSITORY / "requirements.lock").read_text().strip())
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert wanted - names_required(entries) == set()


def run_corpus(cache: Path, path: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"VAULTD_CORPUS": str(cache), "PATH": path}
    command = [str(REPOSITORY / "scripts" / "corpus")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def pretend(folder: Path, program: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / program).write_text(f"#!/bin/sh\n{script}\n")
    (folder / program).chmod(0o755)


@pytest.mark.parametrize(
    ("apt_get", "reason"),
    [
        ("exit 100", "does not give krank"),
        ('[ "$2" = download ] && echo other >"${3%%=*}_1_all.deb"', "is another file"),
    ],
)
def test_corpus_that_cannot_be_had_is_one_sentence(tmp_path: Path, apt_get: str, reason: str) -> None:
    pretend(tmp_path / "bin", "apt-get", apt_get)
    pretend(tmp_path / "bin", "dpkg-deb", "echo unpacked what it must not >&2; exit 1")
    done = run_corpus(tmp_path / "cache", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert reason in done.stderr
    assert list((tmp_path / "cache").iterdir()) == []
