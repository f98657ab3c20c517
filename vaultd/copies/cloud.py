"""What the owner says of an object store: where it is, and by which keys it knows us.

The place is a URL, and everything in it may be seen by anybody:

    s3://BUCKET/PREFIX?endpoint=https://s3.example.org&region=eu-1&style=path&keys=/etc/vaultd/keys

Without `endpoint` it is AWS_ENDPOINT_URL, else Amazon's own; `style` is "path" (the bucket after the host,
what most other stores want) or "virtual" (before it, Amazon's and some others'). The same words as options
of the settings come before those of the URL.

The keys are in no URL, no argument and no vault. They are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and
AWS_SESSION_TOKEN) of the environment, else they stand in the file named by `keys`, in the form that other
programs keep theirs in, else in the desktop's keyring.
"""

import configparser
import errno
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from vaultd.copies.bucket import Address, Keys
from vaultd.errors import BadStoreKeys, BadUrl, NeedsStoreKeys

# RFC 3986 apart, what Amazon allows as the name of a bucket; others allow no more.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*")
_WORDS = ("endpoint", "region", "style", "keys")
_SERVICE = "vaultd"


def address_of(url: str, options: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Address:
    """Raises BadUrl."""
    said = _said(url, options)
    parts = urlsplit(url)
    bucket, prefix = parts.netloc, unquote(parts.path).strip("/")
    endpoint = said.get("endpoint") or _first(environ, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    style = said.get("style") or ("path" if endpoint else "virtual")
    sound = _BUCKET.fullmatch(bucket) and (not prefix or _PREFIX.fullmatch(prefix)) and not parts.fragment
    if not sound or ".." in prefix.split("/") or style not in ("path", "virtual"):
        raise BadUrl(url, "shape")
    if endpoint and (urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).hostname):
        raise BadUrl(url, "shape")
    region = said.get("region") or _first(environ, "AWS_REGION", "AWS_DEFAULT_REGION") or "us-east-1"
    return Address(bucket, prefix, endpoint.rstrip("/"), region, style == "path")


def keys_of(url: str, options: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Keys:
    """Raises NeedsStoreKeys (there are none), BadStoreKeys (the file has none, or others may read it)."""
    access, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if access and secret:
        return Keys(access, secret, environ.get("AWS_SESSION_TOKEN", ""))
    if file := _said(url, options).get("keys"):
        return _in_file(Path(file).expanduser())
    bucket = urlsplit(url).netloc
    if keys := _in_keyring(bucket):
        return keys
    raise NeedsStoreKeys(f"s3://{bucket}")


def _first(environ: Mapping[str, str], *names: str) -> str:
    return next((environ[name] for name in names if environ.get(name)), "")


def _said(url: str, options: Mapping[str, Any]) -> dict[str, str]:
    asked = parse_qs(urlsplit(url).query, keep_blank_values=True, strict_parsing=False)
    if set(asked) - set(_WORDS) or any(len(values) > 1 for values in asked.values()):
        raise BadUrl(url, "shape")
    given = {word: str(options[word]) for word in _WORDS if word in options}
    return {word: values[0] for word, values in asked.items()} | given


def _in_file(path: Path) -> Keys:
    """The section "default", else the first."""
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise BadStoreKeys(str(path), "open")
            parser = configparser.RawConfigParser()
            parser.read_string(file.read())
    except OSError as error:
        raise BadStoreKeys(str(path), errno.errorcode.get(error.errno or 0, "")) from None
    except (configparser.Error, UnicodeDecodeError):
        # What the parser says would show the line that it did not understand.
        raise BadStoreKeys(str(path), "shape") from None
    name = "default" if parser.has_section("default") else next(iter(parser.sections()), "")
    found = dict(parser[name]) if name else {}
    for word in ("aws_access_key_id", "aws_secret_access_key"):
        if not found.get(word):
            raise BadStoreKeys(str(path), word)
    return Keys(
        found["aws_access_key_id"], found["aws_secret_access_key"], found.get("aws_session_token", "")
    )


def _in_keyring(bucket: str) -> Keys | None:
    """As `keyring set vaultd s3://BUCKET` has stored them: both keys with a space between."""
    try:
        import keyring
    except ImportError:
        return None
    try:
        found = keyring.get_password(_SERVICE, f"s3://{bucket}") or ""
    except Exception:  # noqa: BLE001 - a keyring that cannot be opened is none
        return None
    access, _, secret = found.partition(" ")
    return Keys(access, secret) if access and secret else None
