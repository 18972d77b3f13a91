"""The audit log as people read it."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from portal.domain.audit_events import COMMAND_LINE, WORKER, Actor, AuditAction, AuditEvent
from portal.domain.people.roles import Role
from portal.domain.routing.fault import Fault
from portal.storage import audit_log
from portal.web.audit_labels import ACTIONS, GROUPS
from portal.web.audit_sentences import audit_sentence
from tests.support.portal_app import BOB, SMTP_PASSWORD, Browser, Portal, typed, user_id, words_of

PAGE = "/t/acme/audit-log"
REFUSED = {
    "message": "m" * 26,
    "via": "tenant",
    "because": "tenant_route",
    "version": 3,
    "from": "no-reply@acme.example",
    "stage": "auth",
    "class": "ROUTE_AUTH",
    "reply": "535 5.7.8 wrong",
    "decision": "The server could not take it, so the next route is used.",
}


def add(portal: Portal, action: AuditAction, facts: Mapping[str, object], *, count: int = 1) -> None:
    with portal.waypost.database.transaction() as session:
        for number in range(count):
            event = AuditEvent(action, portal.clock(), WORKER, portal.acme, {**facts, "number": number})
            audit_log.append(session, event)


def events_on(page: str) -> list[str]:
    return re.findall(r'data-event="([^"]+)"', page)


def test_the_newest_event_comes_first_with_who_and_from_where(alice: Browser) -> None:
    alice.post("/t/acme/email-smtp/draft", typed())
    page = alice.get(PAGE)
    assert events_on(page.text)[0] == "admin.integration_email_smtp_saved"
    words = words_of(page)
    assert "Version 1 saved as a draft." in words
    assert "Host smtp.acme.example" in words
    assert "Encryption STARTTLS" in words
    assert "Password or API key changed" in words
    assert "Alice (alice@acme.example) · from 127.0.0.1" in words
    assert SMTP_PASSWORD not in page.text


def test_only_what_differs_is_listed(alice: Browser) -> None:
    alice.post("/t/acme/email-smtp/draft", typed())
    alice.post("/t/acme/email-smtp/draft", typed(seen="1", password="", fallback="never"))
    newest = words_of(alice.get(PAGE)).partition("Version 2 saved as a draft. ")[2]
    assert re.match(
        "When your server cannot take a message Send it through the platform → , now Hold it 20[0-9-]+ ", newest
    )


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        (WORKER, "Waypost, by itself"),
        (COMMAND_LINE, "Operator, on the command line"),
        (Actor("unknown"), "Unknown"),
        (Actor("0" * 26), f"Somebody who is no longer known ({'0' * 26})"),
    ],
)
def test_whoever_is_no_person_here_is_named_too(portal: Portal, alice: Browser, actor: Actor, words: str) -> None:
    with portal.waypost.database.transaction() as session:
        audit_log.append(session, AuditEvent(AuditAction.SMTP_ENABLED, portal.clock(), actor, portal.acme))
    assert words in words_of(alice.get(f"{PAGE}?event=admin.integration_email_smtp_enabled"))


def test_a_member_is_named_in_what_became_of_them(portal: Portal, alice: Browser) -> None:
    bob = user_id(portal, BOB)
    for _ in range(2):
        portal.waypost.accounts.add_member("acme", bob, Role.ADMIN, actor=COMMAND_LINE)
    page = alice.get(f"{PAGE}?event=people")
    assert "Bob <bob@acme.example> is admin now, no longer viewer." in words_of(page)
    assert events_on(page.text).count("operator.membership_changed") == 1
    assert bob not in page.text


def test_the_test_an_event_speaks_of_is_a_link_away(portal: Portal, alice: Browser) -> None:
    add(portal, AuditAction.SMTP_TESTED, {"version": 1, "endpoint": "mail", "ok": True, "probe": "p" * 26})
    assert f'href="/t/acme/email-smtp/tests/{"p" * 26}"' in alice.get(PAGE).text


def test_every_event_stands_in_one_group_and_has_its_sentence() -> None:
    grouped = [action for group in GROUPS.values() for action in group.actions]
    assert sorted(grouped) == sorted(ACTIONS)
    assert [action for action in ACTIONS if audit_sentence(action, {}) == action] == []


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.OK}))
def test_every_fault_is_told_in_words(fault: Fault) -> None:
    sentence = audit_sentence(AuditAction.SMTP_TESTED, {"ok": False, "class": fault, "endpoint": "mail:587"})
    assert sentence.startswith("Test of the form as typed at mail:587: the test failed, because ")
    assert fault not in sentence


def test_every_event_a_tenant_can_have_has_words() -> None:
    of_no_tenant = {action for action in AuditAction if action.startswith("user.")}
    of_no_tenant |= {AuditAction.USER_CREATED, AuditAction.VAULT_KEYS_ROTATED}
    assert ACTIONS.keys() == set(AuditAction) - of_no_tenant


def test_only_refused_mail_is_shown_when_that_is_asked(portal: Portal, alice: Browser) -> None:
    add(portal, AuditAction.EMAIL_SENT, {"via": "platform"})
    add(portal, AuditAction.EMAIL_SEND_FAILED, REFUSED)
    page = alice.get(f"{PAGE}?event=email.send_failed")
    assert events_on(page.text) == ["email.send_failed"]
    assert 'value="email.send_failed" selected' in page.text
    words = words_of(page)
    assert "Refused by your own server (version 3) at «Sign in». Answer: «535 5.7.8 wrong»." in words
    assert "so the next route is used." in words
    assert f'href="/t/acme/messages/{"m" * 26}"' in page.text


def test_an_empty_log_teaches_what_will_stand_there(alice: Browser) -> None:
    assert "No message was refused When a server refuses one" in words_of(alice.get(f"{PAGE}?event=email.send_failed"))


def test_old_pages_are_reached_and_no_event_is_lost_or_shown_twice(portal: Portal, alice: Browser) -> None:
    add(portal, AuditAction.EMAIL_SENT, {"via": "tenant"}, count=120)
    path, sizes = f"{PAGE}?event=email.sent", []
    while path:
        text = alice.get(path).text
        sizes.append(len(events_on(text)))
        older = re.search(r'rel="next" href="([^"]+)"', text)
        path = older[1].replace("&amp;", "&") if older else ""
    assert sizes == [50, 50, 20]


def test_another_tenants_events_are_not_shown(portal: Portal, charlie: Browser) -> None:
    add(portal, AuditAction.EMAIL_SEND_FAILED, REFUSED)
    assert events_on(charlie.get("/t/other/audit-log?event=email.send_failed").text) == []


def test_what_a_server_said_is_text_never_markup(portal: Portal, alice: Browser) -> None:
    add(portal, AuditAction.EMAIL_SEND_FAILED, REFUSED | {"reply": "550 <script>alert(1)</script>"})
    text = alice.get(PAGE).text
    assert "<script>alert" not in text
    assert "550 &lt;script&gt;" in text


@pytest.mark.parametrize("query", ["event=no.such", "before=0", "before=abc", "before=-1", "event=%00"])
def test_an_odd_question_gets_a_page(alice: Browser, query: str) -> None:
    assert alice.get(f"{PAGE}?{query}").status_code == 200


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("facts", [{}, {"via": None, "stage": None}, {"changed": None}, {"reply": "said"}])
def test_facts_of_another_version_make_a_sentence_too(action: str, facts: dict[str, Any]) -> None:
    assert audit_sentence(action, facts)


def test_every_time_is_told_to_machines_as_well(alice: Browser) -> None:
    assert re.search(r'<time datetime="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"', alice.get(PAGE).text)


def test_a_number_no_event_can_have_shows_the_newest(alice: Browser) -> None:
    answer = alice.get(f"/t/acme/audit-log?before={10**30}")

    assert answer.status_code == 200
