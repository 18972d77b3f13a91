"""The audit log as a file: what the page shows, safe to open, and on record itself."""

import csv
import io
import json
from datetime import timedelta
from typing import Any, Final

import pytest
from werkzeug.test import TestResponse

from portal.domain.audit_events import WORKER, Actor, AuditAction, AuditEvent
from portal.storage import audit_log
from portal.storage.audit_log import EVERYTHING
from portal.web.audit_csv import COLUMNS, audit_csv
from tests.support.portal_app import ALICE, SMTP_PASSWORD, Browser, Portal, typed, user_id, words_of

EXPORT: Final = "/t/acme/audit-log/export"
PAGE: Final = "/t/acme/audit-log"


def rows_of(file: TestResponse | str) -> list[dict[str, str]]:
    text = file if isinstance(file, str) else file.get_data(as_text=True)
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def add(portal: Portal, count: int = 1, **facts: Any) -> None:
    with portal.waypost.database.transaction() as session:
        for number in range(count):
            event = AuditEvent(
                AuditAction.EMAIL_SEND_FAILED, portal.clock(), WORKER, portal.acme, facts | {"n": number}
            )
            audit_log.append(session, event)


def test_the_file_holds_what_the_page_shows(portal: Portal, alice: Browser) -> None:
    alice.post("/t/acme/email-smtp/draft", typed())
    file = alice.post(f"{EXPORT}?event=settings")
    assert file.status_code == 200
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    today = f"{portal.clock():%Y-%m-%d}"
    assert file.headers["Content-Disposition"] == f'attachment; filename="audit-log-acme-{today}.csv"'
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    [row] = rows_of(file)
    assert list(row) == list(COLUMNS)
    assert row["time"].startswith(today)
    assert row["time"].endswith("Z")
    assert row["event"] == "admin.integration_email_smtp_saved"
    assert row["sentence"].startswith("Version 1 saved as a draft. Host: smtp.acme.example; Port: 587; ")
    assert row["person"] == "Alice <alice@acme.example>"
    assert row["network"] == "127.0.0.1"
    assert json.loads(row["facts"])["changed"]["host"] == {"from": None, "to": "smtp.acme.example"}
    assert SMTP_PASSWORD not in file.text


def test_taking_it_is_on_record_with_who_and_what(portal: Portal, alice: Browser) -> None:
    alice.post("/t/acme/email-smtp/draft", typed())
    query = f"event=mail&person={user_id(portal, ALICE)}&from=2026-01-01&network=nonsense"
    alice.post(f"{EXPORT}?{query}")
    page = words_of(alice.get(f"{PAGE}?event=admin.audit_log_exported"))
    assert "only those of event «mail», person «Alice <alice@acme.example>», from «2026-01-01»." in page
    assert "Alice (alice@acme.example) · from 127.0.0.1" in page


def test_the_page_offers_what_it_filters(alice: Browser) -> None:
    text = alice.get(f"{PAGE}?event=mail&from=2026-01-01&to=nonsense").text
    assert 'action="/t/acme/audit-log/export?event=mail&amp;from=2026-01-01"' in text


def test_a_viewer_is_offered_none_and_gets_none(portal: Portal, bob: Browser) -> None:
    assert EXPORT not in bob.get(PAGE).text
    assert bob.post(EXPORT).status_code == 403
    with portal.waypost.database.reading() as session:
        assert "admin.audit_log_exported" not in [row.action for row in audit_log.page(session, portal.acme)]


def test_another_tenants_events_are_in_no_file_of_ones_own(portal: Portal, charlie: Browser) -> None:
    add(portal, reply="550 canary of Acme")
    assert "canary" not in charlie.post("/t/other/audit-log/export").text
    assert charlie.post(EXPORT).status_code == 404


@pytest.mark.parametrize(
    "reply",
    [
        '=HYPERLINK("https://evil.example","click")',
        "550 x;=cmd|'/c calc'!A1",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "\t=1+1",
        "550 \u202eevil\u202c",
    ],
)
def test_what_a_server_said_becomes_no_formula(portal: Portal, alice: Browser, reply: str) -> None:
    add(portal, reply=reply)
    with portal.waypost.database.transaction() as session:
        actor = Actor(f"={reply}"[:64], "203.0.113.7")
        audit_log.append(session, AuditEvent(AuditAction.SMTP_ENABLED, portal.clock(), actor, portal.acme))
    text = alice.post(EXPORT).get_data(as_text=True)
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(text[1:], newline=""), delimiter=separator):
            assert [found for found in row if found.strip(' \t\r\n"')[:1] in set("=+-@")] == []


def test_everything_is_there_once_and_newest_first(portal: Portal) -> None:
    add(portal, 2300, reply="550 no")
    rows = rows_of("".join(audit_csv(portal.waypost.database, portal.acme, EVERYTHING)))
    numbers = [json.loads(row["facts"]).get("n") for row in rows]
    assert numbers[:2300] == list(reversed(range(2300)))


@pytest.mark.parametrize("most", [1, 999, 1000, 1001, 1500])
def test_a_file_that_is_cut_says_so(portal: Portal, most: int) -> None:
    add(portal, 2000, reply="550 no")
    rows = rows_of("".join(audit_csv(portal.waypost.database, portal.acme, EVERYTHING, most=most)))
    assert len(rows) == most + 1
    assert rows[-1]["sentence"].startswith("The file ends here")
    assert "" not in [row["event"] for row in rows[:-1]]


def test_no_connection_is_held_while_somebody_reads(portal: Portal) -> None:
    add(portal, 1500, reply="550 no")
    file = audit_csv(portal.waypost.database, portal.acme, EVERYTHING)
    next(file)
    next(file)
    assert portal.waypost.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # what a QueuePool has


def test_it_cannot_be_taken_again_and_again(portal: Portal, alice: Browser) -> None:
    for _ in range(20):
        assert alice.post(EXPORT).status_code == 200
    refused = alice.post(f"{EXPORT}?event=mail")
    assert refused.headers["Location"] == f"{PAGE}?event=mail"
    assert "You have downloaded the audit log 20 times within an hour." in words_of(alice.get(PAGE))
    portal.clock.passed += timedelta(minutes=4)
    assert alice.post(EXPORT).status_code == 200
