"""A build asks nobody on the network for anything."""

from pathlib import Path

from tests.publish.conftest import ENVIRONMENT, Guide

# Every Python process of the build imports this by itself at its start.
GUARD = """
import socket

def refuse(self, address, *rest):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise SystemExit(f"a request to {address}")
    return connect(self, address, *rest)

connect, socket.socket.connect = socket.socket.connect, refuse
lookup = socket.getaddrinfo

def look(host, *rest, **more):
    if host not in (None, "127.0.0.1", "::1", "localhost"):
        raise SystemExit(f"a look-up of {host}")
    return lookup(host, *rest, **more)

socket.getaddrinfo = look
"""


def environment(folder: Path) -> dict[str, str]:
    (folder / "sitecustomize.py").write_text(GUARD)
    return {"PYTHONPATH": f"{folder}:{ENVIRONMENT['PYTHONPATH']}"}


def test_the_guard_refuses(guide: Guide, tmp_path: Path) -> None:
    asks = "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=1)"
    (guide.root / "asks.py").write_text(asks)
    ended = guide.run("asks", check=False, **environment(tmp_path))
    assert ended.returncode != 0
    assert "192.0.2.1" in ended.stdout


def test_a_whole_build_asks_nobody(fresh, tmp_path: Path) -> None:
    guide = fresh("offline")
    told = guide.build(**environment(tmp_path)).stdout
    assert "2 of 2 modules measured" in told
    assert "a request to" not in told
    assert "a look-up of" not in told
