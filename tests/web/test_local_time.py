"""Times as the reader's clock shows them, and in UTC where nobody has said."""

import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from portal.web import local_time
from portal.web.local_time import local, local_clock, local_text, zone, zone_name
from tests.support.portal_app import Browser

WINTER = datetime(2026, 11, 20, 21, 4, 5, tzinfo=UTC)
SUMMER = datetime(2026, 7, 1, 21, 4, 5, tzinfo=UTC)


@pytest.fixture
def app() -> Flask:
    made = Flask("times")
    local_time.init_app(made)
    return made


def read_in(app: Flask, name: str, template: str, at: datetime) -> str:
    with app.test_request_context(headers={"Cookie": f"zone={name}"}):
        return app.jinja_env.from_string(template).render(at=at)


@pytest.mark.parametrize(
    ("name", "at", "words"),
    [
        ("", WINTER, "2026-11-20 21:04 UTC"),
        ("Etc/UTC", WINTER, "2026-11-20 21:04 UTC"),
        ("Europe/Berlin", WINTER, "2026-11-20 22:04 CET"),
        ("Europe/Berlin", SUMMER, "2026-07-01 23:04 CEST"),
        ("Europe/London", WINTER, "2026-11-20 21:04 GMT"),
        ("Pacific/Auckland", WINTER, "2026-11-21 10:04 NZDT"),
        ("America/St_Johns", WINTER, "2026-11-20 17:34 NST"),
    ],
)
def test_a_time_is_shown_in_the_readers_zone_with_its_name(app: Flask, name: str, at: datetime, words: str) -> None:
    assert read_in(app, name, "{{ at | local_text }}", at) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Asia/Kathmandu", "UTC+05:45"),  # the tz database gives it no name
        ("America/Sao_Paulo", "UTC-03:00"),
        ("Asia/Shanghai", "UTC+08:00"),  # its name is Chicago's, too
        ("America/Chicago", "UTC-06:00"),
        ("Asia/Kolkata", "UTC+05:30"),
    ],
)
def test_a_zone_without_a_name_of_its_own_shows_its_offset(app: Flask, name: str, words: str) -> None:
    assert read_in(app, name, "{{ zone_name(at) }}", WINTER) == words


def test_every_name_that_is_shown_belongs_to_one_offset(app: Flask) -> None:
    offsets: dict[str, set[timedelta | None]] = {}
    for name in zoneinfo.available_timezones():
        for at in (WINTER, SUMMER):
            shown = read_in(app, name, "{{ zone_name(at) }}", at)
            offsets.setdefault(shown, set()).add(at.astimezone(zoneinfo.ZoneInfo(name)).utcoffset())
    assert {shown: several for shown, several in offsets.items() if len(several) > 1} == {}


@pytest.mark.parametrize(
    "name",
    [
        "nonsense",
        "Europe",
        "europe/berlin",
        "../../etc/passwd",
        "/etc/localtime",
        "posixrules",
        "x" * 4000,
        "%00",
        "<b>",
    ],
)
def test_what_is_no_zone_is_utc(app: Flask, name: str) -> None:
    assert read_in(app, name, "{{ at | local_clock }}", WINTER) == "21:04 UTC"


def test_a_time_tells_programs_and_whoever_points_at_it_what_it_is_in_utc(app: Flask) -> None:
    assert read_in(app, "Europe/Berlin", "{{ at | local }}", WINTER) == (
        '<time datetime="2026-11-20T21:04:05Z" title="2026-11-20 21:04:05 UTC">2026-11-20 22:04:05 CET</time>'
    )


def test_the_same_time_may_come_as_text() -> None:
    text = "2026-11-20T22:04:05+01:00"
    assert local(text) == local(WINTER)
    assert local_text(text) == local_text(WINTER)
    assert local_clock(text) == local_clock(WINTER)


def test_outside_a_request_times_are_in_utc() -> None:
    assert zone() is UTC
    assert zone_name(WINTER) == "UTC"


def test_the_pages_follow_the_cookie(alice: Browser) -> None:
    audit_log = "/t/acme/audit-log"
    assert "JST</time>" not in alice.get(audit_log).text
    alice.client.set_cookie("zone", "Asia/Tokyo", domain="127.0.0.1")
    assert "JST</time>" in alice.get(audit_log).text
