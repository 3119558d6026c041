"""`fleetline web` as people run it: an address, one line for what cannot be, and an end in order."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from fleetline.cli import main
from fleetline.webapp.server import _listen

COMMAND = [sys.executable, "-m", "fleetline", "web", "--port", "0", "--workers", "1"]


@contextmanager
def running() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and the address it tells."""
    process = subprocess.Popen(COMMAND, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield process, process.stderr.readline().split()[1]
    finally:
        process.kill()
        process.communicate()


def children(process: int) -> list[int]:
    """The processes that a process started."""
    listed = Path(f"/proc/{process}/task/{process}/children")
    return [int(each) for each in listed.read_text().split()] if listed.exists() else []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_and_ends_in_order(end: signal.Signals) -> None:
    with running() as (process, address):
        assert address.startswith("http://127.0.0.1:")
        line = http.client.HTTPConnection(address.split("/")[2], timeout=60)
        line.request("GET", "/api/v1/throughput?model=gpt-oss-20b&system=h100")
        assert json.load(line.getresponse())["throughput_tok_s"] > 0
        line.close()
        workers = children(process.pid)
        process.send_signal(end)
        _, said = process.communicate(timeout=60)
        assert process.returncode == (0 if end is signal.SIGINT else 128 + signal.SIGTERM)
        assert "Traceback" not in said
        assert not [pid for pid in workers if Path(f"/proc/{pid}").exists() and "fleetline" in command_of(pid)]


def command_of(process: int) -> str:
    """The command line of a process; nothing of one that has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "70000"], "port: got 70000, allowed 0 to 65535"),
        (["--port", "-1"], "port: got -1"),
        (["--workers", "0"], "workers: got 0, allowed 1 to 256"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
        (["--host", "no such host"], "cannot listen on no such host"),
        (["--host", "x" * 300], "cannot listen on"),
    ],
)
def test_what_cannot_be_listened_on_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["web", *arguments])
    assert ended.value.code == 2
    assert said in json.loads(capsys.readouterr().err)["error"]["message"]


def test_a_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(SystemExit) as ended:
        main(["web", "--port", str(other.getsockname()[1])])
    assert ended.value.code == 2
    assert "Address already in use" in capsys.readouterr().err


def test_without_the_extra_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fleetline.webapp", sys.modules["fleetline.webapp"])  # what is loaded below is forgotten again
    for name in [name for name in sys.modules if name.startswith("fleetline.webapp")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SystemExit) as ended:
        main(["web"])
    assert ended.value.code == 2
    said = json.loads(capsys.readouterr().err)["error"]
    assert said["message"] == "web: needs the extra 'web'; install it with: pip install 'fleetline[web]'"


def test_small_answers_are_sent_at_once() -> None:
    """asyncio sets TCP_NODELAY on sockets that say their protocol; without, every answer waits 40 ms."""
    with _listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_the_browser_is_shown_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
    with pytest.raises(SystemExit):
        main(["web", "--port", "0", "--open"])
    assert len(shown) == 1 and shown[0].startswith("http://127.0.0.1:")
