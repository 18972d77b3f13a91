"""The most frequent fault of all: the encryption is the wrong one for the port."""

from typing import Final

import pytest
from playwright.sync_api import expect

from portal.domain.routing.smtp_route import TlsMode
from tests.support.email_smtp_page import EmailSmtpPage, send_sample
from tests.support.portal_app import ALICE
from tests.support.served_story import ServedStory
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

MISMATCHES: Final = [
    pytest.param(TlsMode.IMPLICIT, TlsMode.STARTTLS, id="STARTTLS on a port that speaks TLS"),
    pytest.param(TlsMode.STARTTLS, TlsMode.IMPLICIT, id="TLS on a port that speaks STARTTLS"),
]


@pytest.mark.parametrize(("spoken", "chosen"), MISMATCHES)
def test_a_wrong_mode_is_named_and_healed_by_one_button(
    it: ServedStory, visitor: Visitor, spoken: TlsMode, chosen: TlsMode
) -> None:
    server = it.mail_server(tls=spoken)
    page = EmailSmtpPage(visitor).opened_by(ALICE)
    page.fill_in(server, tls=chosen)
    visitor.presses("Test connection")
    failed = page.shows_test("failed")
    expect(failed).to_contain_text(str(server.port))
    expect(failed).to_contain_text("STARTTLS")
    expect(failed).to_contain_text("Encryption")
    assert not server.scripted.knows(server.password)

    visitor.presses("Apply fix")
    if visitor.has_scripts:
        page.shows_test("passed")
    else:
        visitor.reads("Enter the password")  # it is never written into a page, and the test has led to a new one
    page.says_encryption(spoken)
    page.says_state("Off")  # a test changes nothing

    visitor.types("Password or API key", server.password)
    visitor.presses("Save and activate")
    page.says_activation("Active from now on")
    send_sample(visitor)
    assert "Sample" in server.mails[-1]["Subject"]
    assert not server.scripted.overheard(server.password)


def test_a_save_with_a_wrong_mode_keeps_a_draft_that_is_healed_by_the_same_button(
    it: ServedStory, visitor: Visitor
) -> None:
    server = it.mail_server(tls=TlsMode.STARTTLS)
    page = EmailSmtpPage(visitor).opened_by(ALICE)
    page.fill_in(server, tls=TlsMode.IMPLICIT)
    visitor.presses("Save and activate")
    page.says_activation("kept as a draft; mail goes on through the platform")
    page.shows_test("failed")
    page.says_state("Off")

    visitor.types("Password or API key", server.password)
    visitor.presses("Apply fix")
    if not visitor.has_scripts:
        page.says_encryption(TlsMode.STARTTLS)
        visitor.types("Password or API key", server.password)
        visitor.presses("Save and activate")

    page.says_activation("Active from now on")
    page.says_state("Active, delivering")
