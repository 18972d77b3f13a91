"""The link *Yes, I received it* in a test message: to follow it changes nothing, a press of the button is kept."""

import re
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from portal.crypto.token_hashing import token_hash
from portal.storage.probes import ProbeRow
from tests.support.installation import eventually
from tests.support.portal_app import ALICE, Browser, Portal, typed, words_of
from tests.support.probe_rows import passed, put_probe, verdict
from tests.support.scripted_smtp import PASSWORD, USERNAME, ScriptedServer

TESTS = "/t/acme/email-smtp/tests"
TOKEN = "QoZHk-cLx-5oJhw7OI-QuUGxijYKiRn2G59ePS-88hA"


@pytest.fixture
def probe(portal: Portal) -> str:
    """A test that passed a moment ago."""
    return put_probe(portal, receipt_hash=token_hash(TOKEN), finished_at=portal.clock(), verdict=passed())


def received(portal: Portal, probe: str) -> bool:
    with portal.waypost.database.reading() as session:
        return session.get_one(ProbeRow, probe).received_at is not None


def press(browser: Browser, token: str = TOKEN) -> str:
    answer = browser.post(f"/received/{token}")
    assert answer.status_code == 303
    return words_of(browser.get(answer.headers["Location"]))


def test_the_link_in_the_message_leads_to_the_button_and_the_press_shows_in_panel_and_history(
    connected: Portal, server: ScriptedServer, tmp_path: Path
) -> None:
    alice, reader = connected.browser(ALICE), connected.browser()
    fields = typed(host="127.0.0.1", port=str(server.port), username=USERNAME, password=PASSWORD)
    page = alice.post(TESTS, fields).headers["Location"].partition("#")[0]
    eventually(lambda: "accepted the test message" in words_of(alice.get(page)), what="the test to end")
    assert "press Yes, I received it in the message" in words_of(alice.get(page))

    message = message_from_bytes(server.messages[0].data, policy=policy.default)
    text = message.get_body(("plain",))
    html = message.get_body(("html",))
    assert text
    assert html
    link = re.search(rf"{re.escape(reader.base_url)}(/received/([\w-]{{43}}))\s", text.get_content())
    assert link
    assert f'href="{reader.base_url}{link[1]}"' in html.get_content()

    assert "Did the test message arrive?" in words_of(reader.get(link[1]))
    connected.clock.passed += timedelta(seconds=34)
    assert "It is recorded that the test message of Acme Production" in press(reader, link[2])
    assert re.search(r"The test message has arrived, confirmed after 3\d s\.", words_of(alice.get(page)))
    assert re.search(r"arrived, confirmed after 3\d s", words_of(alice.get(TESTS)))
    assert re.search(r"arrived, confirmed after 3\d s", words_of(alice.get("/t/acme/email-smtp")))
    assert not [file for file in tmp_path.rglob("*.db*") if link[2].encode() in file.read_bytes()]


def test_who_only_looks_records_nothing(portal: Portal, probe: str) -> None:
    scanner = portal.browser()
    for _ in range(2):
        assert scanner.get(f"/received/{TOKEN}").status_code == 200
        assert scanner.client.head(f"/received/{TOKEN}", base_url=scanner.base_url).status_code == 200
    assert not received(portal, probe)


def test_the_first_press_counts_and_is_audited_once(portal: Portal, probe: str, alice: Browser) -> None:
    reader = portal.browser()
    portal.clock.passed += timedelta(seconds=20)
    assert "Thank you" in press(reader)
    portal.clock.passed += timedelta(minutes=5)
    assert "Thank you" in press(reader)
    assert received(portal, probe)
    assert "arrived, confirmed after 20 s" in words_of(alice.get(TESTS))
    log = words_of(alice.get("/t/acme/audit-log"))
    assert log.count("confirmed by its link that it has arrived") == 1
    assert "Reader of the test message, by its link" in log


@pytest.mark.parametrize("token", ["unknown", f"{TOKEN}x", TOKEN[:-1], "x" * 3000])
def test_an_unknown_link_gets_a_kind_page(portal: Portal, probe: str, token: str) -> None:
    reader = portal.browser()
    assert reader.post(f"/received/{token}").status_code == 303
    page = reader.get(f"/received/{token}")
    assert page.status_code == 404
    assert "This link is no longer known" in words_of(page)
    assert not received(portal, probe)


def test_a_press_from_another_site_is_refused(portal: Portal, probe: str) -> None:
    reader = portal.browser()
    assert reader.post_bare(f"/received/{TOKEN}").status_code == 400  # no token of this browser's own
    assert reader.post(f"/received/{TOKEN}", headers={"Origin": "https://evil.example"}).status_code in (400, 403)
    assert not received(portal, probe)


def test_the_page_asks_again_by_itself_while_that_is_worth_it(portal: Portal, probe: str, alice: Browser) -> None:
    fragment = f"{TESTS}/{probe}/receipt"
    script = {"HX-Request": "true"}
    assert f'hx-get="{fragment}"' in alice.get(f"{TESTS}/{probe}").text
    assert f'hx-get="{fragment}"' in alice.get(fragment, headers=script).text
    assert alice.get(fragment).headers["Location"].partition("#")[0] == f"{TESTS}/{probe}"
    press(portal.browser())
    answer = alice.get(fragment, headers=script)
    assert "has arrived" in words_of(answer)
    assert "hx-get" not in answer.text


def test_after_ten_minutes_it_stops_asking(portal: Portal, probe: str, alice: Browser) -> None:
    portal.clock.passed += timedelta(minutes=11)
    assert f'hx-get="{TESTS}/{probe}/receipt"' not in alice.get(f"{TESTS}/{probe}").text


def test_a_test_that_failed_speaks_of_no_receipt(portal: Portal, alice: Browser) -> None:
    failed = put_probe(portal, receipt_hash=token_hash(TOKEN), finished_at=portal.clock(), verdict=verdict())
    assert "received" not in words_of(alice.get(f"{TESTS}/{failed}"))
