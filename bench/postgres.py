"""A private PostgreSQL on a Unix socket, durable as it is by default."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import create_engine

from bench.processes import BenchError, end, until

_NEW_CLUSTER: Final = ("--auth=trust", "--username=bench", "--encoding=UTF8", "--no-locale")


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """An empty database on a server, by its URL; dropped at the end.

    Args:
        server: The URL of any database of the server, for a user who may create databases.
    """
    name = f"bench_{uuid.uuid4().hex[:12]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield engine.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        engine.dispose()


def _programs() -> Path | None:
    """The folder of the newest server installed; Debian keeps each version in its own."""
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    return folders[-1] if folders else None


def why_not_here() -> str | None:
    """What keeps a private PostgreSQL from running on this machine, or None."""
    return None if _programs() else "PostgreSQL's server is not installed"


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server with a fresh cluster and give its URL. It refuses root, and runs as ``postgres`` then."""
    programs = _programs()
    if programs is None:
        raise BenchError("PostgreSQL's server is not installed")
    folder = Path(tempfile.mkdtemp(prefix="bench-postgres-"))
    try:
        user = _lower_user(folder)
        cluster = folder / "cluster"
        initdb: list[str | Path] = [programs / "initdb", *_NEW_CLUSTER, "-D", cluster]
        subprocess.run(initdb, check=True, timeout=60, stdout=subprocess.DEVNULL, cwd=folder, user=user, group=user)
        settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "max_connections": "300"}
        command: list[str | Path] = [programs / "postgres", "-D", cluster]
        command += [f"--{name}={value}" for name, value in settings.items()]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, user=user, group=user)
        try:
            ready: list[str | Path] = [programs / "pg_isready", "-q", "-h", folder]
            until(lambda: subprocess.run(ready, check=False).returncode == 0, seconds=30, what="PostgreSQL to be ready")
            yield f"postgresql+psycopg://bench@/postgres?host={quote(str(folder), safe='')}"
        finally:
            end(process)
    finally:
        shutil.rmtree(folder)


def _lower_user(folder: Path) -> str | None:
    """Hand the folder to whom the server is to run as; None for us."""
    if os.geteuid() != 0:
        return None
    owner = pwd.getpwnam("postgres")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return owner.pw_name
