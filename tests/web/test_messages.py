"""Samples, and what became of a message."""

from datetime import timedelta
from typing import Any, Final

import pytest

from portal.domain.audit_events import AuditAction
from portal.domain.ids import MessageId
from portal.domain.routing.fault_traits import Fault
from portal.storage.audit_log import AuditRow
from portal.storage.messages import MessageRow, MessageState
from tests.support.installation import eventually
from tests.support.portal_app import ALICE, Browser, Portal, words_of
from tests.support.stored_mail import put_attempt, put_messages
from tests.support.story import running_worker

SAMPLES = "/t/acme/messages/samples"
SENT_INSTEAD: Final[dict[str, Any]] = {"state": MessageState.SENT, "via": "platform", "because": "fell_back"}


def put(portal: Portal, *attempts: tuple[str, Fault], **more: Any) -> str:
    """A message, and the attempts at it: by which route, and how they ended."""
    at = portal.clock() - timedelta(minutes=5)
    with portal.waypost.database.transaction() as session:
        [message] = put_messages(session, portal.acme, at, tries=len(attempts), **more)
        for number, (via, fault) in enumerate(attempts, 1):
            said = "250 queued" if fault is Fault.OK else "554 said the server"
            put_attempt(session, message, number, at, via=via, fault=fault, reply=said)
    return f"/t/acme/messages/{message}"


def test_a_sample_goes_to_the_signed_in_person_whatever_the_form_says(portal: Portal, alice: Browser) -> None:
    page = alice.post(SAMPLES, {"to": "victim@other.example"}).headers["Location"]
    assert f"Message to {ALICE}" in words_of(alice.get(page))
    with portal.waypost.database.reading() as session:
        row = session.query(MessageRow).one()
        assert (row.to_address, row.kind, row.tenant_id) == (ALICE, "notification", portal.acme)


def test_a_waiting_sample_looks_again_with_and_without_scripts(alice: Browser) -> None:
    path = alice.post(SAMPLES).headers["Location"]
    page = alice.get(path)
    assert "Waiting to be sent" in words_of(page)
    assert f'hx-get="{path}"' in page.text
    assert '<noscript><meta http-equiv="refresh" content="1"></noscript>' in page.text
    part = alice.get(path, headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith('<div id="report"')


def test_a_sample_that_nobody_takes_says_so(portal: Portal, alice: Browser) -> None:
    path = alice.post(SAMPLES).headers["Location"]
    assert "No worker has taken it yet." not in words_of(alice.get(path))
    portal.clock.passed += timedelta(seconds=11)
    assert "No worker has taken it yet." in words_of(alice.get(path))


def test_the_page_shows_each_attempt_and_why(portal: Portal, alice: Browser) -> None:
    path = alice.post(SAMPLES).headers["Location"]
    with running_worker(portal.waypost):
        eventually(lambda: "None yet." not in alice.get(path).text, what="an attempt")
    words = words_of(alice.get(path))
    assert "because Acme Production has no server of its own" in words
    assert "The platform" in words
    assert "connection refused" in words
    portal.clock.passed += timedelta(days=4)


def test_a_message_of_another_tenant_is_not_found(portal: Portal, alice: Browser) -> None:
    theirs: MessageId = portal.waypost.sender.send(
        "other", kind="otp", to="ada@dest.example", subject="Code", text="123456"
    )
    assert alice.get(f"/t/acme/messages/{theirs}").status_code == 404
    assert alice.get(f"/t/other/messages/{theirs}").status_code == 404


def test_too_many_samples_are_refused_with_the_time_of_the_next_and_on_record(portal: Portal, alice: Browser) -> None:
    for _ in range(5):
        assert "/messages/0" in alice.post(SAMPLES).headers["Location"]
    page = alice.post(SAMPLES, follow_redirects=True)
    words = words_of(page)
    assert "5 samples in 10 minutes is as many as are sent for you. The next one is possible in 2 min." in words
    with portal.waypost.database.reading() as session:
        assert session.query(MessageRow).count() == 5
        assert session.query(AuditRow).filter_by(action=AuditAction.SAMPLE_REFUSED, tenant_id=portal.acme).count() == 1
    assert "too many had been asked for" in words_of(alice.get("/t/acme/audit-log"))


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.OK}))
def test_each_fault_of_the_own_server_is_explained_with_what_to_do(
    portal: Portal, alice: Browser, fault: Fault
) -> None:
    page = alice.get(put(portal, ("tenant", fault), state=MessageState.FAILED, via="tenant")).text
    advice = page.partition('id="advice"')[2].partition("</section>")[0]
    assert "<p" in advice
    assert "554 said the server" in page
    sends_there = fault.traits.counts_against_health or fault is Fault.RATE
    assert ("Open Email SMTP" in advice) is (sends_there and fault is not Fault.AMBIGUOUS)


