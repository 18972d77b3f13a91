"""Samples, and what became of a message."""

from datetime import timedelta

from portal.domain.ids import MessageId
from portal.storage.messages import MessageRow
from tests.support.installation import eventually
from tests.support.portal_app import ALICE, Browser, Portal, words_of
from tests.support.story import running_worker

SAMPLES = "/t/acme/messages/samples"


def test_a_sample_goes_to_the_signed_in_person_whatever_the_form_says(portal: Portal, alice: Browser) -> None:
    page = alice.post(SAMPLES, {"to": "victim@other.example"}).headers["Location"]
    assert f"Message to {ALICE}" in words_of(alice.get(page))
    with portal.waypost.database.reading() as session:
        row = session.query(MessageRow).one()
        assert (row.to_address, row.kind, row.tenant_id) == (ALICE, "notification", portal.acme)


def test_a_waiting_sample_looks_again_with_and_without_scripts(alice: Browser) -> None:
    path = alice.post(SAMPLES).headers["Location"]
    page = alice.get(path)
    assert "Waiting for the worker" in words_of(page)
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
