"""Handing messages in: an id means that it is stored, a refusal that nothing is."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import TenantId
from portal.services import message_content
from portal.services.sending import NotAcceptedError, Outgoing
from portal.storage.lanes import LaneRow
from portal.storage.messages import MessageContentRow, MessageRow
from portal.storage.wake_up_listener import listening
from portal.wiring import Waypost
from tests.support.handed_in import GOOD, stored
from tests.support.installation import Installation


def test_a_message_is_stored_sealed_with_its_lifetime(waypost: Waypost, acme: TenantId, tmp_path: Path) -> None:
    message = waypost.sender.send("acme", **GOOD)

    with waypost.database.reading() as session:
        row = session.get_one(MessageRow, message)
        sealed = session.get_one(MessageContentRow, message).sealed
    assert message_content.unseal(waypost.vault, acme, message, sealed).text == "424242"
    assert b"424242" not in sealed
    assert row.content_bytes == len(sealed)
    assert row.tenant_id == acme
    assert row.to_address == "Bob@dest.example"
    assert row.expires_at - row.created_at == timedelta(minutes=10)
    assert row.message_id == f"<{message}@platform.example>"
    assert all(b"424242" not in file.read_bytes() for file in tmp_path.iterdir() if file.is_file())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "newsletter"}, "kind"),
        ({"kind": "route_alert"}, "kind"),
        ({"to": "bob"}, "to"),
        ({"to": "bob@dest.example, eve@dest.example"}, "to"),
        ({"to": "bob@dest.example\r\nBcc: eve@dest.example"}, "to"),
        ({"subject": "a\nBcc: eve@dest.example"}, "content"),
        ({"subject": "=?utf-8?q?=0aBcc=3A?="}, "content"),
        ({"text": None}, "content"),
        ({"headers": {"Bcc": "eve@dest.example"}}, "content"),
        ({"headers": {"X-A": "b\r\nBcc: eve@dest.example"}}, "content"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "expires_at"),
        ({"send_at": datetime(2030, 1, 1)}, "send_at"),  # noqa: DTZ001 - a naive time is the case
        ({"context": {"name": "Bob"}}, "context"),
    ],
)
@pytest.mark.usefixtures("acme")
def test_what_can_never_be_sent_is_refused_when_it_is_handed_in(
    waypost: Waypost, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(NotAcceptedError) as refused:
        waypost.sender.send("acme", **(GOOD | change))

    assert refused.value.field == field
    assert str(refused.value).endswith(".")
    assert stored(waypost) == 0


def test_an_unknown_tenant_is_named(waypost: Waypost) -> None:
    with pytest.raises(NotAcceptedError, match="«nobody»"):
        waypost.sender.send("nobody", **GOOD)


@pytest.mark.usefixtures("acme")
def test_of_many_messages_all_are_stored_or_none(waypost: Waypost) -> None:
    with pytest.raises(NotAcceptedError):
        waypost.sender.send_many("acme", [GOOD, GOOD | {"to": "nonsense"}])
    assert stored(waypost) == 0

    ids = waypost.sender.send_many("acme", [Outgoing(**GOOD)] * 500)

    assert len(set(ids)) == stored(waypost) == 500


@pytest.mark.usefixtures("acme")
def test_an_idempotency_key_stores_a_message_once(waypost: Waypost) -> None:
    first = waypost.sender.send("acme", **GOOD, idempotency_key="order 7")
    again = waypost.sender.send("acme", **GOOD, idempotency_key="order 7")
    both = waypost.sender.send_many("acme", [GOOD | {"idempotency_key": "order 8"}] * 2)

    assert first == again
    assert both[0] == both[1] != first
    assert stored(waypost) == 2


@pytest.mark.usefixtures("acme")
def test_an_idempotency_key_is_known_after_a_restart_whatever_is_handed_in_with_it(
    installation: Installation, waypost: Waypost
) -> None:
    first = waypost.sender.send("acme", **GOOD, idempotency_key="order 7")

    with installation.opened() as restarted:
        late = GOOD | {"expires_at": datetime(2020, 1, 1, tzinfo=UTC), "idempotency_key": "order 7"}
        ids = restarted.sender.send_many("acme", [GOOD, late])

    assert ids[0] != ids[1] == first
    assert stored(waypost) == 2


def test_a_key_belongs_to_its_tenant(waypost: Waypost, acme: TenantId) -> None:
    other = waypost.accounts.create_tenant("other", name="Other", organisation=None, actor=COMMAND_LINE)

    ids = {waypost.sender.send(tenant, **GOOD, idempotency_key="order 7") for tenant in (acme, other)}

    assert len(ids) == 2


def heard(waypost: Waypost, act: Callable[[], object]) -> frozenset[TenantId]:
    """The tenants whose workers are woken by something."""

    async def listen() -> frozenset[TenantId]:
        async with listening(waypost.database, "worker-1") as listener:
            while await listener.next(0.3):  # what is said at the beginning
                pass
            await asyncio.to_thread(act)
            return (await listener.next(0.5)).tenants

    return asyncio.run(listen())


def lane_due_at(waypost: Waypost, tenant: TenantId) -> datetime | None:
    with waypost.database.reading() as session:
        lane = session.get(LaneRow, tenant)
        return lane.due_at if lane else None


def test_a_message_makes_its_lane_due_and_wakes_the_workers(waypost: Waypost, acme: TenantId) -> None:
    before = waypost.clock()

    assert heard(waypost, lambda: waypost.sender.send("acme", **GOOD)) == {acme}

    due_at = lane_due_at(waypost, acme)
    assert due_at is not None
    assert before <= due_at <= waypost.clock()


def test_a_message_for_later_makes_its_lane_due_then_and_wakes_nobody(waypost: Waypost, acme: TenantId) -> None:
    later = waypost.clock() + timedelta(hours=2)
    sooner = later - timedelta(hours=1)

    def send() -> None:
        for at in (later, sooner, later):
            waypost.sender.send("acme", **GOOD, send_at=at)

    assert heard(waypost, send) == frozenset()
    assert lane_due_at(waypost, acme) == sooner


def test_a_message_joins_the_callers_transaction(waypost: Waypost, acme: TenantId) -> None:
    def give_up() -> None:
        with suppress(LookupError), waypost.database.transaction() as session:
            waypost.sender.enqueue(session, "acme", **GOOD)
            raise LookupError

    def go_through() -> None:
        with waypost.database.transaction() as session:
            waypost.sender.enqueue(session, "acme", **GOOD, idempotency_key="order 7")

    assert heard(waypost, give_up) == frozenset()
    assert stored(waypost) == 0
    assert lane_due_at(waypost, acme) is None

    assert heard(waypost, go_through) == {acme}
    assert heard(waypost, go_through) == frozenset()  # the key is known
    assert stored(waypost) == 1


def test_several_messages_join_one_transaction(waypost: Waypost, acme: TenantId) -> None:
    with waypost.database.transaction() as session:
        ids = waypost.sender.enqueue_many(session, acme, [Outgoing(**GOOD | {"kind": "route_alert"})] * 3)

    assert len(set(ids)) == stored(waypost) == 3


@pytest.mark.parametrize("key", ["k" * 201, "two\nlines", "nul\0"], ids=["too long", "line break", "NUL"])
def test_a_key_that_not_every_database_can_hold_is_refused(waypost: Waypost, acme: TenantId, key: str) -> None:
    with pytest.raises(NotAcceptedError) as refused:
        waypost.sender.send(acme, **GOOD | {"idempotency_key": key})

    assert refused.value.field == "idempotency_key"