@pytest.mark.parametrize(
    ("attempts", "message", "said", "not_said"),
    [
        pytest.param(
            [("tenant", Fault.ROUTE_AUTH), ("platform", Fault.OK)],
            SENT_INSTEAD,
            "The platform has sent it instead. Your server refused the sign-in",
            "Have the message sent again",
            id="it fell back",
        ),
        pytest.param(
            [("tenant", Fault.OK)],
            {"state": MessageState.SENT, "via": "tenant"},
            "Sent",
            "Test the connection",
            id="all is well",
        ),
        pytest.param(
            [("platform", Fault.OK)],
            SENT_INSTEAD | {"because": "unhealthy"},
            "Sent",
            "instead",
            id="the own server was not asked",
        ),
        pytest.param(
            [("tenant", Fault.ROUTE_CERT)],
            {"state": MessageState.EXPIRED},
            "Your server's certificate is not trusted, so nothing was sent to it.",
            "Next try",
            id="it expired with the server failing",
        ),
        pytest.param(
            [],
            {"state": MessageState.EXPIRED},
            "ask the operator whether the worker keeps up",
            "Email SMTP it names",
            id="it expired untried",
        ),
        pytest.param(
            [("tenant", Fault.ROUTE_TEMP), ("platform", Fault.ROUTE_TEMP)],
            {"state": MessageState.WAITING},
            "Ask the operator of this platform: it is the platform's server, not yours.",
            "Your server was not reached",
            id="the platform cannot take it either",
        ),
        pytest.param(
            [("platform", Fault.RCPT_PERM)],
            {"state": MessageState.FAILED, "via": "platform"},
            "The server refused this recipient",
            "Ask the operator",
            id="the recipient is wrong, whoever asks",
        ),
        pytest.param(
            [],
            {"state": MessageState.QUARANTINED},
            "A copy may have been sent.",
            "Next try",
            id="it was set aside",
        ),
        pytest.param(
            [], {"state": MessageState.FAILED}, "It could not be made into a mail", "Next try", id="it cannot be made"
        ),
        pytest.param([], {"state": MessageState.CANCELLED}, "It was cancelled", "Next try", id="it was cancelled"),
    ],
)
def test_the_page_says_what_it_means_and_what_to_do(
    portal: Portal,
    alice: Browser,
    attempts: list[tuple[str, Fault]],
    message: dict[str, Any],
    said: str,
    not_said: str,
) -> None:
    words = words_of(alice.get(put(portal, *attempts, **message)))
    assert said in words
    assert not_said not in words


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ({"due_at": timedelta(minutes=20)}, "Next try"),
        ({"due_at": timedelta(hours=1), "expires_at": timedelta(hours=1)}, "No further try would come in time"),
    ],
)
def test_a_waiting_message_tells_its_next_try_and_when_it_is_dropped(
    portal: Portal, alice: Browser, times: dict[str, timedelta], said: str
) -> None:
    now = portal.clock()
    at = {name: now + much for name, much in times.items()}
    page = alice.get(put(portal, ("tenant", Fault.RCPT_TEMP), state=MessageState.WAITING, **at))
    words = words_of(page)
    assert said in words
    assert "if no server takes it by then" in words
    assert 'hx-trigger="every 10s"' in page.text
    assert f"{at['due_at']:%Y-%m-%d %H:%M:%S} UTC" in words


@pytest.mark.parametrize(("due_in", "seconds"), [(2, 1), (-2, 1), (29, 1), (31, 10), (-31, 10)])
def test_a_try_that_is_near_is_looked_at_every_second(
    portal: Portal, alice: Browser, due_in: int, seconds: int
) -> None:
    due_at = portal.clock() + timedelta(seconds=due_in)
    # The clock runs on while the page is asked for, by less than the second that every case leaves.
    page = alice.get(put(portal, ("tenant", Fault.ROUTE_TEMP), state=MessageState.WAITING, due_at=due_at))
    assert f'hx-trigger="every {seconds}s"' in page.text
    assert f'<meta http-equiv="refresh" content="{seconds}">' in page.text


def test_what_leaves_later_says_when(portal: Portal, alice: Browser) -> None:
    send_at = portal.clock() + timedelta(days=1)
    words = words_of(alice.get(put(portal, send_at=send_at, due_at=send_at)))
    assert f"To be sent later It leaves {send_at:%Y-%m-%d %H:%M:%S} UTC" in words


def test_what_a_server_said_is_text_never_markup(portal: Portal, alice: Browser) -> None:
    path = put(portal, state=MessageState.FAILED, decision=["<script>alert(2)</script>"])
    with portal.waypost.database.transaction() as session:
        put_attempt(session, path.rpartition("/")[2], 1, portal.clock(), reply="550 <script>alert(1)</script>")
    page = alice.get(path).text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert") == 2
