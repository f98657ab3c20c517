"""A real message bus, and on it somebody who answers as a desktop or as NetworkManager."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jeepney import HeaderFields, MessageType, message_bus, new_error, new_method_return
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import unwrap_msg

from vaultd.daemon import chores
from vaultd.daemon.bus import NoBus, is_metered, pop_up
from vaultd.daemon.sending import DESKTOP, is_channel, send
from vaultd.settings import Channel

DESKTOP_NAME = "org.freedesktop.Notifications"
NETWORK_NAME = "org.freedesktop.NetworkManager"


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both buses of this process, and of those that it starts."""
    address = f"unix:path={tmp_path}/bus"
    words = ["dbus-daemon", "--session", "--nofork", f"--address={address}", "--print-address=1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()  # it listens
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address
        daemon.terminate()


@contextmanager
def answering(bus: str, name: str, *answer: Any, error: str = "") -> Iterator[list[Any]]:
    """What is asked of `name` is kept, and answered so."""
    heard: list[Any] = []
    with open_dbus_connection(bus) as connection:
        assert unwrap_msg(connection.send_and_get_reply(message_bus.RequestName(name)))[0] == 1

        def serve() -> None:
            while True:
                asked = connection.receive()
                if asked.header.message_type is not MessageType.method_call:
                    continue
                if asked.header.fields[HeaderFields.member] == "Stop":
                    return
                heard.append(asked.body)
                made = new_error(asked, error) if error else new_method_return(asked, *answer)
                connection.send(made)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield heard
        finally:
            _stop(bus, name)
            thread.join(10)


def _stop(bus: str, name: str) -> None:
    from jeepney import DBusAddress, new_method_call

    with open_dbus_connection(bus) as connection:
        connection.send(new_method_call(DBusAddress("/", name, "test.Stop"), "Stop"))


def test_a_notice_is_shown_on_the_desktop_by_the_child(bus: str) -> None:
    channel = Channel("screen", f"{DESKTOP}//")
    assert is_channel(channel.url)
    with answering(bus, DESKTOP_NAME, "u", (7,)) as heard:
        sent = send(channel, "A copy is away", "nas <b>& 照片")
    assert (sent.taken, sent.answer) == (True, "")
    ((program, replaced, _, title, text, actions, hints, stays),) = heard
    assert (program, replaced, title, actions, stays) == ("vaultd", 0, "A copy is away", [], 0)
    assert text == "nas &lt;b&gt;&amp; 照片"
    assert hints["urgency"] == ("y", 2)


def test_what_the_desktop_refuses_is_not_taken(bus: str) -> None:
    channel = Channel("screen", f"{DESKTOP}//")
    assert send(channel, "t", "x").answer == "org.freedesktop.DBus.Error.ServiceUnknown"
    with answering(bus, DESKTOP_NAME, error="org.freedesktop.Notifications.Error.Full"):
        sent = send(channel, "t", "x")
    assert (sent.taken, sent.answer) == (False, "org.freedesktop.Notifications.Error.Full")


@pytest.mark.parametrize("address", ["unix:path=/nowhere/bus", "tcp:host=127.0.0.1,port=1", "nonsense"])
def test_without_a_bus_it_says_so(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    sent = send(Channel("screen", f"{DESKTOP}//"), "t", "x")
    assert (sent.taken, sent.answer) == (False, "no bus answers")


def test_a_desktop_that_does_not_answer_is_not_waited_for(bus: str) -> None:
    with open_dbus_connection(bus) as silent:
        unwrap_msg(silent.send_and_get_reply(message_bus.RequestName(DESKTOP_NAME)))
        with pytest.raises(NoBus, match="no bus answers"):
            pop_up("t", "x", patience=0.2)


@pytest.mark.parametrize(("value", "costs"), [(0, False), (1, True), (2, False), (3, True), (4, False)])
def test_the_connection_costs_what_networkmanager_says(bus: str, value: int, costs: bool) -> None:
    with answering(bus, NETWORK_NAME, "v", (("u", value),)) as heard:
        assert is_metered() is costs
    assert heard == [(NETWORK_NAME, "Metered")]


def test_where_nobody_knows_what_it_costs_chores_go_on(bus: str) -> None:
    with pytest.raises(NoBus):
        is_metered()
    assert not chores._is_metered()
    assert os.environ["DBUS_SYSTEM_BUS_ADDRESS"] == bus
