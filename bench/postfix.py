"""Postfix as an administrator would set it up instead: one relay host and one account for each sender domain.

A private instance in a folder of its own, fed on the loopback; its queue is durable as it is by default.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import mail
from bench.processes import BenchError, cpu_seconds, end, until
from bench.work import Account
from tests.support.postfix_configuration import MASTER

_SYSTEM_FOLDERS: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
_MAIN: Final = """\
compatibility_level = 3.6
mail_owner = postfix
setgid_group = postdrop
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = {commands}
daemon_directory = {daemons}
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = postfix.bench.example
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_rate_limit = 0
sender_dependent_relayhost_maps = hash:{folder}/relayhosts
smtp_sender_dependent_authentication = yes
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:{folder}/passwords
smtp_sasl_mechanism_filter = plain
smtp_sasl_security_options = noanonymous
smtp_tls_security_level = verify
smtp_tls_verify_cert_match = hostname
smtp_tls_wrappermode = yes
smtp_tls_CAfile = {ca_file}
smtp_tls_session_cache_database = btree:{folder}/data/sessions
smtp_host_lookup = native
# The pause by which it slows down who hands in faster than it sends: left out, since the two are meant to overlap.
in_flow_delay = 0
"""
_SERVICES: Final = "127.0.0.1:{port} inet n - n - - smtpd\n" + MASTER[MASTER.index("pickup") :]


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running instance.

    Attributes:
        port: Takes mail of any tenant from the loopback without sign-in.
    """

    port: int
    _master: int
    _log: Path

    @property
    def cpu_seconds(self) -> float:
        """Of all its processes."""
        return cpu_seconds(self._master)


def why_not_here() -> str | None:
    """What keeps Postfix from running on this machine, or None."""
    if shutil.which("postfix", path=_SYSTEM_FOLDERS) is None:
        return "Postfix is not installed"
    return None if os.geteuid() == 0 else "Postfix's master process must start as root"


@contextmanager
def running_postfix(accounts: Sequence[Account], ca_file: Path) -> Iterator[Postfix]:
    """Run an instance that relays each account's mail to the account's own port, signed in as the account."""
    # Not below another temporary folder: its daemons run as another user, who must pass through.
    folder = Path(tempfile.mkdtemp(prefix="bench-postfix-"))
    try:
        master, port = _written(folder, accounts, ca_file)
        environment = os.environ | {"MAIL_CONFIG": str(folder / "etc")}
        process = subprocess.Popen([master, "-c", folder / "etc", "-d"], env=environment, start_new_session=True)
        try:
            until(lambda: _listens(port), seconds=15, what="Postfix to listen")
            yield Postfix(port, process.pid, folder / "mail.log")
        finally:
            end(process)
    finally:
        _remove(folder)


def _written(folder: Path, accounts: Sequence[Account], ca_file: Path) -> tuple[Path, int]:
    """Write the configuration; return the master program and the port it will take mail on."""
    commands = _program("postfix").parent
    daemons = Path(_output(_program("postconf"), "-dh", "daemon_directory"))
    folder.chmod(0o755)
    for name in ("etc", "spool", "data"):
        (folder / name).mkdir()
    owner = pwd.getpwnam("postfix")
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    shutil.copyfile(ca_file, folder / "ca.pem")
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
    (folder / "etc" / "main.cf").write_text(
        _MAIN.format(folder=folder, commands=commands, daemons=daemons, ca_file=folder / "ca.pem")
    )
    (folder / "etc" / "master.cf").write_text(_SERVICES.format(port=port))
    tables = {
        "relayhosts": (f"@{account.name}.{mail.DOMAIN} [localhost]:{account.port}\n" for account in accounts),
        "passwords": (
            f"{mail.sender_of(account.name)} {account.name}:{mail.password_of(account.name)}\n" for account in accounts
        ),
    }
    for name, lines in tables.items():
        (folder / name).write_text("".join(lines))
        _output(_program("postmap"), "-c", str(folder / "etc"), f"hash:{folder / name}")
    _output(_program("postfix"), "-c", str(folder / "etc"), "check")
    return daemons / "master", port


def _program(name: str) -> Path:
    found = shutil.which(name, path=_SYSTEM_FOLDERS)
    if found is None:
        raise BenchError(f"{name} is not installed")
    return Path(found)


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _remove(folder: Path) -> None:
    """Remove a folder in which daemons that are about to end may still write."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    raise BenchError("the folder of Postfix cannot be removed")
