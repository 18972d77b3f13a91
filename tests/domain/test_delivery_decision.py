"""What becomes of a message after an attempt."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.mail.notification_kinds import KINDS, NotificationKind
from portal.domain.routing.attempt_history import NO_HISTORY, History, PastAttempt
from portal.domain.routing.delivery_decision import (
    Decision,
    Delivered,
    Expire,
    GiveUp,
    NextRoute,
    Reason,
    RetryNow,
    Situation,
    TryAgain,
    decide,
    sentence,
)
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.fault import Fault
from portal.domain.routing.route_choice import Because, Choice, routes_to_try
from portal.domain.routing.smtp_route import Via
from tests.support.route_options import FALLBACK, OWN, ways

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
BOTH = (Choice(OWN, Because.TENANT_ROUTE), Choice(FALLBACK, Because.FELL_BACK))
ONLY_OWN = BOTH[:1]
PLATFORM_LEFT = BOTH[1:]
REFUSALS = (Fault.ROUTE_AUTH, Fault.ROUTE_CERT, Fault.ROUTE_SENDER, Fault.ROUTE_PERM, Fault.ROUTE_PROTOCOL)


def _ago(fault: Fault, *waits: timedelta, via: Via = Via.TENANT) -> History:
    """Attempts that ended so, each this long before now."""
    version = OWN.version if via is Via.TENANT else 0
    return History.of(PastAttempt(NOW - wait, via, fault, version) for wait in waits)


def _seconds(*numbers: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=number) for number in numbers)


def _minutes(*numbers: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=number) for number in numbers)


def _decide(
    fault: Fault,
    kind: str = "reminder",
    remaining: tuple[Choice, ...] = BOTH,
    history: History = NO_HISTORY,
    *,
    lifetime: timedelta | None = None,
    spent: float = 1.0,
    not_before: datetime | None = None,
) -> Decision:
    started = min([NOW, *(attempt.at for attempt in history.attempts)])
    return decide(
        fault,
        Situation(
            kind=KINDS[kind],
            remaining=remaining,
            history=history,
            now=NOW,
            began_at=NOW - timedelta(seconds=spent),
            expires_at=NOW + lifetime if lifetime else started + KINDS[kind].lifetime,
            not_before=not_before,
        ),
    )


def _again(decision: Decision) -> float:
    """In how many seconds it is tried again."""
    assert isinstance(decision, TryAgain)
    return (decision.at - NOW).total_seconds()


def test_an_accepted_message_is_delivered() -> None:
    assert _decide(Fault.OK) == Delivered(Reason.ACCEPTED)


@pytest.mark.parametrize("fault", REFUSALS)
@pytest.mark.parametrize("kind", ["otp", "reminder", "digest"])
def test_a_server_that_will_not_have_us_is_left_at_once(fault: Fault, kind: str) -> None:
    assert _decide(fault, kind) == NextRoute(Reason.ROUTE_FAILED, BOTH[1])


@pytest.mark.parametrize("fault", [Fault.RCPT_PERM, Fault.MSG_PERM])
@pytest.mark.parametrize("kind", ["otp", "reminder", "digest"])
def test_a_wrong_recipient_or_message_fails_and_never_falls_back(fault: Fault, kind: str) -> None:
    decision = _decide(fault, kind)
    assert isinstance(decision, GiveUp)
    assert decision.fault is fault


@pytest.mark.parametrize("kind", ["otp", "reminder"])
def test_a_busy_server_is_asked_twice_and_then_left(kind: str) -> None:
    assert _decide(Fault.ROUTE_TEMP, kind) == RetryNow(Reason.QUICK_RETRY, timedelta(seconds=2))
    asked = _ago(Fault.ROUTE_TEMP, *_seconds(2))
    assert _decide(Fault.ROUTE_TEMP, kind, history=asked) == NextRoute(Reason.RETRIES_USED, BOTH[1])


@pytest.mark.parametrize(("kind", "spent"), [("otp", 9.0), ("reminder", 29.0)])
def test_a_silent_server_uses_up_the_time_for_a_quick_retry(kind: str, spent: float) -> None:
    assert _decide(Fault.ROUTE_TEMP, kind, spent=spent) == NextRoute(Reason.RETRIES_USED, BOTH[1])


def test_bulk_mail_waits_for_a_busy_server_for_a_quarter_of_an_hour() -> None:
    waits = [
        _again(_decide(Fault.ROUTE_TEMP, "digest", history=_ago(Fault.ROUTE_TEMP, *before)))
        for before in ((), _seconds(2), _seconds(32, 30), _seconds(152, 150, 120), _seconds(452, 450, 420, 300))
    ]
    assert waits == [2, 30, 120, 300, 300]
    nearly = _ago(Fault.ROUTE_TEMP, *_minutes(14, 13, 10, 5))
    assert _again(_decide(Fault.ROUTE_TEMP, "digest", history=nearly)) == 60
    long = _ago(Fault.ROUTE_TEMP, *_minutes(15, 14, 10, 5))
    assert _decide(Fault.ROUTE_TEMP, "digest", history=long) == NextRoute(Reason.RETRIES_USED, BOTH[1])


@pytest.mark.parametrize(
    ("fault", "kind", "seconds"),
    [
        pytest.param(Fault.ROUTE_TEMP, "digest", 2, id="busy, bulk"),
        pytest.param(Fault.ROUTE_AUTH, "reminder", 900, id="wrong password: slowly, or the account is locked"),
        pytest.param(Fault.ROUTE_CERT, "reminder", 60, id="bad certificate"),
        pytest.param(Fault.ROUTE_SENDER, "reminder", 60, id="sender refused"),
        pytest.param(Fault.ROUTE_PERM, "reminder", 60, id="we are refused"),
        pytest.param(Fault.RATE, "reminder", 5, id="too fast"),
    ],
)
@pytest.mark.parametrize("route", [ONLY_OWN, PLATFORM_LEFT], ids=["own server, policy never", "platform"])
def test_without_another_route_nothing_is_lost(
    fault: Fault, kind: str, seconds: float, route: tuple[Choice, ...]
) -> None:
    assert _again(_decide(fault, kind, route)) == seconds


def test_waits_grow_on_the_only_route_until_the_message_expires() -> None:
    history = _ago(Fault.ROUTE_TEMP, *_seconds(152, 150, 120))
    assert _again(_decide(Fault.ROUTE_TEMP, "otp", ONLY_OWN, history)) == 300
    later = _ago(Fault.ROUTE_TEMP, *_seconds(452, 450, 420, 300))
    started = NOW - timedelta(seconds=452)
    assert _decide(Fault.ROUTE_TEMP, "otp", ONLY_OWN, later) == Expire(Reason.TOO_LATE, started + timedelta(minutes=10))


@pytest.mark.parametrize(("kind", "patience"), [("otp", 60), ("reminder", 1800), ("digest", 1800)])
def test_a_server_that_says_too_fast_is_obeyed_until_patience_ends(kind: str, patience: float) -> None:
    assert _again(_decide(Fault.RATE, kind)) == 5
    nearly = _ago(Fault.RATE, *_seconds(patience - 1, patience - 2))
    assert _again(_decide(Fault.RATE, kind, history=nearly)) == 1
    over = _ago(Fault.RATE, *_seconds(patience, 10))
    assert _decide(Fault.RATE, kind, history=over) == NextRoute(Reason.PATIENCE_ENDED, BOTH[1])


def test_a_time_the_server_names_is_kept_within_patience() -> None:
    later = NOW + timedelta(minutes=10)
    assert _again(_decide(Fault.RATE, not_before=later)) == 600
    assert _again(_decide(Fault.RATE, "otp", not_before=later)) == 60


def test_a_recipient_who_is_not_ready_is_asked_for_a_day() -> None:
    waits = [
        _again(_decide(Fault.RCPT_TEMP, history=_ago(Fault.RCPT_TEMP, *before)))
        for before in ((), _minutes(1), _minutes(6, 5), _minutes(21, 20, 15), _minutes(51, 50, 45, 30))
    ]
    assert waits == [60, 300, 900, 1800, 3600]
    nearly = _ago(Fault.RCPT_TEMP, *_minutes(23 * 60 + 30, *[60] * 8))
    assert _again(_decide(Fault.RCPT_TEMP, history=nearly)) == 1800
    over = _ago(Fault.RCPT_TEMP, *_minutes(24 * 60, 60))
    assert _decide(Fault.RCPT_TEMP, history=over) == GiveUp(Reason.RECIPIENT_NEVER_READY, Fault.RCPT_TEMP)


def test_a_security_mail_is_retried_until_it_expires() -> None:
    two_days = _ago(Fault.RCPT_TEMP, *_minutes(48 * 60, *[60] * 8))
    assert _again(_decide(Fault.RCPT_TEMP, "security_alert", history=two_days)) == 4 * 3600
    code = _ago(Fault.RCPT_TEMP, *_minutes(8))
    assert isinstance(_decide(Fault.RCPT_TEMP, "otp", history=code), Expire)


def test_after_an_uncertain_end_the_same_route_is_asked_once_more_and_then_the_next_one() -> None:
    assert _again(_decide(Fault.AMBIGUOUS)) == 60
    second = _decide(Fault.AMBIGUOUS, history=_ago(Fault.AMBIGUOUS, *_minutes(1)))
    assert second == NextRoute(Reason.MAYBE_TWICE, BOTH[1], possible_duplicate=True)
    third = _decide(Fault.AMBIGUOUS, remaining=PLATFORM_LEFT, history=_ago(Fault.AMBIGUOUS, *_minutes(2, 1)))
    assert third == GiveUp(Reason.ENOUGH_COPIES, Fault.AMBIGUOUS, may_have_arrived=True)


def test_without_a_next_route_the_third_copy_takes_the_same_one_a_little_later() -> None:
    assert _again(_decide(Fault.AMBIGUOUS, remaining=ONLY_OWN, history=_ago(Fault.AMBIGUOUS, *_minutes(1)))) == 900


def test_what_may_have_arrived_is_flagged_when_it_is_sent_again() -> None:
    once = _ago(Fault.AMBIGUOUS, *_minutes(1))
    assert _decide(Fault.ROUTE_AUTH, history=once) == NextRoute(Reason.ROUTE_FAILED, BOTH[1], possible_duplicate=True)
    assert _decide(Fault.OK, history=once) == Delivered(Reason.ACCEPTED, possible_duplicate=True)
    assert _decide(Fault.RCPT_PERM, history=once) == GiveUp(
        Reason.RECIPIENT_REFUSED, Fault.RCPT_PERM, may_have_arrived=True
    )


def test_a_message_that_would_expire_while_waiting_takes_the_next_route_instead() -> None:
    soon = timedelta(seconds=4)
    assert _decide(Fault.RATE, lifetime=soon) == NextRoute(Reason.NO_TIME_LEFT, BOTH[1])
    assert _decide(Fault.RATE, remaining=ONLY_OWN, lifetime=soon) == Expire(Reason.TOO_LATE, NOW + soon)
    assert _decide(Fault.RCPT_TEMP, lifetime=soon) == Expire(Reason.TOO_LATE, NOW + soon)


def test_an_expired_message_is_not_sent_any_more() -> None:
    for fault in set(Fault) - {Fault.OK, Fault.RCPT_PERM, Fault.MSG_PERM}:
        assert isinstance(_decide(fault, lifetime=timedelta(microseconds=-1)), Expire)


def test_new_settings_start_with_a_clean_sheet() -> None:
    old = History.of([PastAttempt(NOW - timedelta(minutes=1), Via.TENANT, Fault.ROUTE_TEMP, OWN.version - 1)])
    assert isinstance(_decide(Fault.ROUTE_TEMP, history=old), RetryNow)


def test_decisions_read_as_sentences() -> None:
    assert sentence(_decide(Fault.RATE)) == (
        "The server asked us to send more slowly, so it is tried again later. Next try at 2026-11-20 21:00:05 UTC."
    )
    assert sentence(_decide(Fault.ROUTE_AUTH)) == "The server could not take it, so the next route is used."
    assert sentence(_decide(Fault.RCPT_PERM, history=_ago(Fault.AMBIGUOUS, *_minutes(1)))) == (
        "The server refused this recipient. It may have arrived all the same."
    )


_FAULTS = st.sampled_from(Fault)
_PAST = st.builds(
    PastAttempt,
    at=st.timedeltas(timedelta(seconds=-5), timedelta(days=2)).map(lambda ago: NOW - ago),
    via=st.sampled_from([Via.TENANT, Via.PLATFORM]),
    fault=_FAULTS.filter(lambda fault: fault is not Fault.OK),
    version=st.sampled_from([0, OWN.version]),
)


@given(
    fault=_FAULTS,
    kind=st.sampled_from(sorted(KINDS.values(), key=lambda kind: kind.name)),
    policy=st.sampled_from(FallbackPolicy),
    past=st.lists(_PAST, max_size=8),
    left=st.timedeltas(timedelta(seconds=-5), timedelta(days=7)),
    spent=st.timedeltas(timedelta(), timedelta(minutes=10)),
    jitter=st.floats(0, 1),
    on_second=st.booleans(),
)
def test_what_holds_for_every_message(
    *,
    fault: Fault,
    kind: NotificationKind,
    policy: FallbackPolicy,
    past: list[PastAttempt],
    left: timedelta,
    spent: timedelta,
    jitter: float,
    on_second: bool,
) -> None:
    history = History.of(past)
    routes = routes_to_try(ways(policy), kind, history=history)
    remaining = routes[-1:] if on_second else routes
    situation = Situation(
        kind=kind,
        remaining=remaining,
        history=history,
        now=NOW,
        began_at=NOW - spent,
        expires_at=NOW + left,
        jitter=jitter,
    )

    decision = decide(fault, situation)

    maybe_taken = history.copies_possible + (fault is Fault.AMBIGUOUS)
    goes_on = isinstance(decision, RetryNow | NextRoute | TryAgain)
    assert isinstance(decision, Delivered) == (fault is Fault.OK)
    assert not (goes_on and maybe_taken >= 3), "never more than three copies"
    assert not (goes_on and fault in {Fault.RCPT_PERM, Fault.MSG_PERM}), "what is refused for good is over"
    assert not (goes_on and situation.expires_at <= NOW), "nothing is sent after its expiry"
    if isinstance(decision, TryAgain):
        assert NOW < decision.at < situation.expires_at
        assert decision.at <= NOW + timedelta(hours=7, minutes=30)
        assert fault is not Fault.AMBIGUOUS or decision.at >= NOW + timedelta(seconds=60)
    if isinstance(decision, NextRoute):
        assert decision.choice.route.via is Via.PLATFORM
        assert kind.may_fall_back
        assert policy.allows(is_security_mail=kind.is_security)
        assert fault not in {Fault.RCPT_PERM, Fault.RCPT_TEMP, Fault.MSG_PERM}
        assert decision.possible_duplicate == (maybe_taken > 0)
        on_route = history.on(OWN).ending(Fault.AMBIGUOUS).tries
        assert fault is not Fault.AMBIGUOUS or on_route >= 1, "never at once after an uncertain end"
    if isinstance(decision, GiveUp):
        assert fault in {Fault.RCPT_PERM, Fault.RCPT_TEMP, Fault.MSG_PERM} or maybe_taken >= 3
        assert decision.may_have_arrived == (maybe_taken > 0)
    assert sentence(decision).endswith(".")
