"""Questions at a terminal, and secrets from files and commands."""

import os
import sys
from pathlib import Path

import pytest
from vaultd_cli import ask
from vaultd_cli.console import Console
from vaultd_cli.run import Run

from tests.cli.terminal import Terminal
from vaultd.credentials import KeyFile, Passphrase, RecoveryCode
from vaultd.errors import BadUsage, CommandFailed, EmptyPassphrase, NeedsPassphrase, NoTerminal, WrongKey
from vaultd.format.slot import format_key_file

SECRET = "correct horse 电池 staple"


def at_a_terminal(code: str, work: Path) -> Terminal:
    """Some Python that has `ask` and a `console`, at a terminal."""
    start = "from vaultd_cli import ask\nfrom vaultd_cli.console import Console\nconsole = Console()\n"
    return Terminal([sys.executable, "-c", start + code], work)


def secret_file(tmp_path: Path, content: bytes, mode: int = 0o600) -> str:
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def test_a_passphrase_is_not_shown_while_it_is_typed(tmp_path: Path) -> None:
    with at_a_terminal(f"assert ask.passphrase().text == {SECRET!r}; print('same')", tmp_path) as tty:
        tty.expect("Passphrase: ")
        tty.type(SECRET + "\r")
        tty.expect("same")
        assert tty.end() == 0
        assert "horse" not in tty.screen


def test_a_new_passphrase_is_typed_twice_and_is_not_too_short(tmp_path: Path) -> None:
    with at_a_terminal("print(len(ask.new_passphrase(console).text))", tmp_path) as tty:
        for first, second, answer in [
            ("short", "", "too easy"),
            ("", "", "too easy"),
            ("long enough", "long enouhg", "not the same"),
            ("long enough", "long enough", "11"),
        ]:
            tty.expect("New passphrase: ")
            tty.type(first + "\r")
            if second:
                tty.expect("The same again: ")
                tty.type(second + "\r")
            tty.expect(answer)
        assert tty.end() == 0


def test_three_tries_at_a_terminal(tmp_path: Path) -> None:
    code = (
        "from vaultd.errors import WrongKey\n"
        "def opener(given):\n"
        "    if given.text != 'third': raise WrongKey\n"
        "    return 'opened'\n"
        "print(ask.until_it_opens(console, opener))"
    )
    with at_a_terminal(code, tmp_path) as tty:
        for word in ("first", "second", "third"):
            tty.expect("Passphrase: ")
            tty.type(word + "\r")
        tty.expect("opened")
        assert tty.end() == 0


@pytest.mark.parametrize(
    ("typed", "expected"), [("y", "True"), ("是", "False"), ("maybe\rno", "False"), ("", "True")]
)
def test_yes_and_no(tmp_path: Path, typed: str, expected: str) -> None:
    with at_a_terminal("print('said', ask.yes_no('ask.again', default=True))", tmp_path) as tty:
        tty.expect(r"\[Y/n\] ")
        tty.type(typed + "\r")
        if typed == "是":  # not an English answer: it asks again
            tty.expect(r"\[Y/n\] ")
            tty.type("n\r")
        assert tty.expect("said (True|False)") == f"said {expected}"


def test_choosing_from_a_list(tmp_path: Path) -> None:
    with at_a_terminal("print('chosen', ask.choose('ask.again', ['a', '照片']))", tmp_path) as tty:
        tty.expect("2. 照片")
        tty.type("3\rx\r2\r")
        tty.expect("chosen 1")
        assert tty.end() == 0


def test_a_default_is_offered_and_taken(tmp_path: Path) -> None:
    with at_a_terminal("print('took', ask.line('Where?', '/a b'))", tmp_path) as tty:
        tty.expect(r"Where\? \[/a b\] ")
        tty.type("\r")
        tty.expect("took /a b")


