"""Tests of the connection afterwards: the list of all, what each tried, and the report for support."""

from typing import Any

import pytest
from sqlalchemy import select

from portal.storage.users import UserRow
from tests.support.portal_app import ALICE, BOB, Browser, Portal, words_of
from tests.support.probe_rows import SETTINGS, passed, put_probe, verdict

TESTS = "/t/acme/email-smtp/tests"
STAGES = [
    {"stage": "connect", "ok": True, "seconds": 0.02, "code": None, "enhanced": None, "reply": None, "note": "1.2.3.4"},
    {"stage": "quit", "ok": True, "seconds": 0.02, "code": 221, "enhanced": None, "reply": "bye", "note": ""},
    {"stage": "auth", "ok": False, "seconds": 2.5, "code": 535, "enhanced": "5.7.8", "reply": "5.7.8 no", "note": ""},
]
TRANSCRIPT = "S: 220 smtp.acme.example\nC: AUTH PLAIN ••••\nS: 535 5.7.8 no\n-- The same port once more with SSL/TLS --"


@pytest.fixture
def failed(portal: Portal) -> str:
    return put_probe(portal, stages=STAGES, verdict=verdict(), transcript=TRANSCRIPT, finished_at=portal.clock())


def id_of(portal: Portal, email: str) -> str:
    with portal.waypost.database.reading() as session:
        return session.scalars(select(UserRow.id).where(UserRow.email == email)).one()


def test_the_list_says_who_when_what_how_it_ended_and_links_to_the_panel(portal: Portal, alice: Browser) -> None:
    now = portal.clock()
    typed_form = put_probe(
        portal, started_by=id_of(portal, ALICE), verdict=verdict(title="No greeting"), finished_at=now
    )
    saved = put_probe(
        portal, version=3, activates=True, verdict=passed(), finished_at=now, started_by=id_of(portal, BOB)
    )
    page = alice.get(TESTS)
    words = words_of(page)
    for probe in (typed_form, saved):
        assert f'href="{TESTS}/{probe}#test"' in page.text
    assert "by Alice Failed No greeting The form as typed, at smtp.acme.example:587" in words
    assert "by Bob Passed It works Version 3, to activate it, at smtp.acme.example:587" in words
    assert words.index("by Bob") < words.index("by Alice")
    assert f"{now:%Y-%m-%d %H:%M}" in words


def test_the_list_turns_its_pages(portal: Portal, alice: Browser) -> None:
    ids = [put_probe(portal, verdict=passed()) for _ in range(30)]
    first = alice.get(TESTS).text
    assert [probe in first for probe in ids] == [False] * 5 + [True] * 25
    assert f"{TESTS}?before={ids[5]}" in first
    second = alice.get(f"{TESTS}?before={ids[5]}").text
    assert [probe in second for probe in ids] == [True] * 5 + [False] * 25


def test_without_a_test_the_list_says_what_will_stand_there(alice: Browser) -> None:
    assert "No test yet" in words_of(alice.get(TESTS))


@pytest.mark.parametrize("before", ["", "nonsense", "%00", "'; drop table probes"])
def test_a_page_that_nobody_linked_to_is_no_error(alice: Browser, before: str) -> None:
    assert alice.get(f"{TESTS}?before={before}").status_code == 200


@pytest.mark.parametrize("path", ["{probe}", "{probe}/report.txt", "{probe}/receipt"])
def test_another_tenants_tests_are_not_to_be_had(portal: Portal, alice: Browser, path: str) -> None:
    theirs = put_probe(portal, tenant=portal.other, verdict=passed(), to_address="charlie@other.example")
    assert alice.get(f"{TESTS}/{path.format(probe=theirs)}").status_code == 404
    assert "charlie@other.example" not in alice.get(TESTS).text


def test_the_panel_says_which_settings_were_tested(alice: Browser, failed: str) -> None:
    words = words_of(alice.get(f"{TESTS}/{failed}"))
    assert "Which settings were tested Host smtp.acme.example Port 587 Encryption STARTTLS" in words
    assert "Username acme-mailer From address no-reply@acme.example" in words
    assert "Password or API key set" in words


def test_after_a_failure_the_goodbye_is_not_told_among_the_stages(alice: Browser, failed: str) -> None:
    for path in (failed, f"{failed}/report.txt"):
        assert "Goodbye" not in alice.get(f"{TESTS}/{path}").text
    assert "the message was meant for alice@acme.example" in words_of(alice.get(f"{TESTS}/{failed}"))


