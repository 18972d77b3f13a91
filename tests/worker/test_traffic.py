"""The overview's figures are those of what really happened: counted after a worker has sent it."""

from collections.abc import Mapping

from portal.domain.ids import MessageId
from portal.domain.routing.fault_traits import Fault
from portal.storage import traffic
from portal.storage.messages import MessageState
from portal.storage.traffic import HOUR, Outcome
from tests.support.scripted_smtp import Scenario
from tests.support.story import Story

REFUSES_SIGN_IN: Scenario = {"password": "535 5.7.8 authentication failed"}
KNOWS_NOBODY: Scenario = {"rcpt": "550 5.1.1 no such user"}


def why(acme: Story, message: MessageId) -> str | None:
    acme.settled(message)
    return acme.row(message).because


def counted(acme: Story) -> Mapping[Outcome, int]:
    """What was handed in during the hour now running and the one before, which may just have ended."""
    since = acme.clock().replace(minute=0, second=0, microsecond=0) - HOUR
    with acme.waypost.database.reading() as session:
        hours = traffic.hours(session, acme.tenant_id, since=since, count=2)
    return {outcome: sum(hour.outcomes[outcome] for hour in hours) for outcome in Outcome}


def test_each_message_keeps_why_it_went_its_way(acme: Story) -> None:
    without_server = why(acme, acme.send())
    acme.acme_has_a_server(REFUSES_SIGN_IN)
    refused = {why(acme, acme.send()) for _ in range(2)}
    not_asked = why(acme, acme.send())
    acme.acme_has_a_server()
    taken = why(acme, acme.send())

    assert (without_server, not_asked, taken) == ("no_own_server", "unhealthy", "tenant_route")
    assert refused <= {"fell_back", "refused_before"}  # in the same visit to the lane, or at the next one
    assert counted(acme) == {Outcome.SENT: 2, Outcome.FALLBACK: 3, Outcome.FAILED: 0, Outcome.WAITING: 0}


def test_a_refused_recipient_is_counted_as_one(acme: Story) -> None:
    acme.acme_has_a_server(KNOWS_NOBODY)
    acme.settled(acme.send())

    now = acme.clock()
    with acme.waypost.database.reading() as session:
        found = traffic.failures(session, acme.tenant_id, since=now - HOUR, until=now)
    assert found == {(MessageState.FAILED, Fault.RCPT_PERM): 1}
    assert counted(acme)[Outcome.FAILED] == 1
