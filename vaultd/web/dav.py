"""Old states over WebDAV, on this computer alone, for where nothing can be mounted.

The tree is that of a mount, as far as WebDAV has words for it: a symbolic link is a file that holds where it
leads, devices and sockets are left out, and a byte of a name that is no UTF-8 is shown as \\xNN.
"""

import io
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cheroot import wsgi
from wsgidav.dav_error import HTTP_FORBIDDEN, HTTP_INTERNAL_ERROR, DAVError
from wsgidav.dav_provider import DAVCollection, DAVNonCollection, DAVProvider
from wsgidav.wsgidav_app import WsgiDAVApp

from vaultd.browse.file import OpenFile
from vaultd.browse.node import Node
from vaultd.browse.past import Past
from vaultd.errors import VaultdError

HOST, USER = "127.0.0.1", "vaultd"
_NS = 1_000_000_000
_SHOWN = (stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK)
# A file is read in parts of so much.
_PART = 1 << 17


@dataclass
class Serving:
    """`password` is made anew each time: every user of this computer can reach the port."""

    past: Past
    port: int = 0
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    def __post_init__(self) -> None:
        self._server = wsgi.Server((HOST, self.port), _application(self.past, self.password))
        self._server.prepare()
        self.port = self._server.bind_addr[1]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    def run(self) -> None:
        """Until `stop`, by another thread or by a signal's handler."""
        self._server.serve()

    def stop(self) -> None:
        self._server.stop()


def _application(past: Past, password: str) -> Any:
    return WsgiDAVApp(
        {
            "provider_mapping": {"/": _Provider(past)},
            "http_authenticator": {"accept_basic": True, "accept_digest": True, "default_to_digest": True},
            "simple_dc": {"user_mapping": {"*": {USER: {"password": password}}}},
            "property_manager": False,
            "lock_storage": False,
            "verbose": 0,
            "logging": {"enable": False},
            "dir_browser": {"enable": True, "davmount": False, "response_trailer": ""},
        }
    )


class _Provider(DAVProvider):  # type: ignore[misc]
    def __init__(self, past: Past) -> None:
        super().__init__()
        self._past = past

    def is_readonly(self) -> bool:
        return True

    def get_resource_inst(self, path: str, environ: dict[str, Any]) -> "_Folder | _File | None":
        node: Node | None = self._past.top.node
        with _answered():
            for name in path.split("/"):
                if name and node is not None:
                    node = _child(node, name)
        return None if node is None else _resource(path, environ, node)


@contextmanager
def _answered() -> Iterator[None]:
    """What cannot be read is an error of this one question."""
    try:
        yield
    except VaultdError as error:
        raise DAVError(HTTP_INTERNAL_ERROR, str(error)) from error


def _child(node: Node, name: str) -> Node | None:
    if (found := node.child(name.encode("utf-8", "surrogateescape"))) is not None:
        return found
    if "\\x" not in name:
        return None
    return next((each for text, each in _listed(node) if text == name), None)


def _listed(node: Node) -> Iterator[tuple[str, Node]]:
    return ((shown(name), child) for name, child in node.children() if child.kind in _SHOWN)


def shown(name: bytes) -> str:
    """A name as it can be said in XML and in a URL."""
    return name.decode("utf-8", "backslashreplace")


def _resource(path: str, environ: dict[str, Any], node: Node) -> "_Folder | _File | None":
    if node.kind == stat.S_IFDIR:
        return _Folder(path, environ, node)
    return _File(path, environ, node) if node.kind in _SHOWN else None


class _Folder(DAVCollection):  # type: ignore[misc]
    def __init__(self, path: str, environ: dict[str, Any], node: Node) -> None:
        super().__init__(path, environ)
        self._node = node

    def get_member_names(self) -> list[str]:
        with _answered():
            return [name for name, _ in _listed(self._node)]

    def get_member(self, name: str) -> "_Folder | _File | None":
        with _answered():
            node = _child(self._node, name)
        above = self.path if self.path.endswith("/") else f"{self.path}/"
        return None if node is None else _resource(above + name, self.environ, node)

    def get_last_modified(self) -> float:
        with _answered():
            return self._node.attributes().mtime / _NS


class _File(DAVNonCollection):  # type: ignore[misc]
    def __init__(self, path: str, environ: dict[str, Any], node: Node) -> None:
        super().__init__(path, environ)
        self._node = node
        with _answered():
            self._found = node.attributes()
            self._link = node.link() if node.kind == stat.S_IFLNK else None

    def get_content_length(self) -> int:
        return self._found.size if self._link is None else len(self._link)

    def get_last_modified(self) -> float:
        return self._found.mtime / _NS

    def get_etag(self) -> str:
        return f"{self._found.ino:x}-{self._found.size:x}"

    def support_etag(self) -> bool:
        return True

    def support_ranges(self) -> bool:
        return True

    def get_content(self) -> Any:
        if self._link is not None:
            return io.BytesIO(self._link)
        return io.BufferedReader(_Raw(self._node.open()), _PART)

    def begin_write(self, **_: Any) -> Any:
        raise DAVError(HTTP_FORBIDDEN)


class _Raw(io.RawIOBase):
    """An open file as Python has them."""

    def __init__(self, file: OpenFile) -> None:
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def readinto(self, out: Any) -> int:
        room = memoryview(out).cast("B")
        try:
            found = self._file.read(self._at, len(room))
        except VaultdError as error:
            # Half an answer is out already: the connection must end, not the answer.
            raise OSError(str(error)) from error
        room[: len(found)] = found
        self._at += len(found)
        return len(found)
