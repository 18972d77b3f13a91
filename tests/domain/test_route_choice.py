"""Which routes a message may take, in which order, and why."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.mail.notification_kinds import KINDS
from portal.domain.routing.attempt_history import NO_HISTORY, History, PastAttempt
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.fault import Fault
from portal.domain.routing.route_choice import Because, Choice, held_until, routes_to_try, sentence
from portal.domain.routing.route_health import RouteHealth
from portal.domain.routing.smtp_route import SmtpRoute, Via
from tests.support.route_options import FALLBACK, OWN, PLATFORM, ways

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
FAILING = RouteHealth().after(Fault.ROUTE_CERT, NOW)
ONLY_OWN = (Choice(OWN, Because.TENANT_ROUTE),)
OWN_THEN_PLATFORM = (Choice(OWN, Because.TENANT_ROUTE), Choice(FALLBACK, Because.FELL_BACK))


@pytest.mark.parametrize(
    ("policy", "kind", "routes"),
    [
        pytest.param(FallbackPolicy.ALWAYS, "reminder", OWN_THEN_PLATFORM, id="always: a reminder may fall back"),
        pytest.param(FallbackPolicy.ALWAYS, "otp", OWN_THEN_PLATFORM, id="always: a sign-in code may"),
        pytest.param(FallbackPolicy.SECURITY, "reminder", ONLY_OWN, id="security: a reminder waits"),
        pytest.param(FallbackPolicy.SECURITY, "otp", OWN_THEN_PLATFORM, id="security: a sign-in code may"),
        pytest.param(FallbackPolicy.NEVER, "reminder", ONLY_OWN, id="never: a reminder waits"),
        pytest.param(FallbackPolicy.NEVER, "otp", ONLY_OWN, id="never: a sign-in code waits, too"),
        pytest.param(FallbackPolicy.ALWAYS, "probe", ONLY_OWN, id="a probe never falls back"),
    ],
)
def test_the_policy_decides_whether_mail_may_fall_back(
    policy: FallbackPolicy, kind: str, routes: tuple[Choice, ...]
) -> None:
    assert routes_to_try(ways(policy), KINDS[kind]) == routes


@pytest.mark.parametrize("policy", FallbackPolicy)
@pytest.mark.parametrize("kind", ["otp", "reminder", "digest", "probe"])
def test_without_a_server_in_use_mail_takes_the_platforms_under_every_policy(policy: FallbackPolicy, kind: str) -> None:
    assert routes_to_try(ways(policy, own=None), KINDS[kind]) == (Choice(PLATFORM, Because.NO_OWN_SERVER),)
    assert routes_to_try(ways(policy, turned_off=True), KINDS[kind]) == (Choice(PLATFORM, Because.TURNED_OFF),)


def test_a_server_known_to_fail_is_not_asked_where_mail_may_fall_back() -> None:
    unhealthy = routes_to_try(ways(), KINDS["otp"], own_server_healthy=False)
    assert unhealthy == (Choice(FALLBACK, Because.UNHEALTHY),)
    held = routes_to_try(ways(FallbackPolicy.NEVER), KINDS["otp"], own_server_healthy=False)
    assert held == ONLY_OWN


@pytest.mark.parametrize("policy", FallbackPolicy)
@pytest.mark.parametrize("own", [None, OWN], ids=["no server", "a server"])
@pytest.mark.parametrize("turned_off", [False, True])
@pytest.mark.parametrize("healthy", [False, True])
def test_mail_about_a_route_goes_over_the_platform_whatever_is_set(
    policy: FallbackPolicy, *, own: SmtpRoute | None, turned_off: bool, healthy: bool
) -> None:
    options = ways(policy, own=own, turned_off=turned_off)
    history = _history((Via.PLATFORM, Fault.AMBIGUOUS), (Via.PLATFORM, Fault.ROUTE_TEMP))
    routes = routes_to_try(options, KINDS["route_alert"], own_server_healthy=healthy, history=history)
    assert routes == (Choice(PLATFORM, Because.PLATFORM_ONLY),)
    assert held_until(options, KINDS["route_alert"], FAILING, now=NOW) is None


@pytest.mark.parametrize(
    ("policy", "kind", "waits"),
    [
        pytest.param(FallbackPolicy.ALWAYS, "reminder", False, id="always: it falls back"),
        pytest.param(FallbackPolicy.SECURITY, "otp", False, id="security: a sign-in code falls back"),
        pytest.param(FallbackPolicy.SECURITY, "reminder", True, id="security: a reminder waits"),
        pytest.param(FallbackPolicy.NEVER, "otp", True, id="never: a sign-in code waits, too"),
    ],
)
def test_what_may_not_fall_back_waits_for_the_next_probe_of_a_server_known_to_fail(
    policy: FallbackPolicy, kind: str, *, waits: bool
) -> None:
    wait = held_until(ways(policy), KINDS[kind], FAILING, now=NOW)
    assert (wait.until if wait else None) == (FAILING.probe_at if waits else None)
    assert held_until(ways(policy), KINDS[kind], RouteHealth(), now=NOW) is None
    assert held_until(ways(policy), KINDS[kind], None, now=NOW) is None
    assert held_until(ways(policy, turned_off=True), KINDS[kind], FAILING, now=NOW) is None
    assert held_until(ways(policy, own=None), KINDS[kind], FAILING, now=NOW) is None


def test_it_says_why_it_waits_and_until_when() -> None:
    wait = held_until(ways(FallbackPolicy.NEVER), KINDS["reminder"], FAILING, now=NOW)
    assert wait is not None
    assert wait.sentence == (
        "It waits because the tenant's own server has been failing and no other route may be used. "
        "The server is tried again at 2026-11-20 21:15:00 UTC."
    )


@pytest.mark.parametrize("late", [timedelta(), timedelta(minutes=15), timedelta(hours=7)])
def test_while_the_probe_is_on_messages_do_not_all_try_by_themselves(late: timedelta) -> None:
    assert FAILING.probe_at is not None
    now = FAILING.probe_at + late
    for health in (FAILING, FAILING.begin_probe(now, timedelta(minutes=2))):
        wait = held_until(ways(FallbackPolicy.NEVER), KINDS["otp"], health, now=now)
        assert wait is not None
        assert wait.until > now


def _history(*ends: tuple[Via, Fault], version: int = OWN.version) -> History:
    return History.of(
        PastAttempt(NOW + timedelta(minutes=n), via, fault, version if via is Via.TENANT else 0)
        for n, (via, fault) in enumerate(ends)
    )


@pytest.mark.parametrize(
    ("history", "first"),
    [
        pytest.param(NO_HISTORY, Because.TENANT_ROUTE, id="at first"),
        pytest.param(_history((Via.TENANT, Fault.ROUTE_TEMP)), Because.TENANT_ROUTE, id="it was busy"),
        pytest.param(_history((Via.TENANT, Fault.RATE)), Because.TENANT_ROUTE, id="we were too fast"),
        pytest.param(_history((Via.TENANT, Fault.ROUTE_AUTH)), Because.REFUSED_BEFORE, id="it refused the sign-in"),
        pytest.param(_history((Via.TENANT, Fault.ROUTE_CERT)), Because.REFUSED_BEFORE, id="its certificate is bad"),
        pytest.param(_history((Via.TENANT, Fault.ROUTE_SENDER)), Because.REFUSED_BEFORE, id="it refused the sender"),
        pytest.param(_history((Via.TENANT, Fault.ROUTE_AUTH), version=2), Because.TENANT_ROUTE, id="other settings"),
        pytest.param(
            _history((Via.TENANT, Fault.AMBIGUOUS)), Because.TENANT_ROUTE, id="it may have it: the same again"
        ),
        pytest.param(
            _history((Via.TENANT, Fault.AMBIGUOUS), (Via.TENANT, Fault.AMBIGUOUS)),
            Because.REFUSED_BEFORE,
            id="it may have it twice",
        ),
        pytest.param(
            _history((Via.TENANT, Fault.ROUTE_TEMP), (Via.PLATFORM, Fault.AMBIGUOUS)),
            Because.SAME_ROUTE_AGAIN,
            id="the platform may have it: the same again",
        ),
    ],
)
def test_earlier_attempts_decide_who_is_asked_first(history: History, first: Because) -> None:
    assert routes_to_try(ways(), KINDS["reminder"], history=history)[0].because is first


@pytest.mark.parametrize("fault", Fault)
def test_under_never_the_platform_is_not_asked_whatever_has_happened(fault: Fault) -> None:
    history = _history((Via.TENANT, fault), (Via.TENANT, fault))
    assert routes_to_try(ways(FallbackPolicy.NEVER), KINDS["otp"], history=history) == ONLY_OWN


def test_the_fallback_never_speaks_in_the_tenants_name() -> None:
    identity = ways().fallback.identity
    assert (identity.from_address, identity.envelope_from) == ("mail@platform.example", "bounces@platform.example")
    assert (identity.from_name, identity.reply_to) == ("Acme via Platform", "noreply@acme.example")


def test_every_reason_has_its_sentence() -> None:
    for because in Because:
        assert sentence(because, tenant="Acme {x}").endswith(".")
    assert sentence(Because.TURNED_OFF, tenant="Acme") == (
        "Sent through the platform because Acme's own server is turned off."
    )
    assert sentence(Because.FELL_BACK, tenant="Acme", reason="535 5.7.8 wrong") == (
        "Sent through the platform because Acme's own server could not take it: 535 5.7.8 wrong."
    )
