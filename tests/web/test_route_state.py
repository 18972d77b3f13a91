"""What the Email SMTP page says of where mail goes: honest when the own server fails, and what the platform takes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.fault import Fault
from portal.domain.routing.platform_quota import Quota, Use
from portal.domain.routing.route_choice import RouteOptions
from portal.domain.routing.smtp_route import TlsMode
from portal.services import route_states
from portal.services.routes import route_options
from portal.storage import email_settings as stored
from portal.storage import organisations, platform_use
from portal.web.route_state import (
    DRAFT_LOOKS,
    LOOKS,
    LastMessage,
    Outage,
    Proof,
    RouteState,
    Standing,
    Version,
)
from tests.support.portal_app import ALICE, Browser, Portal, typed, words_of
from tests.support.stored_mail import put_attempt, put_messages

PAGE = "/t/acme/email-smtp"
OWN = "smtp.acme.example:587"
PLATFORM = "Acme Production via Northwind <no-reply@platform.example>"

SAVED = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CHANGED = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
MET = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
LET_IN = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 11, 45, tzinfo=UTC)
OUT = Outage(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), datetime(2026, 11, 20, 12, 5, tzinfo=UTC))
SETTINGS = EmailSettings("smtp.acme.example", 587, TlsMode.STARTTLS, "no-reply@acme.example")
NOTHING_YET = RouteState(
    enabled=False,
    active=None,
    draft=None,
    changed_at=CHANGED,
    platform_sender=PLATFORM,
    last=None,
    outage=None,
    used=Use(),
    quota=Quota(platform_hourly=300, fallback_hourly=1000),
)
PROVEN = replace(NOTHING_YET, enabled=True, active=Version(1, SETTINGS, Proof.PROVEN, SAVED))
UNPROVEN = replace(PROVEN, active=Version(1, SETTINGS, Proof.UNTESTED, SAVED))
TAKEN = LastMessage(MET, is_trouble=False, said="250 2.0.0 queued")
UNTAKEN = LastMessage(MET, is_trouble=True, said="421 4.3.2 closing")


def held(state: RouteState, fallback: FallbackPolicy) -> RouteState:
    assert state.active
    return replace(state, active=replace(state.active, settings=replace(SETTINGS, fallback=fallback)))


@pytest.mark.parametrize(
    ("state", "standing", "since", "sentence"),
    [
        (NOTHING_YET, Standing.OFF, CHANGED, f"Mail goes through the platform as {PLATFORM}."),
        (replace(PROVEN, enabled=False), Standing.TURNED_OFF, CHANGED, "Turned off: mail goes through the platform"),
        (replace(PROVEN, enabled=False, outage=OUT, last=UNTAKEN), Standing.TURNED_OFF, CHANGED, "Turned off: mail"),
        (PROVEN, Standing.DELIVERING, CHANGED, f"Mail goes through {OWN} as no-reply@acme.example."),
        (
            replace(PROVEN, last=TAKEN),
            Standing.DELIVERING,
            CHANGED,
            "The last message was accepted at 2026-11-20 11:00",
        ),
        (UNPROVEN, Standing.UNPROVEN, CHANGED, "No test has shown yet that it works, and it has accepted no message"),
        (replace(UNPROVEN, last=TAKEN), Standing.DELIVERING, CHANGED, "The last message was accepted at"),
        (
            replace(UNPROVEN, last=UNTAKEN),
            Standing.FAILING,
            MET,
            "It did not take the last message, at 2026-11-20 11:00",
        ),
        (replace(PROVEN, last=UNTAKEN), Standing.FAILING, MET, "What it does not take leaves through the platform."),
        (
            replace(PROVEN, last=UNTAKEN, let_in_at=LET_IN),
            Standing.ANSWERING,
            LET_IN,
            "It failed, and let us sign in again at 2026-11-20 11:30 UTC: the next message will show",
        ),
        (
            replace(PROVEN, last=replace(UNTAKEN, at=LATER), let_in_at=LET_IN),
            Standing.FAILING,
            LATER,
            "It did not take",
        ),
        (replace(PROVEN, outage=OUT, let_in_at=LET_IN), Standing.USING_PLATFORM, OUT.since, "has been failing"),
        (
            held(replace(PROVEN, last=UNTAKEN), FallbackPolicy.NEVER),
            Standing.FAILING,
            MET,
            "What it does not take is held and tried again.",
        ),
        (
            replace(PROVEN, outage=OUT),
            Standing.USING_PLATFORM,
            OUT.since,
            "the platform as Acme Production via Northwind",
        ),
        (replace(PROVEN, outage=OUT), Standing.USING_PLATFORM, OUT.since, "next at 2026-11-20 12:05 UTC."),
        (
            replace(PROVEN, outage=OUT, last=UNTAKEN),
            Standing.USING_PLATFORM,
            OUT.since,
            "The last message met: 421 4.3.2 closing.",
        ),
        (
            held(replace(PROVEN, outage=OUT), FallbackPolicy.SECURITY),
            Standing.HOLDING,
            OUT.since,
            "has been failing; the rest is held.",
        ),
        (held(replace(PROVEN, outage=OUT), FallbackPolicy.NEVER), Standing.HOLDING, OUT.since, "Mail is held since"),
    ],
)
def test_each_state_has_its_word_its_since_and_what_happens_to_mail(
    state: RouteState, standing: Standing, since: datetime, sentence: str
) -> None:
    assert (state.standing, state.since) == (standing, since)
    assert state.look == LOOKS[standing]
    assert sentence in state.sentence


def test_every_state_looks_different_in_words_not_by_colour_alone() -> None:
    looks = [*LOOKS.values(), *DRAFT_LOOKS.values()]
    assert set(LOOKS) == set(Standing)
    assert set(DRAFT_LOOKS) == set(Proof)
    assert len({look.title for look in looks}) == len(looks)


@pytest.mark.parametrize(
    ("waiting", "words"),
    [(0, "nothing"), (1, "1 message"), (999, "999 messages"), (1000, "1,000 or more messages")],
)
def test_what_waits_is_counted_as_far_as_it_is_known(waiting: int, words: str) -> None:
    assert replace(PROVEN, waiting=waiting).what_waits == f"what waits ({words} at the moment)"


def test_a_draft_is_told_beside_what_sends(portal: Portal, alice: Browser) -> None:
    alice.post(f"{PAGE}/draft", typed())
    page = alice.get(PAGE).text
    for state_id, title in (("route-state", "Off"), ("draft-state", "Draft, not tested")):
        assert f">{title}<" in page.partition(f'id="{state_id}"')[2].partition("</span></span>")[0] + "<"
    with portal.waypost.database.transaction() as session:
        row = stored.version(session, portal.acme, 1)
        assert row
        row.proven_at = portal.clock()
    words = words_of(alice.get(PAGE))
    assert "Off Ready" in words
    assert "Ready · version 1" in words
    assert "Proven by a test at" in words


def activate(alice: Browser, **changed: str) -> None:
    alice.post(f"{PAGE}/draft", typed(**changed))
    alice.post(f"{PAGE}/activate", {"version": "1", "untested": "yes"})


def end(portal: Portal, fault: Fault, *, times: int = 1) -> None:
    """So many attempts over Acme's own server end so."""
    with portal.waypost.database.transaction() as session:
        tenant = organisations.tenant(session, portal.acme)
        options: RouteOptions = route_options(session, portal.waypost.vault, portal.waypost.platform, tenant)
        assert options.tenant is not None
        for _ in range(times):
            route_states.record(session, options.tenant, fault=fault, said="said", now=portal.clock(), cap=4)


