"""A keyring for tests: `PYTHON_KEYRING_BACKEND=keyring_in_a_file.InAFile` keeps all in $KEYRING_FILE.

Where there is no such variable it answers nothing, as one that is locked.
"""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class InAFile(KeyringBackend):
    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        return self._all().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._file().write_text(json.dumps(self._all() | {f"{service}/{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        known = self._all()
        if known.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError(username)
        self._file().write_text(json.dumps(known))

    def _file(self) -> Path:
        name = os.environ.get("KEYRING_FILE")
        if name is None:
            raise KeyringLocked
        return Path(name)

    def _all(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self._file().read_text()) if self._file().exists() else {}
        return found
