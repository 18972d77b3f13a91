"""The overview: figures in words, a chart for every reader, and a page that teaches while there is nothing."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import pytest

from portal.domain.routing.platform_quota import Use
from portal.storage import platform_use, traffic
from portal.storage.messages import MessageState
from portal.web.overview_page import duration
from tests.support.portal_app import ALICE, Browser, Portal, typed, words_of
from tests.support.stored_mail import put_attempt, put_messages

PAGE: Final = "/t/acme/overview"
OWN: Final[dict[str, Any]] = {"state": MessageState.SENT, "via": "tenant", "because": "tenant_route", "tries": 1}
UNHEALTHY: Final = OWN | {"via": "platform", "because": "unhealthy"}
FELL_BACK: Final = OWN | {"via": "platform", "because": "fell_back", "tries": 2}
FAILED: Final = OWN | {"state": MessageState.FAILED}
SVG: Final = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def midway(portal: Portal) -> Portal:
    """The portal at half past, so that no hour ends in the middle of a test."""
    portal.clock.passed = timedelta(minutes=30 - portal.clock().minute)
    return portal


def put(portal: Portal, *, ago: timedelta = timedelta(minutes=1), taking: float = 1, **more: Any) -> list[str]:
    at = portal.clock() - ago
    with portal.waypost.database.transaction() as session:
        return [*put_messages(session, portal.acme, at, finished_at=at + timedelta(seconds=taking), **more)]


def refuse(portal: Portal, message: str, **attempt: Any) -> None:
    """The own server's answer to a message's first attempt."""
    with portal.waypost.database.transaction() as session:
        put_attempt(session, message, 1, portal.clock(), via="tenant", **attempt)


def activate(alice: Browser) -> None:
    alice.post("/t/acme/email-smtp/draft", typed())
    alice.post("/t/acme/email-smtp/activate", {"version": "1", "untested": "yes"})


def tile(page: str, name: str) -> str:
    """A tile's figure and the words below it."""
    found = re.search(rf'id="{name}">(.*?)</section>', page, re.DOTALL)
    assert found, name
    return " ".join(re.sub(r"<span class=\"visually-hidden\">.*?</span>|<[^>]+>", " ", found[1]).split())


def test_without_mail_the_page_teaches_and_shows_the_next_step(alice: Browser) -> None:
    words = words_of(alice.get(PAGE))
    assert "No mail yet" in words
    assert "Send a sample" in words
    assert "Set up your own mail server" in words
    assert "0 of 300 messages" in words
    assert "Nothing is waiting." in words


def test_a_viewer_reads_who_can_set_it_up(bob: Browser) -> None:
    page = bob.get(PAGE)
    assert "An owner or admin of Acme Production can set up a mail server of your own." in words_of(page)
    assert "Send a sample" not in page.text


def test_with_a_server_of_its_own_the_page_leads_to_its_settings(alice: Browser) -> None:
    activate(alice)
    words = words_of(alice.get(PAGE))
    assert "Set up your own mail server" not in words
    assert "Email SMTP settings" in words
    assert "smtp.acme.example:587" in words


def test_the_tiles_count_the_last_24_hours(midway: Portal) -> None:
    alice = midway.browser(ALICE)
    activate(alice)
    put(midway, count=989, **OWN)
    put(midway, count=7, **OWN | {"tries": 2})
    put(midway, count=4, **UNHEALTHY, ago=timedelta(hours=3))
    put(midway, count=50, **OWN, ago=timedelta(hours=25))
    page = alice.get(PAGE).text
    assert tile(page, "sent") == "1,000 99.3 % on the first try"
    assert tile(page, "fallback").startswith("4 ")
    assert tile(page, "failed") == "0 nothing was lost"


def test_a_quiet_day_is_no_empty_page(midway: Portal) -> None:
    put(midway, **OWN, ago=timedelta(days=2))
    page = midway.browser(ALICE).get(PAGE)
    assert [tile(page.text, name) for name in ("sent", "failed", "median")] == [
        "0 nothing yet",
        "0 nothing was lost",
        "– nothing was sent",
    ]
    assert "No message was handed in during these hours." in page.text


@pytest.mark.parametrize(
    ("messages", "note"),
    [
        ([(OWN, 3)], "3 all on the first try"),
        ([(OWN, 1999), (OWN | {"tries": 2}, 1)], "2,000 99.9 % on the first try"),
        ([(FAILED, 1)], "0 nothing yet"),
    ],
)
def test_all_is_said_only_when_it_is_true(
    midway: Portal, messages: list[tuple[Mapping[str, Any], int]], note: str
) -> None:
    for message, count in messages:
        put(midway, count=count, **message)
    assert tile(midway.browser(ALICE).get(PAGE).text, "sent") == note