def use(portal: Portal, used: Use, *, ago: timedelta = timedelta()) -> None:
    with portal.waypost.database.transaction() as session:
        platform_use.put(session, [(portal.acme, portal.clock() - ago, used)])


@pytest.fixture
def midway(portal: Portal) -> Portal:
    """The portal at half past, so that no hour ends in the middle of a test."""
    portal.clock.passed = timedelta(minutes=30 - portal.clock().minute)
    return portal


@pytest.mark.parametrize(
    ("fallback", "sentence"),
    [
        ("always", f"Mail goes through the platform as {PLATFORM} since"),
        ("security", f"Security mail goes through the platform as {PLATFORM} since"),
        ("never", "Mail is held since"),
    ],
)
def test_while_the_server_is_known_to_fail_the_page_says_where_mail_goes_instead(
    portal: Portal, alice: Browser, fallback: str, sentence: str
) -> None:
    activate(alice, fallback=fallback)
    end(portal, Fault.ROUTE_AUTH, times=2)
    words = words_of(alice.get(PAGE))
    assert "Active, failing" in words
    assert sentence in words
    assert f"UTC, because {OWN} has been failing" in words
    with portal.waypost.database.reading() as session:
        at = route_states.read(session, f"{portal.acme}:1").health.probe_at
    assert f"The server is tried again by itself, next at {at:%Y-%m-%d %H:%M} UTC." in words
    assert f"Mail goes through {OWN}" not in words


