"""What a mail server says is text: on no page of ours is it markup, direction, control or formula (THREATS 16).

A real server says it, a real worker and a real test hear it, and every place that repeats it is looked at.
"""

import csv
import io
import re
import unicodedata
from typing import Final

import pytest

from portal.domain.audit_events import COMMAND_LINE
from tests.support.installation import eventually
from tests.support.portal_app import ALICE, Browser, Portal, typed
from tests.support.scripted_smtp import PASSWORD, USERNAME, ScriptedServer
from tests.support.story import running_worker

WORDS: Final = (
    '<script>alert(1)</script> <img src=x onerror=alert(1)> " onmouseover="alert(2) \' {{ 7*7 }} </textarea> '
    '\u202egpj.exe\u202c \u2066x\u2069 \x1b[31mred \x07 \x7f =HYPERLINK("https://evil.example") ;=1+1'
)
REPLIES: Final = {
    "auth": f"535 5.7.8 {WORDS}",
    "mail": f"550 5.7.1 {WORDS}",
    "rcpt": f"550 5.1.1 {WORDS}",
    "dot": f"554 5.6.0 {WORDS}",
    "banner": f"554 {WORDS}",
}


@pytest.fixture
def alice(connected: Portal) -> Browser:
    return connected.browser(ALICE)


def filled_in(server: ScriptedServer) -> dict[str, str]:
    return typed(host="127.0.0.1", port=str(server.port), username=USERNAME, password=PASSWORD)


def is_only_text(page: str) -> None:
    assert not re.search(r"<script>|<img src=x|<[^>]*\sonmouseover|<[^>]*\sonerror", page)
    assert "</textarea> " not in page
    has_no_control_in(page)


def has_no_control_in(page: str) -> None:
    assert not [sign for sign in page if unicodedata.category(sign) in {"Cc", "Cf"} and sign not in "\n\r\t"]


def is_no_formula(file: str) -> None:
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(file, newline=""), delimiter=separator):
            assert [found for found in row if found.strip(' \t\r\n"')[:1] in set("=+-@")] == []


@pytest.mark.parametrize("step", REPLIES)
def test_what_it_says_to_a_test(alice: Browser, server: ScriptedServer, step: str) -> None:
    server.scenario[step] = REPLIES[step]
    started = alice.post("/t/acme/email-smtp/tests", filled_in(server))
    path = started.headers["Location"].partition("#")[0]
    eventually(lambda: "What to do" in alice.get(path).text, what="the test to end")
    for page in (path, "/t/acme/email-smtp", "/t/acme/email-smtp/tests", "/t/acme/audit-log"):
        is_only_text(alice.get(page).text)
    is_only_text(alice.get(path, headers={"HX-Request": "true"}).text)
    report = alice.get(f"{path}/report.txt")
    assert report.mimetype == "text/plain"  # which has no markup; and no browser looks for any (nosniff)
    has_no_control_in(report.text)
    if step != "banner":  # of who does not greet as a mail server only the code is told
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in alice.get(path).text


@pytest.mark.parametrize("step", ["mail", "rcpt", "dot"])
def test_what_it_says_to_a_message(connected: Portal, alice: Browser, server: ScriptedServer, step: str) -> None:
    settings = connected.waypost.email_settings
    given = {name: value for name, value in filled_in(server).items() if value}
    version = settings.save_draft(connected.acme, given, actor=COMMAND_LINE)
    settings.activate(connected.acme, version, actor=COMMAND_LINE, untested=True)
    server.scenario[step] = REPLIES[step]
    message = connected.waypost.sender.send("acme", kind="reminder", to="bob@dest.example", subject="Hi", text="Hi")
    log = "/t/acme/audit-log?event=email.send_failed"
    with running_worker(connected.waypost):
        eventually(lambda: 'data-event="email.send_failed"' in alice.get(log).text, what="the refusal to be on record")
    for path in (log, f"/t/acme/messages/{message}", "/t/acme/messages", "/t/acme/overview", "/t/acme/email-smtp"):
        is_only_text(alice.get(path).text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in alice.get(log).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in alice.get(f"/t/acme/messages/{message}").text
    file = alice.post("/t/acme/audit-log/export").get_data(as_text=True)
    assert "HYPERLINK" in file
    is_no_formula(file.removeprefix("\ufeff"))
