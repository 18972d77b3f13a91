"""A tenant admin's first visit: from the sign-in page to mail that leaves through the own server."""

import pytest

from tests.support.email_smtp_page import PATH, EmailSmtpPage, send_sample, sign_in
from tests.support.portal_app import ALICE
from tests.support.served_story import ServedStory, links_in
from tests.support.visitor import Newcomer, Visitor

pytestmark = pytest.mark.browser


def test_a_server_is_set_up_and_has_delivered_in_under_ten_clicks(it: ServedStory, visitor: Visitor) -> None:
    server = it.mail_server()
    page = EmailSmtpPage(visitor)
    visitor.opens("/")
    sign_in(visitor, ALICE)
    visitor.follows("Email SMTP")
    page.says_state("Off")

    page.fill_in(server)
    visitor.presses("Save and activate")
    page.says_activation("Active from now on")
    page.says_state("Active, delivering")
    send_sample(visitor)

    assert visitor.clicks < 10
    test, sample = server.mails
    assert (test["To"], sample["To"]) == (ALICE, ALICE)
    assert sample["From"] == "mail@acme.example"
    assert "Sample" in sample["Subject"]
    assert it.story.platform.messages == []
    visitor.opens(PATH)
    page.says_state("Active, delivering")


def test_whoever_reads_the_test_message_says_so_on_any_device(it: ServedStory, newcomer: Newcomer) -> None:
    server = it.mail_server()
    alice, phone = newcomer(), newcomer()
    page = EmailSmtpPage(alice).opened_by(ALICE)
    page.fill_in(server)
    alice.presses("Test connection")
    page.shows_test("passed")
    alice.reads("look into the inbox of alice@acme.example")

    (link,) = links_in(server.mails[0], it.address)
    phone.opens(link)
    phone.reads_heading("Did the test message arrive?")
    phone.presses("Yes, I received it")
    phone.reads_heading("Thank you")

    if not alice.has_scripts:
        alice.reloads()
    alice.reads("The test message has arrived")
