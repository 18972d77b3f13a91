"""What the Email SMTP page says of where mail goes: honest when the own server fails, and what the platform takes."""

from datetime import timedelta

import pytest

from portal.domain.routing.fault import Fault
from portal.domain.routing.platform_quota import Use
from portal.domain.routing.route_choice import RouteOptions
from portal.services import route_states
from portal.services.routes import route_options
from portal.storage import organisations, platform_use
from tests.support.portal_app import ALICE, Browser, Portal, typed, words_of

PAGE = "/t/acme/email-smtp"
OWN = "smtp.acme.example:587"
PLATFORM = "Acme Production via Northwind <no-reply@platform.example>"


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
    assert "The own server (version 1) is failing (ROUTE_AUTH). What happened: said." in words
    assert "1 person was told by mail that the own server (version 1) fails (ROUTE_AUTH)." in words
    assert "The own server (version 1) is used again: it has accepted mail." in words
    assert "1 person was told by mail that the own server (version 1) works again." in words
