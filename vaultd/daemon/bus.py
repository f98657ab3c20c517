"""The desktop's bus: a pop-up for its owner, and what the connection costs. Both need `jeepney`."""

import os
from typing import Any

# The service is started by the first call where it does not run yet.
PATIENCE = 10.0
_STAYS = 0  # milliseconds until a pop-up goes by itself: it stays until it is closed
# NM_METERED_YES and NM_METERED_GUESS_YES of NetworkManager's D-Bus interface.
_METERED = (1, 3)


class NoBus(Exception):
    """Nobody answered, or with an error. `str` says which."""


def pop_up(title: str, text: str, patience: float = PATIENCE) -> None:
    """Shown by the desktop of whoever this process belongs to, until it is closed: it is critical. See
    the Desktop Notifications Specification. Raises NoBus, ImportError.
    """
    body: Any = ("vaultd", 0, "", title, _plain(text), [], {"urgency": ("y", 2)}, _STAYS)
    name = "org.freedesktop.Notifications"
    at = (name, "/org/freedesktop/Notifications", name)
    _call(_session_bus(), at, "Notify", "susssasa{sv}i", body, patience)


def is_metered(patience: float = PATIENCE) -> bool:
    """Whether the connection is paid for by what goes over it, as NetworkManager knows or guesses.

    Raises NoBus where no NetworkManager runs, ImportError.
    """
    name = "org.freedesktop.NetworkManager"
    at = (name, "/org/freedesktop/NetworkManager", "org.freedesktop.DBus.Properties")
    ((_, value),) = _call("SYSTEM", at, "Get", "ss", (name, "Metered"), patience)
    return value in _METERED


def _plain(text: str) -> str:
    """The body of a pop-up may hold marks, and a name of a folder must not become one."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _session_bus() -> str:
    """A daemon that was started without the desktop's environment finds it where systemd has it."""
    return os.environ.get("DBUS_SESSION_BUS_ADDRESS") or f"unix:path=/run/user/{os.getuid()}/bus"


def _call(
    address: str, at: tuple[str, str, str], method: str, signature: str, body: Any, patience: float
) -> tuple[Any, ...]:
    from jeepney import DBusAddress, DBusErrorResponse, new_method_call
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    service, path, interface = at
    message = new_method_call(DBusAddress(path, service, interface), method, signature, body)
    try:
        with open_dbus_connection(address, auth_timeout=patience) as connection:
            return tuple(unwrap_msg(connection.send_and_get_reply(message, timeout=patience)))
    except DBusErrorResponse as error:
        raise NoBus(error.name) from error
    # A bus that talks nonsense is a ValueError; an address that is no socket of this computer a RuntimeError.
    except (OSError, ValueError, RuntimeError) as error:
        raise NoBus("no bus answers") from error