def test_the_end_of_input_is_nobody_answering(tmp_path: Path) -> None:
    with at_a_terminal("ask.line('Where?')", tmp_path) as tty:
        tty.expect("Where")
        tty.type("\x04")
        assert tty.end() not in (0, None)
        assert "KeyboardInterrupt" in tty.screen


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No terminal, whatever the tests run in."""

    def refuse(path: str, *_: object) -> int:
        raise OSError(6, "No such device or address", path)

    monkeypatch.setattr(os, "open", refuse)


@pytest.mark.usefixtures("nobody")
def test_without_a_terminal_nothing_waits() -> None:
    with pytest.raises(NeedsPassphrase):
        ask.passphrase()
    with pytest.raises(NeedsPassphrase):
        ask.new_passphrase(Console(quiet=True))
    with pytest.raises(NoTerminal):
        ask.yes_no("ask.again")
    with pytest.raises(NoTerminal):
        ask.choose("ask.again", ["a"])


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\nsecond line\n"])
def test_the_first_line_of_a_file(tmp_path: Path, end: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = secret_file(tmp_path, SECRET.encode() + end)
    assert ask.passphrase_from_file(Console(), path) == Passphrase(SECRET)
    assert capsys.readouterr().err == ""


def test_spaces_belong_to_a_passphrase(tmp_path: Path) -> None:
    assert ask.passphrase_from_file(Console(), secret_file(tmp_path, b" a b \n")) == Passphrase(" a b ")


def test_a_file_that_others_can_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask.passphrase_from_file(Console(), secret_file(tmp_path, b"x\n", 0o604))
    assert "Other users" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"\n", b"\nsecond"])
def test_an_empty_file_is_no_passphrase(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EmptyPassphrase):
        ask.passphrase_from_file(Console(), secret_file(tmp_path, content))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(BadUsage) as caught:
        ask.passphrase_from_file(Console(), secret_file(tmp_path, b"\xff\xfe"))
    assert caught.value.problem == "secret-not-text"


def test_a_command_is_run_without_a_shell() -> None:
    assert ask.passphrase_from_command("printf '%s\\nrest' '$HOME;x'") == Passphrase("$HOME;x")


@pytest.mark.parametrize(
    ("command", "failure"),
    [
        ("false", CommandFailed),
        ("/nowhere/at/all", CommandFailed),
        ("true", EmptyPassphrase),
        ("", BadUsage),
        ("echo 'open", BadUsage),
    ],
)
def test_a_command_that_gives_nothing(command: str, failure: type[Exception]) -> None:
    with pytest.raises(failure):
        ask.passphrase_from_command(command)


def test_each_way_to_hand_a_credential_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = secret_file(tmp_path, b"words here\n")
    assert Run(passphrase_file=path).credential() == Passphrase("words here")
    assert Run(recovery_code_file=path).credential() == RecoveryCode("words here")
    with pytest.raises(BadUsage):
        Run(key_file=path).credential()  # no key is in it
    assert Run(passphrase_command="echo x").credential() == Passphrase("x")
    assert Run().credential() is None
    monkeypatch.setenv("VAULTD_PASSPHRASE_FILE", path)
    assert Run().credential() == Passphrase("words here")
    assert Run(passphrase_command="echo x").credential() == Passphrase("x")
    with pytest.raises(BadUsage):
        Run(passphrase_command="echo x", key_file=path).credential()
    key = format_key_file(bytes(32)).encode()
    assert Run(key_file=secret_file(tmp_path, key)).credential() == KeyFile(key)


@pytest.mark.parametrize("credential", [Passphrase(SECRET), RecoveryCode(SECRET), KeyFile(SECRET.encode())])
def test_no_secret_in_what_python_shows(credential: object) -> None:
    assert "horse" not in f"{credential!r} {credential}"


def test_what_was_handed_over_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaultd.hardening.keep_memory_private", lambda: None)
    tried = []

    def opener(credential: object) -> None:
        tried.append(credential)
        raise WrongKey

    with pytest.raises(WrongKey):
        Run(passphrase_file=secret_file(tmp_path, b"x\n")).unlock(opener)
    assert tried == [Passphrase("x")]


def test_with_json_nobody_is_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaultd.hardening.keep_memory_private", lambda: None)
    with pytest.raises(NeedsPassphrase):
        Run(json=True).unlock(lambda _: None)
