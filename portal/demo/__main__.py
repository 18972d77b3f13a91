"""``./run``: the whole of Waypost on this machine, with mail servers and a DNS zone to try it on."""

import asyncio
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NoReturn, TextIO

import click

from portal.demo import keys
from portal.demo.certificates import make_certificates
from portal.demo.environment import child_environment, demo_settings, write_settings
from portal.demo.folder import PROJECT, DemoFolder
from portal.demo.hosts import LOOPBACK
from portal.demo.parent import BROKEN, STOPPED, Child, run
from portal.demo.ports import DemoPorts
from portal.demo.welcome import welcome

_DEFAULT_PORT: Final = 5000
_WRONG_USE: Final = 2
_PREPARE: Final = "from portal.demo import data; data.prepare()"


def main() -> int:
    """Set up what is missing, then run everything until told to stop. Returns the exit status."""
    # Until the parent's loop takes the signals over, there is nothing to tidy up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(STOPPED))
    os.chdir(PROJECT)
    folder = DemoFolder.of_this_installation()
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.path.chmod(0o700)
    with _listener(_web_port()) as web, _only_demo_in(folder):
        port: int = web.getsockname()[1]
        ports = DemoPorts.choose(folder.ports)
        keys.make_dkim_key(folder)
        make_certificates(folder, now=datetime.now(UTC))
        settings = demo_settings(folder, ports, web_port=port)
        write_settings(folder, settings)
        environment = child_environment(os.environ, settings)
        _prepare_data(environment)
        return asyncio.run(
            run(
                _children(ports, web),
                environment,
                when_up=lambda: _welcome(settings["PORTAL_BASE_URL"], ports),
                say=_say,
            )
        )


def _children(ports: DemoPorts, web: socket.socket) -> tuple[Child, ...]:
    # The parent's socket outlives a web process that dies: requests wait for the next one, the port stays ours.
    gunicorn = (
        *("--no-control-socket", "--log-level", "warning", "--graceful-timeout", "3"),
        *("--worker-class", "gthread", "--workers", "1", "--threads", "8"),
        *("--bind", f"fd://{web.fileno()}", "portal.demo.web:create_demo_app()"),
    )
    return (
        Child("mail servers", "portal.demo.mail_servers", listens_on=ports.platform_starttls),
        Child("name server", "portal.demo.dns_zone", listens_on=ports.dns),
        Child("worker", "portal.cli", ("work",)),
        Child("web server", "gunicorn", gunicorn, inherits=(web.fileno(),)),
    )


def _web_port() -> int:
    text = os.environ.get("PORT") or str(_DEFAULT_PORT)
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        _stop(f"PORT must be a number up to 65535, not {text!r}", status=_WRONG_USE)
    return int(text)


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        _stop(
            f"port {port} is taken ({error.strerror}). Perhaps a demo is running already: http://{LOOPBACK}:{port}"
            f" - or choose another port: PORT={port + 1} ./run"
        )
    return listener


def _only_demo_in(folder: DemoFolder) -> TextIO:
    """Hold the folder's lock while the file is open; two demos would share one database and one set of ports."""
    file = folder.running.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        _stop(f"a demo is already running in {folder.path}; another one needs a PORTAL_INSTANCE_DIR of its own")
    return file


def _prepare_data(environment: Mapping[str, str]) -> None:
    """Migrate the database and fill in the demo's tenants, in a process that has the demo's settings."""
    done = subprocess.run(
        [sys.executable, "-c", _PREPARE],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=False,
        process_group=0,  # Ctrl-C is ours; run() ends the child when we leave
    )
    if done.returncode != 0:
        _stop("the demo's data could not be prepared; what went wrong stands above")


def _welcome(address: str, ports: DemoPorts) -> None:
    from portal.demo.data import SIGN_INS

    click.echo(welcome(address, ports, SIGN_INS))


def _say(sentence: str) -> None:
    click.echo(f"demo: {sentence}", err=True)


def _stop(sentence: str, *, status: int = BROKEN) -> NoReturn:
    _say(sentence)
    sys.exit(status)


if __name__ == "__main__":
    sys.exit(main())
