"""What changes the way of mail, on the Email SMTP page: each says beforehand what happens to which mail."""

import re
from datetime import timedelta

import pytest

from portal.domain.ids import TenantId
from portal.storage import email_settings as stored
from portal.web import confirmation
from tests.support.portal_app import ALICE, PASSWORD, SMTP_PASSWORD, Browser, Portal, typed, words_of

PAGE = "/t/acme/email-smtp"
DRAFT = f"{PAGE}/draft"
OWN = "smtp.acme.example:587"
PLATFORM = "Acme Production via Northwind <no-reply@platform.example>"
ASKED = "Your Waypost password"


def activate(alice: Browser, version: int = 1) -> None:
    alice.post(f"{PAGE}/activate", {"version": str(version), "untested": "yes"})


def send(portal: Portal, messages: int) -> None:
    for number in range(messages):
        portal.waypost.sender.send(portal.acme, kind="reminder", to=f"r{number}@dest.example", subject="S", text="T")


def prove(portal: Portal, tenant: TenantId, version: int = 1) -> None:
    with portal.waypost.database.transaction() as session:
        row = stored.version(session, tenant, version)
        assert row
        row.proven_at = portal.clock()


def test_activate_anyway_is_opened_before_it_is_pressed_and_says_what_will_happen(alice: Browser) -> None:
    alice.post(DRAFT, typed())
    page = alice.get(PAGE)
    step = re.search(r'<details class="confirm">(.*?)</details>', page.text, re.DOTALL)
    assert step
    assert "Activate anyway" in step[1]
    assert f"New mail and what waits (nothing at the moment) then go to {OWN} first, although no test" in words_of(page)
    activate(alice)
    words = words_of(alice.get(PAGE))
    assert f"Mail goes through {OWN} as no-reply@acme.example." in words
    assert "No test has shown yet that it works" in words
    assert "Settings activated without a test" in words_of(alice.get("/t/acme/audit-log"))


@pytest.mark.parametrize(
    ("fallback", "consequence"),
    [
        ("always", f"What it cannot take leaves through the platform, as {PLATFORM}."),
        ("security", "What it cannot take is held; only security mail leaves through the platform."),
        ("never", "What it cannot take is held and fails when its lifetime ends."),
    ],
)
def test_what_becomes_of_mail_that_an_untested_server_does_not_take(
    alice: Browser, fallback: str, consequence: str
) -> None:
    alice.post(DRAFT, typed(fallback=fallback))
    assert consequence in words_of(alice.get(PAGE))


def test_a_version_that_no_test_has_proven_is_not_activated_by_itself(alice: Browser) -> None:
    alice.post(DRAFT, typed())
    alice.post(f"{PAGE}/activate", {"version": "1"})
    assert "Test these settings first, or activate them anyway." in words_of(alice.get(PAGE))


def test_a_proven_draft_is_activated_without_a_warning(portal: Portal, alice: Browser) -> None:
    alice.post(DRAFT, typed())
    prove(portal, portal.acme)
    page = alice.get(PAGE)
    assert '<details class="confirm">' not in page.text
    assert f"From then on new mail and what waits (nothing at the moment) go through {OWN}." in words_of(page)
    alice.post(f"{PAGE}/activate", {"version": "1"})
    assert "Version 1 is active: mail goes through it from now on." in words_of(alice.get(PAGE))


def test_the_switch_tells_what_happens_to_the_mail_both_ways(alice: Browser) -> None:
    alice.post(DRAFT, typed())
    activate(alice)
    off = words_of(alice.get(PAGE))
    assert f"what waits (nothing at the moment) go through the platform as {PLATFORM}. A message that is being" in off
    alice.post(f"{PAGE}/disable")
    words = words_of(alice.get(PAGE))
    assert "Your own server is off: mail goes through the platform from now on." in words
    assert f"Turned off: mail goes through the platform as {PLATFORM}" in words
    assert f"go through {OWN} as no-reply@acme.example. A message that is being handed over" in words
    alice.post(f"{PAGE}/enable")
    words = words_of(alice.get(PAGE))
    assert "Your own server is on: mail goes through it from now on." in words
    assert f"Mail goes through {OWN}" in words


