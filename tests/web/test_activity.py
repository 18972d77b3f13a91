"""Activity: the log of messages, as somebody uses it who looks for one."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.notification_kinds import KINDS
from portal.domain.mail.smtp_stage import SmtpStage
from portal.storage import message_log
from portal.storage.messages import MessageState
from portal.web import message_labels
from tests.support.portal_app import ACME, Browser, Portal, words_of
from tests.support.stored_mail import put_attempt, put_messages

PAGE = "/t/acme/messages"
SENT: dict[str, Any] = {"state": MessageState.SENT, "via": "tenant", "because": "tenant_route"}
FELL_BACK: dict[str, Any] = {"state": MessageState.SENT, "via": "platform", "because": "fell_back"}
REFUSED: dict[str, Any] = {"state": MessageState.FAILED, "via": "tenant", "because": "tenant_route", "tries": 1}


def put(portal: Portal, *, tenant: TenantId | None = None, minutes_ago: int = 1, **more: Any) -> list[MessageId]:
    with portal.waypost.database.transaction() as session:
        at = portal.clock() - timedelta(minutes=minutes_ago)
        return put_messages(session, tenant or portal.acme, at, **more)


def put_refusal(portal: Portal, message: MessageId, reply: str) -> None:
    with portal.waypost.database.transaction() as session:
        put_attempt(
            session, message, 1, portal.clock(), via="tenant", stage="rcpt", code=550, reply=reply, fault="RCPT_PERM"
        )


def messages_on(page: str) -> list[str]:
    return re.findall(r'data-message="([^"]+)"', page)


def link_to(page: str, words: str) -> str:
    found = re.search(rf'<a [^>]*href="([^"]+)"[^>]*>{words}</a>', page)
    assert found, words
    return unescape(found[1])


def test_an_empty_log_teaches_what_will_stand_there(alice: Browser, bob: Browser) -> None:
    words = words_of(alice.get(PAGE))
    assert "Every message of Acme Production will stand here" in words
    assert "Send a sample to see one." in words
    assert "Send a sample" not in words_of(bob.get(PAGE))


def test_a_row_tells_to_whom_what_how_it_ended_and_which_way(portal: Portal, alice: Browser) -> None:
    [message] = put(portal, **REFUSED, to_address="ada@dest.example", kind="otp")
    put_refusal(portal, message, "550 5.1.1 <b>unknown</b> user")
    put(portal, **FELL_BACK)
    page = alice.get(PAGE)
    words = words_of(page)
    assert "ada@dest.example Sign-in code Failed 550 5.1.1 <b>unknown</b> user Own server" in words
    assert "Sent Fallback" in words
    assert "<b>unknown" not in page.text
    assert f'href="{PAGE}/{message}"' in page.text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (MessageState.EXPIRED, "Expired It expired before it could be sent. not sent"),
        (MessageState.QUEUED, "Waiting to be sent not sent yet"),
        (MessageState.WAITING, "Waiting to be tried again It waits until 13:00 UTC. not sent yet"),
    ],
)
def test_a_message_without_attempts_says_why(portal: Portal, alice: Browser, state: MessageState, words: str) -> None:
    step = {
        MessageState.EXPIRED: ["It expired before it could be sent."],
        MessageState.WAITING: ["It waits until 13:00 UTC."],
    }
    put(portal, state=state, decision=step.get(state, []))
    assert words in words_of(alice.get(PAGE))


def test_what_is_meant_for_later_is_not_said_to_wait_for_the_worker(portal: Portal, alice: Browser) -> None:
    put(portal, send_at=portal.clock() + timedelta(days=1))
    assert "To be sent later" in words_of(alice.get(PAGE))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=ada", 1),
        ("q=ADA%40dest.example", 1),
        ("q=dest.example", 3),
        ("outcome=failed", 1),
        ("outcome=sent", 2),
        ("outcome=waiting", 0),
        ("way=fallback", 1),
        ("way=own", 2),
        ("kind=otp", 1),
        ("span=hour", 2),
        ("span=day", 3),
        ("q=ada&outcome=failed", 0),
        ("outcome=no-such&kind=nope&way=x&span=century", 3),
        ("q=%00ada", 1),
        ("before=nonsense", 3),
        (f"q={'x' * 5000}", 0),
    ],
)
def test_filters_show_what_fits(portal: Portal, alice: Browser, query: str, found: int) -> None:
    put(portal, **SENT, to_address="ada@dest.example", kind="otp")
    put(portal, **REFUSED)
    put(portal, **FELL_BACK, minutes_ago=90)
    page = alice.get(f"{PAGE}?{query}")
    assert page.status_code == 200
    assert len(messages_on(page.text)) == found
    if not found:
        assert "No message fits" in words_of(page)
        assert f'href="{PAGE}">Show all messages' in page.text


def test_what_was_asked_stays_in_the_form(portal: Portal, alice: Browser) -> None:
    put(portal, **SENT)
    page = alice.get(f"{PAGE}?q=%22%3E%3Cscript%3E&outcome=sent&span=week").text
    assert 'value="&#34;&gt;&lt;script&gt;"' in page
    assert '<option value="sent" selected>' in page
    assert '<option value="week" selected>' in page


def test_the_pager_keeps_the_filters_and_loses_nothing(portal: Portal, alice: Browser) -> None:
    put(portal, **SENT, count=120)
    put(portal, **REFUSED, count=7, minutes_ago=0)
    seen: list[str] = []
    path = f"{PAGE}?outcome=sent"
    while path:
        page = alice.get(path).text
        assert '<option value="sent" selected>' in page
        seen += messages_on(page)
        path = link_to(page, "Older") if 'rel="next"' in page else ""
    assert len(seen) == len(set(seen)) == 120
    assert seen == sorted(seen, reverse=True)
    assert link_to(page, "Newest") == f"{PAGE}?outcome=sent"


@pytest.mark.parametrize("form", ["{}", "<{}@platform.example>", "{}@platform.example", " {} "])
def test_an_id_leads_to_its_message(portal: Portal, alice: Browser, form: str) -> None:
    [message] = put(portal, **SENT)
    answer = alice.get(PAGE, query_string={"q": form.format(message)})
    assert answer.headers["Location"] == f"{PAGE}/{message}"


def test_the_id_of_another_tenants_message_leads_nowhere(portal: Portal, alice: Browser) -> None:
    put(portal, **SENT)
    [theirs] = put(portal, tenant=portal.other, **SENT)
    page = alice.get(PAGE, query_string={"q": theirs})
    assert page.status_code == 200
    assert "No message fits" in words_of(page)


def test_a_search_that_looked_at_enough_says_so_and_can_go_on(
    portal: Portal, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_log, "MOST_LOOKED_AT", 10)
    put(portal, **SENT, minutes_ago=9, to_address="ada@elsewhere.example")
    put(portal, **SENT, count=10)
    page = alice.get(f"{PAGE}?q=elsewhere")
    assert "Nothing found so far. Of your many messages, 10 were looked at, back to" in words_of(page)
    further = alice.get(link_to(page.text, "Search further back"))
    assert "ada@elsewhere.example" in words_of(further)


def test_a_message_leads_back_to_where_one_was(portal: Portal, alice: Browser) -> None:
    [message] = put(portal, **REFUSED)
    listed = alice.get(f"{PAGE}?outcome=failed").text
    page = alice.get(link_to(listed, "bob@dest.example"))
    assert page.status_code == 200
    assert f'href="{PAGE}?outcome=failed"' in page.text
    assert message in page.text


def test_viewers_see_the_log_and_strangers_do_not(portal: Portal, bob: Browser, charlie: Browser) -> None:
    [message] = put(portal, **SENT)
    assert messages_on(bob.get(PAGE).text) == [message]
    assert charlie.get(PAGE).status_code == 404
    assert messages_on(charlie.get(f"/t/other/messages?q={ACME}").text) == []


def test_every_kind_and_state_has_words() -> None:
    assert message_labels.KINDS.keys() == KINDS.keys()
    assert message_labels.LOOKS.keys() == set(MessageState)
    assert message_labels.NOT_TAKEN.keys() == set(SmtpStage)
