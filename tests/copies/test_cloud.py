"""What the owner says of an object store is understood or refused, and no key is ever shown."""

import sys
import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest

from vaultd.copies.bucket import Address, Keys
from vaultd.copies.cloud import address_of, keys_of
from vaultd.errors import BadStoreKeys, BadUrl, NeedsStoreKeys

URL = "s3://photos/home/vault"


def test_a_place_is_read_from_its_url() -> None:
    assert address_of(URL, {}, {}) == Address("photos", "home/vault", "", "us-east-1", path_style=False)
    assert address_of("s3://photos", {}, {}).prefix == address_of("s3://photos/", {}, {}).prefix == ""
    full = f"{URL}?endpoint=https://nas:9000/&region=eu-1"
    assert address_of(full, {}, {}) == Address(
        "photos", "home/vault", "https://nas:9000", "eu-1", path_style=True
    )
    assert not address_of(f"{full}&style=virtual", {}, {}).path_style
    assert address_of(full, {"region": "cn-north-1"}, {}).region == "cn-north-1"


def test_the_environment_says_what_the_url_does_not() -> None:
    environ = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000", "AWS_REGION": "garage"}
    assert address_of(URL, {}, environ) == Address("photos", "home/vault", "http://127.0.0.1:9000", "garage")
    assert address_of(f"{URL}?region=eu-1", {}, environ).region == "eu-1"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "s3://",
            "s3:///vault",
            "s3://Photos/x",
            "s3://a/x",
            "s3://key:secret@photos/x",
            "s3://photos:9000/x",
        ),
        *(
            "s3://photos/a//b",
            "s3://photos/../b",
            "s3://photos/a%0ab",
            "s3://photos/x#y",
            "s3://photos/x?y=1",
        ),
        *(f"{URL}?endpoint=nas:9000", f"{URL}?endpoint=ftp://nas", f"{URL}?region=a&region=b"),
        f"{URL}?style=odd",
    ],
)
def test_a_url_of_another_shape_is_refused(url: str) -> None:
    with pytest.raises(BadUrl) as caught:
        address_of(url, {}, {})
    assert caught.value.problem == "shape"


def key_file(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


SECTION = "aws_access_key_id = fromfile\naws_secret_access_key = s/e+c=r%et\n"


def test_keys_are_found_in_the_environment_then_the_file(tmp_path: Path) -> None:
    file = key_file(tmp_path / "keys", f"[other]\nx=1\n[default]\n{SECTION}")
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"}
    assert keys_of(f"{URL}?keys={file}", {}, environ) == Keys("a", "b", "c")
    assert keys_of(f"{URL}?keys={file}", {}, {}) == Keys("fromfile", "s/e+c=r%et")
    only = key_file(tmp_path / "only", f"[nas]\n{SECTION}aws_session_token = t\n")
    assert keys_of(URL, {"keys": str(only)}, {}) == Keys("fromfile", "s/e+c=r%et", "t")
    assert "fromfile" not in repr(keys_of(URL, {"keys": str(only)}, {}))


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        (f"[default]\n{SECTION}", 0o640, "open"),
        (SECTION, 0o600, "shape"),
        (f"[default]\n{SECTION}canary without an equals sign\n", 0o600, "shape"),
        ("", 0o600, "aws_access_key_id"),
        ("[default]\naws_access_key_id = canary\n", 0o600, "aws_secret_access_key"),
    ],
)
def test_a_file_of_keys_that_cannot_be_used(tmp_path: Path, text: str, mode: int, problem: str) -> None:
    file = key_file(tmp_path / "keys", text, mode)
    with pytest.raises(BadStoreKeys) as caught:
        keys_of(URL, {"keys": str(file)}, {})
    assert (caught.value.path, caught.value.problem) == (str(file), problem)
    told = "".join(traceback.format_exception(caught.value))
    assert not any(word in told for word in ("canary", "fromfile", "s/e+c"))


def test_no_keys_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(NeedsStoreKeys):
        keys_of(URL, {}, {"AWS_ACCESS_KEY_ID": "half"})
    with pytest.raises(BadStoreKeys) as caught:
        keys_of(URL, {"keys": str(tmp_path / "none")}, {})
    assert caught.value.problem == "ENOENT"


def test_keys_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = {("vaultd", "s3://photos"): "access secret"}
    ring = SimpleNamespace(get_password=lambda *asked: stored.get(asked))
    monkeypatch.setitem(sys.modules, "keyring", ring)
    assert keys_of(URL, {}, {}) == Keys("access", "secret")
    with pytest.raises(NeedsStoreKeys):
        keys_of("s3://other/x", {}, {})

    def locked(*_: str) -> str:
        raise RuntimeError("no desktop")

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=locked))
    with pytest.raises(NeedsStoreKeys):
        keys_of(URL, {}, {})
