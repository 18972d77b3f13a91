"""PostgreSQL as a private cluster of the tests: made when it is first needed, trusting, and without fsync."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from portal.storage import migrations
from portal.storage.database import Database
from tests.support.programs import need

_ACCOUNT: Final = "postgres"
_TEMPLATE: Final = "migrated"
_SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "timezone": "Pacific/Chatham",  # no zone of the server's may show anywhere
}


class PostgreSql:
    """A running cluster with any number of databases."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._has_template = False

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a database of one's own, empty or with every table, which is dropped at the end."""
        if migrated and not self._has_template:
            self._make_template()
        name = f"test_{next(self._numbers)}"
        self._say("CREATE DATABASE {} TEMPLATE {}", name, _TEMPLATE if migrated else "template0")
        try:
            yield self._url(name)
        finally:
            self._say("DROP DATABASE {} WITH (FORCE)", name)

    @contextmanager
    def away(self, url: str) -> Iterator[None]:
        """Let the database at this URL break off every connection and take no more until the block ends."""
        name = str(make_url(url).database)
        self._say("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        with self._connection() as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            self._say("ALTER DATABASE {} ALLOW_CONNECTIONS true", name)

    def wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                self._connection().close()
            except psycopg.OperationalError:
                log = self._folder / "log"
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            else:
                return

    def _make_template(self) -> None:
        self._say("CREATE DATABASE {} TEMPLATE template0", _TEMPLATE)
        database = Database.at(self._url(_TEMPLATE))
        migrations.upgrade(database)
        database.close()
        self._has_template = True

    def _url(self, name: str) -> str:
        return f"postgresql://{_ACCOUNT}@/{name}?host={self._folder}"

    def _connection(self) -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self._folder), user=_ACCOUNT, dbname=_ACCOUNT, autocommit=True)

    def _say(self, statement: str, *names: str) -> None:
        with self._connection() as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def running_postgresql() -> Iterator[PostgreSql]:
    """Run a cluster; skips when PostgreSQL is not installed."""
    initdb, server = _programs()
    # PostgreSQL refuses to run as root.
    account: dict[str, Any] = {"user": _ACCOUNT, "group": _ACCOUNT, "extra_groups": []} if os.geteuid() == 0 else {}
    with ExitStack() as at_exit:
        folder = Path(tempfile.mkdtemp(prefix="postgresql-"))  # brief: a Unix socket's path has 107 bytes
        at_exit.callback(shutil.rmtree, folder)
        if account:
            shutil.chown(folder, _ACCOUNT, _ACCOUNT)
        log = at_exit.enter_context((folder / "log").open("wb"))
        subprocess.run(
            [
                initdb,
                "-D",
                folder / "data",
                "-U",
                _ACCOUNT,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
                "--no-instructions",
            ],
            check=True,
            timeout=60,
            cwd=folder,
            stdout=log,
            stderr=log,
            **account,
        )
        process = subprocess.Popen(
            [
                *(server, "-D", folder / "data", "-k", folder),
                *itertools.chain.from_iterable(("-c", f"{name}={value}") for name, value in _SETTINGS.items()),
            ],
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **account,
        )
        at_exit.callback(_stop, process)
        cluster = PostgreSql(folder)
        cluster.wait_until_it_answers(process)
        yield cluster


def _programs() -> tuple[Path, Path]:
    """``initdb`` and ``postgres``. Debian keeps every version's apart, and none of them on PATH."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    for program in sorted(versions, key=lambda path: int(path.parts[-3]), reverse=True):
        return program, program.with_name("postgres")
    initdb, postgres = need("initdb", "postgres")
    return initdb, postgres


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)  # "fast": without waiting for clients to go
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