@pytest.mark.parametrize(
    ("attempt", "why"),
    [
        (
            {"stage": "connect", "code": None, "reply": "connection refused", "fault": "ROUTE_TEMP"},
            "connection refused",
        ),
        ({"stage": "auth", "code": 535, "reply": "535 5.7.8 <b>no</b>", "fault": "ROUTE_AUTH"}, "sign-in refused"),
        (None, "your server was failing"),
    ],
)
def test_the_fallback_is_told_with_when_and_why(midway: Portal, attempt: Mapping[str, Any] | None, why: str) -> None:
    hour = midway.clock().replace(minute=0, second=0, microsecond=0)
    for minute in (2, 14):
        [message] = put(midway, ago=midway.clock() - hour - timedelta(minutes=minute), **FELL_BACK)
        if attempt:
            refuse(midway, message, **attempt)
    told = tile(midway.browser(ALICE).get(PAGE).text, "fallback")
    assert told == f"2 {hour:%H}:02–{hour:%H}:14 UTC, {why}"


def test_times_are_the_readers(midway: Portal) -> None:
    put(midway, **UNHEALTHY)
    alice = midway.browser(ALICE)
    alice.client.set_cookie("zone", "Asia/Kolkata", domain="127.0.0.1")
    at = midway.clock() - timedelta(minutes=1) + timedelta(hours=5, minutes=30)
    assert f"{at:%H:%M} UTC+05:30" in tile(alice.get(PAGE).text, "fallback")


def test_failures_are_told_by_their_reasons_the_most_frequent_first(midway: Portal) -> None:
    for fault, count in (("MSG_PERM", 1), ("RCPT_PERM", 2), ("RCPT_TEMP", 1)):
        for message in put(midway, count=count, **FAILED):
            refuse(midway, message, fault=fault)
    put(midway, count=2, state=MessageState.EXPIRED)
    told = tile(midway.browser(ALICE).get(PAGE).text, "failed")
    assert told == "6 3 bad recipients, 2 expired, 1 rejected"


def test_the_median_and_the_slow_ones_are_told(midway: Portal) -> None:
    for taking in (0.1, 0.38, 0.9, 75):
        put(midway, taking=taking, **OWN)
    assert tile(midway.browser(ALICE).get(PAGE).text, "median") == "0.38 s 95 % within 1 min 15 s"


def test_of_very_many_messages_the_page_says_which_were_timed(midway: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "MOST_TIMED", 4)
    put(midway, count=5, taking=0.5, **OWN)
    told = tile(midway.browser(ALICE).get(PAGE).text, "median")
    assert told == "0.50 s 95 % within 0.50 s, of the newest 4"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.004, "0.00 s"), (9.994, "9.99 s"), (12.34, "12.3 s"), (185, "3 min 5 s"), (7800.4, "2 h 10 min")],
)
def test_a_duration_is_told_as_exactly_as_it_matters(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_what_waits_and_what_is_used_of_the_platforms_sender_is_told(midway: Portal) -> None:
    alice = midway.browser(ALICE)
    put(midway, count=2, state=MessageState.QUEUED, ago=timedelta(hours=2))
    with midway.waypost.database.transaction() as session:
        platform_use.put(session, [(midway.acme, midway.clock(), Use(own=12, fallback=34))])
    page = alice.get(PAGE)
    assert "2 messages still to be sent, the oldest handed in" in words_of(page)
    assert "12 of 300 messages" in words_of(page)
    activate(alice)
    page = alice.get(PAGE)
    assert "34 of 1,000 messages" in words_of(page)
    assert '<progress class="progress progress-sm quota" value="34" max="1000"' in page.text


def test_the_chart_says_in_words_and_in_a_table_what_it_draws(midway: Portal) -> None:
    put(midway, count=5, **OWN)
    put(midway, count=2, **UNHEALTHY)
    put(midway, **FAILED)
    page = midway.browser(ALICE).get(PAGE).text
    drawn = re.search(r"<svg class=\"traffic\".*?</svg>", page, re.DOTALL)
    assert drawn
    svg = ET.fromstring(drawn[0].replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))  # noqa: S314 - our own page
    named = {element.get("id"): element.text for element in svg if element.get("id")}
    assert svg.get("role") == "img"
    assert set((svg.get("aria-labelledby") or "").split()) <= named.keys()
    assert "5 sent the usual way, 2 sent through the fallback, 1 failed, 0 waiting." in str(named["chart-says"])
    bars = [bar for bar in svg.iter(f"{SVG}g") if bar.findall(f"{SVG}rect")]
    assert [len(bar.findall(f"{SVG}rect")) for bar in bars] == [3]
    patterns = {f"url(#{pattern.get('id')})" for pattern in svg.iter(f"{SVG}pattern")}
    assert {rect.get("fill") for rect in bars[0].iter(f"{SVG}rect")} - {None} < patterns
    assert "style=" not in page
    rows = re.findall(r'<th scope="row">.*?</tr>', page)
    assert len(rows) == 24
    assert re.findall(r"<td>(\d+)</td>", rows[0]) == ["5", "2", "1", "0"]
