"""Serve the site on this machine and reload the page when a file changes (`make serve`, `make prose`)."""

import argparse
import os
import socket
import subprocess
import sys

HOST = "127.0.0.1"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", default="8000")
    parser.add_argument("--prose", action="store_true", help="run nothing; placeholders for missing numbers")
    options = parser.parse_args()
    require_free(options.port)
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    if options.prose:
        environment["RELUGUIDE_PROSE"] = "1"
    command = [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", f"{HOST}:{options.port}"]
    try:
        return subprocess.call(command, env=environment)
    except KeyboardInterrupt:
        return 0  # MkDocs got the same Ctrl-C and has said goodbye


def require_free(port: str) -> None:
    """Exit with one sentence if nothing can be served there: MkDocs would find out after the build."""
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        sys.exit(f"PORT is {port!r}; it must be a number from 1 to 65535.")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as MkDocs does
        try:
            probe.bind((HOST, int(port)))
        except OSError as error:
            another = f"make serve PORT={int(port) % 65535 + 1}"
            sys.exit(f"Port {port} cannot be used ({error.strerror}). Take another one: {another}")


if __name__ == "__main__":
    sys.exit(main())
