"""What a beginning uses of quota and of a provider's limit is on disk before anything is said."""

from dataclasses import replace
from datetime import timedelta

from portal.domain.ids import TenantId
from portal.domain.routing.fault import Fault
from portal.domain.routing.platform_quota import Use
from portal.domain.routing.rate_limit import RateLimit, RateUse
from portal.services.records import Step, Written
from portal.storage import platform_use, route_states
from portal.storage.messages import MessageState
from portal.storage.route_states import RateUsed
from portal.wiring import Waypost
from tests.support.record_steps import NOW, stored, write


def used_by(waypost: Waypost, tenant: TenantId, route: str) -> tuple[Use, RateUse]:
    with waypost.database.reading() as session:
        row = route_states.state_of(session, route)
        return platform_use.use_of(session, tenant, now=NOW), RateUse.from_json(row.rate if row else None)


def grants(number: int) -> RateUse:
    return RateUse().take(RateLimit(per_day=100), number, NOW)[0]


def test_the_latest_beginning_says_what_was_used_whatever_the_order_they_are_written_in(
    waypost: Waypost, acme: TenantId
) -> None:
    key = f"{acme}:1"
    messages = [stored(waypost, acme, begun=0) for _ in range(3)]
    steps = [
        Step(begin=about.begin(1, turn=turn, used=Use(own=turn), rate=RateUsed(key, acme, 1, grants(turn).to_json())))
        for about, turn in zip(messages, (2, 3, 1), strict=True)
    ]

    write(waypost, *steps)

    assert used_by(waypost, acme, key) == (Use(own=3), grants(3))


def test_a_beginning_that_does_not_hold_uses_nothing(waypost: Waypost, acme: TenantId) -> None:
    key = f"{acme}:1"
    about = stored(waypost, acme, begun=4)
    rate = RateUsed(key, acme, 1, grants(1).to_json())

    write(waypost, Step(begin=about.begin(4, used=Use(fallback=1), rate=rate)))

    assert used_by(waypost, acme, key) == (Use(), RateUse())


def test_what_is_used_is_counted_by_the_hour_and_beside_what_else_is_known_of_the_route(
    waypost: Waypost, acme: TenantId
) -> None:
    key = "platform"
    one, two = (stored(waypost, acme, begun=begun) for begun in (0, 1))
    rate = RateUsed(key, None, 0, grants(1).to_json())
    failed = replace(two.end(1, MessageState.WAITING, fault=Fault.ROUTE_TEMP), cap=5)

    written = write(waypost, Step(failed, one.begin(1, turn=1, used=Use(own=7), rate=rate)))

    assert isinstance(written[0], Written)
    assert written[0].condition is not None
    assert used_by(waypost, acme, key) == (Use(own=7), grants(1))
    with waypost.database.reading() as session:
        row = route_states.state_of(session, key)
        assert row is not None
        assert row.health is not None
        assert platform_use.use_of(session, acme, now=NOW + timedelta(hours=1)) == Use()
