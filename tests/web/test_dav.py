"""Old states over WebDAV, asked for by real clients: rclone, and curl's ways by http.client."""

import base64
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.damage import flip
from tests.jobs.vaults import Computer, new_vault
from tests.mount.conftest import fill
from tests.mount.mounts import command
from tests.waiting import until


class Client:
    """One that rclone speaks for."""

    def __init__(self, words: dict[str, str]) -> None:
        self.url, self.user, self.password = words["url"], words["user"], words["password"]

    def rclone(self, *words: str | Path) -> "subprocess.CompletedProcess[bytes]":
        program = str(Path(sys.executable).with_name("rclone"))
        # By its standard input: a password that begins with a dash would be taken for an option.
        hidden = subprocess.run(
            [program, "obscure", "-"], input=self.password.encode(), capture_output=True, check=True
        ).stdout
        environment = {
            **os.environ,
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_WEBDAV_URL": self.url,
            "RCLONE_WEBDAV_USER": self.user,
            "RCLONE_WEBDAV_PASS": hidden.decode().strip(),
        }
        return subprocess.run(
            [program, *map(str, words)], env=environment, capture_output=True, check=False, timeout=60
        )

    def ask(self, method: str, path: str, password: str = "", **headers: str) -> tuple[int, bytes]:
        """The answer, and its body as far as it came."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        known = base64.b64encode(f"{self.user}:{password or self.password}".encode()).decode()
        with contextlib.closing(connection):
            connection.request(method, quote(path), headers={"Authorization": f"Basic {known}", **headers})
            answer = connection.getresponse()
            try:
                return answer.status, answer.read()
            except http.client.IncompleteRead as cut:
                return answer.status, cut.partial


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    made = new_vault(tmp_path)
    fill(tmp_path / "photos")
    made.add(tmp_path / "photos", "photos")
    made.save("photos")
    return made


@pytest.fixture
def client(computer: Computer) -> Iterator[Client]:
    line, environment = command(computer, "serve-webdav", "--json")
    with subprocess.Popen(
        line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield Client(json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        assert (process.returncode, said) == (0, "")


def test_rclone_copies_a_whole_tree(client: Client, tmp_path: Path) -> None:
    done = client.rclone("copy", ":webdav:photos/latest", tmp_path / "copied")
    assert done.returncode == 0, done.stderr
    photos = tmp_path / "photos"
    for path in ("note.txt", "2019/夏天/IMG_1.jpg", "2019/empty", "sparse"):
        assert (tmp_path / "copied" / path).read_bytes() == (photos / path).read_bytes(), path
    assert (tmp_path / "copied" / "link").read_text() == "2019/夏天"
    assert (tmp_path / "copied" / r"\xff\xfe name").read_bytes() == b"not UTF-8"
    assert not (tmp_path / "copied" / "fifo").exists()
    found = (tmp_path / "copied" / "note.txt").stat().st_mtime
    assert abs(found - (photos / "note.txt").stat().st_mtime) < 1


def test_every_way_to_look_at_the_past(client: Client, computer: Computer, tmp_path: Path) -> None:
    listed = client.rclone("lsf", ":webdav:photos").stdout.decode().split()
    assert sorted(listed) == ["at/", "by-id/", "deleted/", "latest/", "versions/"]
    (tmp_path / "photos" / "note.txt").write_text("second\n")
    (tmp_path / "photos" / "sparse").unlink()
    computer.save("photos")
    assert until(lambda: client.rclone("cat", ":webdav:photos/latest/note.txt").stdout == b"second\n")
    assert client.rclone("lsf", ":webdav:photos/deleted").stdout.decode().split() == ["sparse"]
    assert len(client.rclone("lsf", ":webdav:photos/versions/note.txt").stdout.split()) == 2


def test_a_part_of_a_file(client: Client, tmp_path: Path) -> None:
    whole = (tmp_path / "photos" / "2019" / "夏天" / "IMG_1.jpg").read_bytes()
    answer = client.ask("GET", "/photos/latest/2019/夏天/IMG_1.jpg", Range="bytes=1000000-1000099")
    assert answer == (206, whole[1_000_000:1_000_100])


def test_nobody_without_the_password_sees_anything(client: Client) -> None:
    assert client.ask("GET", "/photos/latest/note.txt") == (200, b"first\n")
    status, body = client.ask("GET", "/photos/latest/note.txt", password="guessed")
    assert (status, b"first" in body) == (401, False)
    assert urlsplit(client.url).hostname == "127.0.0.1"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "MKCOL", "PROPPATCH", "LOCK", "MOVE", "COPY"])
def test_nothing_can_be_written(client: Client, method: str) -> None:
    headers = {"Destination": f"{client.url}photos/latest/other"} if method in ("MOVE", "COPY") else {}
    assert client.ask(method, "/photos/latest/note.txt", **headers)[0] >= 400
    assert client.ask("GET", "/photos/latest/note.txt") == (200, b"first\n")


def test_what_is_not_there(client: Client) -> None:
    assert client.ask("GET", "/photos/latest/never")[0] == 404
    assert client.ask("GET", "/photos/latest/../../../etc/passwd")[0] in (400, 403, 404)


def test_what_cannot_be_read_is_never_given_as_if_it_could(
    computer: Computer, client: Client, tmp_path: Path
) -> None:
    assert client.ask("PROPFIND", "/photos/latest/2019/夏天", Depth="1")[0] == 207
    for pack in computer.copy.glob("packs/*/*"):
        for at in range(100, pack.stat().st_size, 10_000):
            flip(pack, at)
    status, body = client.ask("GET", "/photos/latest/2019/夏天/IMG_1.jpg")
    assert status >= 500 or len(body) < 3_000_000
    assert (tmp_path / "photos" / "2019" / "夏天" / "IMG_1.jpg").read_bytes().startswith(
        body
    ) or status >= 500
    assert client.ask("PROPFIND", "/", Depth="1")[0] == 207
