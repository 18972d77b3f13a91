"""``doctor``: what is wrong with this installation."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
from sqlalchemy import make_url

from portal import wiring
from portal.cli.installation import BROKEN, BROKEN_INSTALLATION, NO
from portal.domain.audit_chain import UNREADABLE
from portal.domain.routing.smtp_route import TlsMode
from portal.settings import Settings
from portal.storage import audit_seals, figures
from portal.wiring import Waypost

_LOW_DISK: Final = 512 * 1024 * 1024
_STUCK: Final = timedelta(minutes=5)
_UNSEALED: Final = timedelta(minutes=15)


@click.command()
def doctor() -> None:
    """Look for what is wrong with this installation and say what to do."""
    try:
        waypost = wiring.build()
    except BROKEN_INSTALLATION as error:
        click.echo(f"broken   {error}")
        raise SystemExit(BROKEN) from None
    click.echo("fine     settings, database and vault keys fit together")
    found = [sentence for look in _LOOKS for sentence in look(waypost)]
    for sentence in found:
        click.echo(f"look at  {sentence}")
    waypost.close()
    if found:
        raise SystemExit(NO)


def _base_url(waypost: Waypost) -> Iterator[str]:
    if not waypost.settings.base_url.startswith("https://"):
        yield "PORTAL_BASE_URL does not begin with https://, so sign-ins travel readable. Put a TLS proxy in front."


def _platform_server(waypost: Waypost) -> Iterator[str]:
    if waypost.settings.platform_endpoint.tls is TlsMode.NONE:
        yield "PORTAL_PLATFORM_SMTP_URL uses no encryption. Use smtp+starttls:// or smtps://."
    if waypost.signer is None:
        yield "No PORTAL_PLATFORM_DKIM_*: mail through the platform leaves unsigned, and receivers will doubt it."
    elif not waypost.signer.covers(waypost.settings.platform_domain):
        yield "PORTAL_PLATFORM_DKIM_DOMAIN is not the domain of PORTAL_PLATFORM_FROM: the signature cannot align."


def _exceptions(waypost: Waypost) -> Iterator[str]:
    settings: Settings = waypost.settings
    if settings.allowed_smtp_networks:
        yield f"Tenants may reach {', '.join(settings.allowed_smtp_networks)} (PORTAL_ALLOWED_SMTP_NETWORKS)."
    if settings.allow_plaintext:
        yield "Tenants may send unencrypted (PORTAL_ALLOW_PLAINTEXT)."


def _disk(waypost: Waypost) -> Iterator[str]:
    url = make_url(waypost.settings.database_url.reveal())
    if url.get_backend_name() == "sqlite" and url.database:
        free = shutil.disk_usage(Path(url.database).resolve().parent).free
        if free < _LOW_DISK:
            yield f"Only {free // 1024 // 1024} MiB are free where the database lies. Messages are refused at 0."


def _durability(waypost: Waypost) -> Iterator[str]:
    if not waypost.database.confirms_what_is_durable():
        yield "PostgreSQL's fsync or synchronous_commit is off: messages it has taken may be lost with the power."


def _queue(waypost: Waypost) -> Iterator[str]:
    with waypost.database.reading() as session:
        now = waypost.clock()
        oldest = figures.oldest_due(session, now)
    if oldest and now - oldest > _STUCK:
        yield f"A message has been due since {oldest:%Y-%m-%d %H:%M} UTC."


def _workers(waypost: Waypost) -> Iterator[str]:
    with waypost.database.reading() as session:
        workers = figures.workers(session, waypost.database.time(session, waypost.clock))
    if not workers.alive:
        yield "No worker is running, so nothing is sent: ./run work."
    for since in workers.dead:
        yield f"A worker has died or is frozen since {since:%Y-%m-%d %H:%M} UTC. The next one takes its messages over."


def _routes(waypost: Waypost) -> Iterator[str]:
    with waypost.database.reading() as session:
        unhealthy = figures.unhealthy_routes(session)
    if unhealthy:
        yield f"Mail servers that are tried again from time to time, because they take nothing: {unhealthy}."


def _seals(waypost: Waypost) -> Iterator[str]:
    try:
        with waypost.database.reading() as session:
            since = audit_seals.waits_since(session)
    except UNREADABLE:
        yield "The audit log holds what this program has not written, and is not sealed any more: ./run audit verify."
        return
    if since and waypost.clock() - since > _UNSEALED:
        yield f"What people did since {since:%Y-%m-%d %H:%M} UTC is not sealed in the audit log: the worker does that."


_LOOKS: Final[tuple[Callable[[Waypost], Iterator[str]], ...]] = (
    _base_url,
    _platform_server,
    _exceptions,
    _disk,
    _durability,
    _queue,
    _workers,
    _routes,
    _seals,
)
