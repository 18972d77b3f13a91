"""Which routes a message may take, in which order, and why."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.mail.notification_kinds import KINDS
from portal.domain.routing.attempt_history import NO_HISTORY, History, PastAttempt
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.fault import Fault
from portal.domain.routing.route_choice import Because, Choice, routes_to_try, sentence
from portal.domain.routing.smtp_route import Via
from tests.support.route_options import FALLBACK, OWN, PLATFORM, ways

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
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
