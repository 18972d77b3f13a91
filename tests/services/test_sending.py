"""Handing messages in: an id means that it is stored, a refusal that nothing is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.domain.ids import MessageId, TenantId
from portal.services.sending import NotAcceptedError, Outgoing
from portal.storage.outbox import MessageRow
from portal.wiring import Waypost

GOOD: dict[str, Any] = {"kind": "otp", "to": "Bob@Dest.Example", "subject": "Your code", "text": "424242"}


def stored(waypost: Waypost) -> int:
    with waypost.database.reading() as session:
        return session.scalar(select(func.count()).select_from(MessageRow)) or 0


def test_a_message_is_stored_sealed_with_its_lifetime(waypost: Waypost, acme: TenantId, tmp_path: Path) -> None:
    message = waypost.sender.send("acme", **GOOD)

    with waypost.database.reading() as session:
        row = session.get_one(MessageRow, message)
    assert row.tenant_id == acme
    assert row.to_address == "Bob@dest.example"
    assert row.expires_at - row.created_at == timedelta(minutes=10)
    assert row.message_id == f"<{message}@platform.example>"
    assert all(b"424242" not in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "newsletter"}, "kind"),
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
def test_a_message_joins_the_callers_transaction(waypost: Waypost) -> None:
    def give_up() -> MessageId:
        with waypost.database.transaction() as session:
            waypost.sender.enqueue(session, "acme", **GOOD)
            raise LookupError

    with pytest.raises(LookupError):
        give_up()
    assert stored(waypost) == 0

    with waypost.database.transaction() as session:
        waypost.sender.enqueue(session, "acme", **GOOD)
    assert stored(waypost) == 1
