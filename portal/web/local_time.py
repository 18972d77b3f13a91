"""Times as the reader's clock shows them.

A few lines of ``static/portal.js`` put the browser's time zone into a cookie; without it, times are in UTC. The cookie
is what somebody sent: only a name that the tz database knows is ever looked up.
"""

import zoneinfo
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Final

from flask import Flask, has_request_context, request
from markupsafe import Markup

COOKIE: Final = "zone"

_SHARED_ABBREVIATIONS: Final = frozenset({"CDT", "CST", "IST", "PST"})
"""Abbreviations that the tz database gives to clocks of different countries: CST is Chicago's time and Shanghai's."""


def zone() -> tzinfo:
    """The time zone of whoever reads this page; UTC when it is not known."""
    name = request.cookies.get(COOKIE, "") if has_request_context() else ""
    return zoneinfo.ZoneInfo(name) if name in _known_zones() else UTC


def local(at: datetime | str) -> Markup:
    """A time as a ``<time>`` element, e.g. ``2026-11-20 22:04:05 CET``; pointing at it shows UTC.

    Args:
        at: An aware time, or one in ISO 8601.
    """
    moment = _moment(at)
    return Markup('<time datetime="{:%Y-%m-%dT%H:%M:%SZ}" title="{:%Y-%m-%d %H:%M:%S} UTC">{}</time>').format(
        moment, moment, _text(moment, "%Y-%m-%d %H:%M:%S")
    )


def local_text(at: datetime | str) -> str:
    """A time for a sentence, to the minute, e.g. ``2026-11-20 22:04 CET``."""
    return _text(_moment(at), "%Y-%m-%d %H:%M")


def local_clock(at: datetime | str) -> str:
    """A time of a day that is known, e.g. ``22:04 CET``."""
    return _text(_moment(at), "%H:%M")


def zone_name(at: datetime) -> str:
    """What the reader calls the zone at that time: ``CET``, or the offset (``UTC+05:30``) where no name is its own."""
    moment = at.astimezone(zone())
    name = moment.tzname() or ""
    if name.isalpha() and name not in _SHARED_ABBREVIATIONS:
        return name
    offset = f"{moment:%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}"


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(local=local, local_text=local_text, local_clock=local_clock)
    app.jinja_env.globals["zone_name"] = zone_name


def _moment(at: datetime | str) -> datetime:
    return (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(UTC)


def _text(moment: datetime, form: str) -> str:
    return f"{moment.astimezone(zone()):{form}} {zone_name(moment)}"


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
