"""What comes between people and their work: a sign-in that ends, a question for the password, a password forgotten."""

from datetime import timedelta
from typing import Final

import pytest

from tests.support.email_smtp_page import EmailSmtpPage, sign_in
from tests.support.portal_app import ALICE, PASSWORD
from tests.support.served_story import HOST, ServedStory, links_in
from tests.support.story import FROM
from tests.support.visitor import Newcomer, Visitor

pytestmark = pytest.mark.browser

IDLE: Final = timedelta(minutes=31)
STALE: Final = timedelta(minutes=11)
OURS: Final = "Your Waypost password"


@pytest.mark.parametrize("button", ["Save and activate", "Test connection"])
def test_a_sign_in_that_ends_while_somebody_types_costs_them_little(
    it: ServedStory, visitor: Visitor, button: str
) -> None:
    server = it.mail_server()
    page = EmailSmtpPage(visitor).opened_by(ALICE)
    page.fill_in(server)
    it.story.clock.shift += IDLE

    visitor.presses(button)
    visitor.reads_heading("Sign in")
    visitor.reads("Sign in to go on")
    sign_in(visitor, ALICE)
    visitor.reads_heading("Email SMTP")
    page.says_state("Off")
    if visitor.has_scripts:
        visitor.presses("Put it back")
        visitor.has_typed("Host", HOST)
        visitor.has_typed("Port", str(server.port))
        visitor.has_typed("From address", FROM)
        page.says_encryption(server.scripted.tls)
    visitor.has_typed("Password or API key", "")

    page.fill_in(server)
    visitor.presses("Save and activate")
    page.says_activation("Active from now on")
    assert not it.portal.has_said(server.password)


def test_saving_after_a_while_asks_for_the_password_and_keeps_what_was_typed(it: ServedStory, visitor: Visitor) -> None:
    server = it.mail_server()
    page = EmailSmtpPage(visitor).opened_by(ALICE)
    page.fill_in(server)
    visitor.types("Display name", "Acme Legal")
    it.story.clock.shift += STALE

    visitor.presses("Save and activate")
    visitor.reads("Nothing was saved yet")
    visitor.has_typed("Host", HOST)
    visitor.has_typed("From address", FROM)
    visitor.has_typed("Display name", "Acme Legal")
    visitor.has_typed("Password or API key", "")
    assert not it.portal.has_said(server.password)
    assert server.scripted.visits == []

    visitor.types("Password or API key", server.password)
    visitor.types(OURS, PASSWORD)
    visitor.presses("Save and activate")
    page.says_activation("Active from now on")
    assert not it.portal.has_said(PASSWORD)


def test_switching_off_after_a_while_asks_for_the_password_and_then_is_done(it: ServedStory, visitor: Visitor) -> None:
    it.acme_uses(it.mail_server())
    page = EmailSmtpPage(visitor).opened_by(ALICE)
    it.story.clock.shift += STALE

    visitor.presses("Turn off our own server")
    visitor.reads_heading("Confirm that it is you")
    visitor.types(OURS, "something else entirely")
    visitor.presses("Confirm and go on")
    visitor.reads("This is not the password")
    assert not it.story.audited("admin.integration_email_smtp_disabled")
    visitor.types(OURS, PASSWORD)
    visitor.presses("Confirm and go on")

    page.says_state("Turned off")
    assert len(it.story.audited("admin.integration_email_smtp_disabled")) == 1
    visitor.presses("Turn on our own server")
    page.says_state("Active, delivering")


def test_a_forgotten_password_is_replaced_by_a_mail_through_the_platforms_server(
    it: ServedStory, newcomer: Newcomer
) -> None:
    acmes = it.mail_server({"mail": "451 4.3.0 broken"})
    it.acme_uses(acmes)
    elsewhere, alice = newcomer(), newcomer()
    EmailSmtpPage(elsewhere).opened_by(ALICE)

    alice.opens("/")
    alice.follows("Forgot your password?")
    alice.types("Email address", ALICE)
    alice.presses("Mail me a link")
    alice.reads_heading("Look into your mailbox")
    (link,) = links_in(it.platform_mail(ALICE, "password"), it.address)
    alice.opens(link)
    alice.types("New password", "other words in another row")
    alice.types("The new password again", "other words in another row")
    alice.presses("Set the new password")
    alice.reads("Your password is changed")

    sign_in(alice, ALICE)
    alice.reads("not right")
    sign_in(alice, ALICE, password="other words in another row")
    alice.reads("Acme")
    EmailSmtpPage(alice).open()
    elsewhere.opens("/")
    elsewhere.reads_heading("Sign in")
    alice.opens(link)
    alice.reads("works once")
    assert acmes.scripted.visits == []
