"""Postfix with Dovecot's sign-in, as a private instance on loopback that delivers everything to one maildir."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Final

import trustme

from tests.support.postfix_configuration import DOVECOT, MAIN, MASTER
from tests.support.programs import need, need_root

HOST: Final = "smtp.acme.example"
USERNAME: Final = "acme@acme.example"
PASSWORD: Final = "correct horse battery staple"
"""Signs in every name at acme.example, so that a test may have one that is found in the log."""
SENDER: Final = "noreply@acme.example"
"""The one address that may be sent from, by ``USERNAME`` alone."""
NOT_OURS: Final = "ceo@acme.example"
MAILBOX: Final = "ada@dest.example"
"""As good as any other address: what is not refused below lands in the maildir."""
BUSY: Final = "later@dest.example"  # 450 4.2.1
UNKNOWN: Final = "nobody@dest.example"  # 550 5.1.1


@dataclass(frozen=True)
class Postfix:
    """A running mail server.

    Attributes:
        starttls_port: Submission; requires STARTTLS before anything else.
        tls_port: Submission with TLS from the first byte.
        ca_file: PEM of the authority that signed its certificate for ``HOST``; no other roots know it.
    """

    starttls_port: int
    tls_port: int
    ca_file: Path
    _folder: Path

    def logged(self, pattern: str, *, seconds: float = 10) -> re.Match[str]:
        """What of the log matches, once it is written: Postfix writes behind what its clients see.

        Raises:
            TimeoutError: It was not logged in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self._log)
            if found:
                return found
            time.sleep(0.05)
        raise TimeoutError(f"not in the log: {pattern}\n{self._log[-2000:]}")

    def messages(self) -> list[Message]:
        """What has been delivered so far, in no order."""
        return [message_from_bytes(path.read_bytes()) for path in (self._folder / "mail" / "inbox" / "new").glob("*")]

    def delivered(self, message_id: str, *, seconds: float = 10) -> Message:
        """The message with this Message-ID (angle brackets included), once it is in the maildir.

        Raises:
            TimeoutError: It did not arrive in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for message in self.messages():
                if message["Message-ID"] == message_id:
                    return message
            time.sleep(0.05)
        raise TimeoutError(f"{message_id} did not arrive:\n{self._log[-2000:]}")

    @property
    def _log(self) -> str:
        return (self._folder / "mail.log").read_text(errors="replace")


@contextmanager
def running_postfix(settings: Mapping[str, str] | None = None) -> Iterator[Postfix]:
    """Run a mail server; skips without the programs or without root, which Postfix's master needs to begin with.

    Args:
        settings: Parameters of ``main.cf`` to set besides, or instead.
    """
    need_root("Postfix's master process must start as root")
    postfix, postconf, dovecot = need("postfix", "postconf", "dovecot")
    daemons = Path(_output(postconf, "-dh", "daemon_directory"))
    with ExitStack() as at_exit:
        folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        at_exit.callback(_remove, folder)
        ports = dict(zip(("starttls", "tls", "auth"), _free_ports(3), strict=True))
        _write(folder, ports, settings or {}, commands=postfix.parent, daemons=daemons)
        subprocess.run([postfix, "-c", folder / "etc", "check"], check=True, timeout=60, capture_output=True)
        at_exit.enter_context(_running(dovecot, "-F", "-c", folder / "dovecot.conf"))
        at_exit.enter_context(_running(daemons / "master", "-c", folder / "etc", "-d", MAIL_CONFIG=str(folder / "etc")))
        for port in ports.values():
            _until_listening(port)
        yield Postfix(ports["starttls"], ports["tls"], folder / "ca.pem", folder)


def _write(
    folder: Path, ports: Mapping[str, int], settings: Mapping[str, str], *, commands: Path, daemons: Path
) -> None:
    folder.chmod(0o755)  # the maildir is written by nobody, who must pass through; pytest's own folders forbid it
    nobody, postfix = pwd.getpwnam("nobody"), pwd.getpwnam("postfix")
    for name in ("etc", "spool", "data", "mail", "run", "state"):
        (folder / name).mkdir()
    os.chown(folder / "data", postfix.pw_uid, postfix.pw_gid)
    os.chown(folder / "mail", nobody.pw_uid, nobody.pw_gid)

    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(folder / "certificate.pem")
    (folder / "users").write_text(f"acme.example:{PASSWORD}::::::\n")
    (folder / "dovecot.conf").write_text(DOVECOT.format(folder=folder, auth=ports["auth"]))
    main = MAIN.format(
        folder=folder,
        commands=commands,
        daemons=daemons,
        uid=nobody.pw_uid,
        gid=nobody.pw_gid,
        auth=ports["auth"],
        host=HOST,
        sender=SENDER,
        username=USERNAME,
        busy=BUSY,
        unknown=UNKNOWN,
    )
    (folder / "etc" / "main.cf").write_text(main + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    (folder / "etc" / "master.cf").write_text(MASTER.format(starttls=ports["starttls"], tls=ports["tls"]))


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.strip()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def _until_listening(port: int) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def _running(*command: str | Path, **environment: str) -> Iterator[None]:
    process = subprocess.Popen(command, env=os.environ | environment, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _remove(folder: Path) -> None:
    """Remove a folder in which daemons that are about to end may still write."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    raise TimeoutError(f"{folder} cannot be removed")
