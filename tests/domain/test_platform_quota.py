"""How much of the platform's sender a tenant may use: one tenant must not ruin the address that all share."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.mail.notification_kinds import KINDS
from portal.domain.routing.platform_quota import Budget, Held, Quota, Use, budget_of
from portal.domain.routing.route_choice import Because

NOW = datetime(2026, 11, 20, 21, 40, tzinfo=UTC)
TEN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
EXPIRES = NOW + timedelta(days=3)
QUOTA = Quota(platform_hourly=300, fallback_hourly=1000)
FALLBACKS = [Because.FELL_BACK, Because.REFUSED_BEFORE, Because.UNHEALTHY, Because.SAME_ROUTE_AGAIN]


def held(use: Use, because: Because, kind: str = "reminder", *, now: datetime = NOW) -> Held | None:
    return QUOTA.held(use, because, KINDS[kind], expires_at=EXPIRES, now=now)


@pytest.mark.parametrize("because", [Because.NO_OWN_SERVER, Because.TURNED_OFF])
def test_a_tenant_without_a_server_in_use_has_300_messages_an_hour(because: Because) -> None:
    assert held(Use(own=299), because) is None
    assert held(Use(own=300), because) == Held(TEN, EXPIRES + timedelta(minutes=20), Budget.OWN, 300)


@pytest.mark.parametrize("because", FALLBACKS)
def test_fallbacks_have_a_budget_of_their_own(because: Because) -> None:
    assert held(Use(own=300, fallback=999), because) is None
    assert held(Use(fallback=1000), because) == Held(TEN, EXPIRES + timedelta(minutes=20), Budget.FALLBACK, 1000)
    assert held(Use(fallback=1000), Because.NO_OWN_SERVER) is None


@pytest.mark.parametrize("because", Because)
@pytest.mark.parametrize("kind", [kind.name for kind in KINDS.values() if kind.is_security] + ["probe", "route_alert"])
def test_security_mail_and_our_own_never_wait_and_use_nothing_up(kind: str, because: Because) -> None:
    assert budget_of(because, KINDS[kind]) is None
    assert held(Use(own=9999, fallback=9999), because, kind) is None


@pytest.mark.parametrize("because", Because)
def test_every_other_message_over_the_platform_is_counted_as_one_of_the_two(because: Because) -> None:
    over_the_platform = because not in {Because.TENANT_ROUTE, Because.PLATFORM_ONLY}
    assert (budget_of(because, KINDS["digest"]) is not None) is over_the_platform


def test_a_message_is_counted_once_and_as_what_it_is() -> None:
    use = Use().plus_one(Budget.OWN).plus_one(Budget.FALLBACK).plus_one(Budget.FALLBACK)
    assert use == Use(own=1, fallback=2)


@pytest.mark.parametrize(
    ("now", "waits"),
    [
        pytest.param(NOW, timedelta(minutes=20), id="until the hour is full"),
        pytest.param(NOW.replace(minute=0), timedelta(hours=1), id="a whole hour when it has just begun"),
        pytest.param(NOW.replace(minute=59, second=59), timedelta(seconds=1), id="a second at its end"),
    ],
)
def test_its_lifetime_waits_with_it(now: datetime, waits: timedelta) -> None:
    wait = held(Use(own=300), Because.NO_OWN_SERVER, now=now)
    assert wait is not None
    assert wait.until == now + waits
    assert wait.expires_at - wait.until == EXPIRES - now


@pytest.mark.parametrize(
    ("use", "because", "sentence"),
    [
        pytest.param(
            Use(own=300),
            Because.NO_OWN_SERVER,
            "It waits until 22:00 UTC: what the platform sends in an hour for Acme is used up (300 messages).",
            id="no server",
        ),
        pytest.param(
            Use(fallback=1000),
            Because.UNHEALTHY,
            "It waits until 22:00 UTC: what the platform takes over in an hour from Acme's own server is used up "
            "(1,000 messages).",
            id="fallback",
        ),
    ],
)
def test_the_decision_list_says_why_it_waits(use: Use, because: Because, sentence: str) -> None:
    wait = held(use, because)
    assert wait is not None
    assert wait.sentence(tenant="Acme") == sentence