@pytest.mark.parametrize(("messages", "counted"), [(1, "1 message at"), (3, "3 messages at")])
def test_the_messages_that_wait_are_counted_where_their_way_would_change(
    portal: Portal, alice: Browser, messages: int, counted: str
) -> None:
    alice.post(DRAFT, typed())
    activate(alice)
    send(portal, messages)
    assert f"From then on new mail and what waits ({counted} the moment) go through the platform" in words_of(
        alice.get(PAGE)
    )


def test_without_active_settings_there_is_nothing_to_turn_on(alice: Browser) -> None:
    assert "our own server" not in words_of(alice.get(PAGE))
    alice.post(f"{PAGE}/enable")
    assert "There is no server to turn on yet" in words_of(alice.get(PAGE))


def test_to_discard_a_draft_says_what_the_form_will_show_and_affects_no_mail(alice: Browser) -> None:
    alice.post(DRAFT, typed())
    assert "No message is affected. The form is empty again" in words_of(alice.get(PAGE))
    activate(alice)
    alice.post(DRAFT, typed(from_name="Acme Two"))
    assert "No message is affected. The form shows version 1 again" in words_of(alice.get(PAGE))
    alice.post(f"{PAGE}/draft/discard")
    assert "The draft is discarded." in words_of(alice.get(PAGE))


CHANGES = [
    ("draft", typed()),
    ("save-and-activate", typed()),
    ("activate", {"version": "1", "untested": "yes"}),
    ("draft/discard", {}),
    ("enable", {}),
    ("disable", {}),
]


@pytest.mark.parametrize(("path", "fields"), CHANGES, ids=[path for path, _ in CHANGES])
def test_who_has_not_shown_lately_who_they_are_changes_nothing(
    portal: Portal, path: str, fields: dict[str, str]
) -> None:
    alice = portal.browser(ALICE)
    alice.post(DRAFT, typed(from_name="Before"))
    before = alice.get("/t/acme/audit-log").text.count("<li")
    portal.clock.passed += timedelta(minutes=11)
    answer = alice.post(f"{PAGE}/{path}", fields)
    assert answer.status_code == 403
    assert ASKED in words_of(answer)
    assert SMTP_PASSWORD not in answer.text
    assert portal.waypost.email_settings.saved(portal.acme).settings.from_name == "Before"
    assert before == alice.get("/t/acme/audit-log").text.count("<li")


def test_every_change_of_this_page_asks_for_it(portal: Portal) -> None:
    changing = {
        rule.endpoint
        for rule in portal.app.url_map.iter_rules()
        if rule.endpoint.startswith("email_settings.") and "POST" in (rule.methods or ())
    }
    assert {name for name in changing if not confirmation.is_confirmed(portal.app.view_functions[name])} == {
        "email_settings.advise"  # it changes nothing
    }


def test_the_question_stands_in_the_form_and_one_press_answers_it_and_saves(portal: Portal, alice: Browser) -> None:
    assert ASKED not in words_of(alice.get(PAGE))
    portal.clock.passed += timedelta(minutes=11)
    assert ASKED in words_of(alice.get(PAGE))
    answer = alice.post(DRAFT, typed() | {confirmation.FIELD: PASSWORD})
    assert answer.status_code == 303
    assert portal.waypost.email_settings.saved(portal.acme).credentials is not None


def test_a_late_form_comes_back_as_typed_but_for_the_password_and_says_so(portal: Portal, alice: Browser) -> None:
    portal.clock.passed += timedelta(minutes=11)
    answer = alice.post(DRAFT, typed(from_name="Typed by hand"))
    assert 'value="Typed by hand"' in answer.text
    assert "Nothing was saved yet." in words_of(answer)
    assert "Type the mail server's password again, too" in words_of(answer)
    assert "password again, too" not in words_of(alice.post(DRAFT, typed(password="")))