def test_one_failure_is_no_outage_and_recovery_ends_it(portal: Portal, alice: Browser) -> None:
    activate(alice)
    end(portal, Fault.ROUTE_AUTH)
    assert f"Mail goes through {OWN}" in words_of(alice.get(PAGE))
    end(portal, Fault.ROUTE_AUTH)
    end(portal, Fault.OK)
    words = words_of(alice.get(PAGE))
    assert f"Mail goes through {OWN}" in words
    assert "failing" not in words


def test_a_server_that_lets_us_in_again_is_not_called_failing_before_the_next_message(
    portal: Portal, alice: Browser
) -> None:
    activate(alice)
    end(portal, Fault.ROUTE_AUTH, times=2)
    with portal.waypost.database.transaction() as session:
        [message] = put_messages(session, portal.acme, portal.clock())
        put_attempt(session, message, 1, portal.clock(), via="tenant", version=1, fault=Fault.ROUTE_AUTH)
    assert "Active, failing" in words_of(alice.get(PAGE))
    portal.clock.passed += timedelta(days=1)
    [route] = portal.waypost.route_watch.due(portal.clock())
    portal.waypost.route_watch.probed(route, fault=Fault.OK, said="250 OK", now=portal.clock())
    words = words_of(portal.browser(ALICE).get(PAGE))
    assert "Active, answering again" in words
    assert f"let us sign in again at {portal.clock():%Y-%m-%d %H:%M} UTC" in words
    assert "failing" not in words


def test_what_failed_before_says_nothing_of_newer_settings_or_of_a_server_turned_off(
    portal: Portal, alice: Browser
) -> None:
    activate(alice)
    end(portal, Fault.ROUTE_AUTH, times=2)
    alice.post(f"{PAGE}/disable")
    assert "failing" not in words_of(alice.get(PAGE))
    alice.post(f"{PAGE}/draft", typed(from_name="Acme Two"))
    alice.post(f"{PAGE}/activate", {"version": "2", "untested": "yes"})
    assert "failing" not in words_of(alice.get(PAGE))


def test_without_a_server_in_use_the_page_shows_how_much_of_the_hour_is_used_up(midway: Portal) -> None:
    alice = midway.browser(ALICE)
    use(midway, Use(own=299), ago=timedelta(hours=1))
    assert "Through the platform: 0 of 300 messages this hour." in words_of(alice.get(PAGE))
    use(midway, Use(own=42, fallback=7))
    assert "Through the platform: 42 of 300 messages this hour." in words_of(alice.get(PAGE))


def test_with_a_server_in_use_only_fallbacks_are_worth_a_line(midway: Portal) -> None:
    alice = midway.browser(ALICE)
    activate(alice)
    use(midway, Use(own=42))
    assert "messages this hour" not in words_of(alice.get(PAGE))
    use(midway, Use(own=42, fallback=1001))
    assert "Through the platform: 1,001 of 1,000 messages this hour." in words_of(alice.get(PAGE))


def test_the_audit_log_tells_of_failure_alert_and_recovery(portal: Portal, alice: Browser) -> None:
    activate(alice)
    end(portal, Fault.ROUTE_AUTH, times=2)
    portal.waypost.route_watch.due(portal.clock())
    end(portal, Fault.OK)
    portal.waypost.route_watch.due(portal.clock())
    words = words_of(alice.get("/t/acme/audit-log"))
    assert "The own server (version 1) is failing: the sign-in was refused. What happened: said." in words
    assert "1 person was told by mail that the own server (version 1) fails, because the sign-in was refused." in words
    assert "The own server (version 1) is used again: it has accepted mail." in words
    assert "1 person was told by mail that the own server (version 1) works again." in words