def test_the_transcript_says_in_words_who_speaks(alice: Browser, failed: str) -> None:
    words = words_of(alice.get(f"{TESTS}/{failed}"))
    assert "server 220 smtp.acme.example we AUTH PLAIN •••• server 535 5.7.8 no" in words
    assert "The same port once more with SSL/TLS" in words


def test_the_report_is_plain_text_with_all_that_support_asks_for(alice: Browser, failed: str) -> None:
    answer = alice.get(f"{TESTS}/{failed}/report.txt")
    assert answer.mimetype == "text/plain"
    for line in (
        "Server:     smtp.acme.example:587",
        "Encryption: STARTTLS",
        "Sign-in:    username yes, password yes",
        "From:       no-reply@acme.example",
        "Recipient:  alice@acme.example",
        "Tested:     the form as typed",
        f"Test id:    {failed}",
        "Program:    Waypost ",
        "Result:     failed",
        "            It failed (ROUTE_AUTH, 500 ms)",
        "            1. Do this.",
        "  ok     Connect, 20 ms: 1.2.3.4",
        "  FAILED Sign in, 2500 ms: «535 5.7.8 no»",
        "  -      Message accepted: not reached",
        "  we:     AUTH PLAIN ••••",
        "  server: 535 5.7.8 no",
        "  -- The same port once more with SSL/TLS --",
    ):
        assert f"\n{line}" in answer.text
    assert "UTC" in answer.text
    assert "acme-mailer" not in answer.text  # of the username only whether there is one
    assert max(len(line) for line in answer.text.splitlines()) <= 130


@pytest.mark.parametrize("state", [{}, {"verdict": passed()}, {"settings": {}, "verdict": verdict()}])
def test_every_test_has_a_report_also_without_verdict_or_from_an_older_version(
    portal: Portal, alice: Browser, state: dict[str, Any]
) -> None:
    probe = put_probe(portal, **state)
    assert alice.get(f"{TESTS}/{probe}/report.txt").status_code == 200
    assert alice.get(f"{TESTS}/{probe}").status_code == 200


def test_a_viewer_reads_tests_and_reports_and_is_offered_no_fix(portal: Portal, bob: Browser) -> None:
    fixable = put_probe(portal, verdict=verdict(fix={"security": "tls", "port": 587}), finished_at=portal.clock())
    page = bob.get(f"{TESTS}/{fixable}")
    assert page.status_code == 200
    assert "Apply fix" not in page.text
    assert bob.get(f"{TESTS}/{fixable}/report.txt").status_code == 200
    assert bob.post(f"{TESTS}/{fixable}/fix", {}).status_code == 403


def test_the_fix_says_what_it_changes_and_nothing_else(portal: Portal, alice: Browser) -> None:
    fix = {"security": "tls", "port": SETTINGS["port"]}
    fixable = put_probe(portal, verdict=verdict(fix=fix), finished_at=portal.clock())
    words = words_of(alice.get(f"{TESTS}/{fixable}"))
    assert "Apply fix Set Encryption to SSL/TLS Fills it into the form and tests again; nothing is saved." in words
    assert "A stored password is not sent anywhere else" in words


def test_without_a_script_the_fix_of_save_and_activate_is_filled_in_and_waits(portal: Portal, alice: Browser) -> None:
    fix = {"security": "tls", "port": 465}
    fixable = put_probe(portal, version=1, activates=True, verdict=verdict(fix=fix), finished_at=portal.clock())
    answer = alice.post(f"{TESTS}/{fixable}/fix", {"host": "smtp.acme.example", "port": "587", "security": "starttls"})
    assert answer.status_code == 200
    assert "The fix is filled in, and nothing is saved yet." in words_of(answer)
    assert 'value="465"' in answer.text


def test_the_list_beside_the_form_is_renewed_with_the_result(portal: Portal, alice: Browser, failed: str) -> None:
    running = put_probe(portal)
    script = {"HX-Request": "true"}
    assert "hx-swap-oob" not in alice.get(f"{TESTS}/{running}", headers=script).text
    answer = alice.get(f"{TESTS}/{failed}", headers=script)
    assert 'id="probe-history"' in answer.text
    assert 'hx-swap-oob="true"' in answer.text
