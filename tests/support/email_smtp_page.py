"""The Email SMTP page as somebody uses it: what is typed where, and where the page says how things are."""

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Locator, expect

from portal.domain.routing.smtp_route import TlsMode
from portal.web.labels import ENCRYPTION
from tests.support.portal_app import PASSWORD
from tests.support.scripted_smtp import USERNAME
from tests.support.served_story import MailServer
from tests.support.story import FROM
from tests.support.visitor import Visitor

PATH: Final = "/t/acme/email-smtp"
TEST_SECONDS: Final = 30
"""A test takes 20 seconds at most; a slow machine needs some to say so."""


def sign_in(visitor: Visitor, email: str, *, password: str = PASSWORD) -> None:
    """Fill in the sign-in page and send it; where that leads is another matter."""
    visitor.types("Email address", email)
    visitor.types("Password", password)
    visitor.presses_enter("Password")


@dataclass(frozen=True)
class EmailSmtpPage:
    """Acme's."""

    visitor: Visitor

    def opened_by(self, email: str) -> "EmailSmtpPage":
        """Open it as somebody who has to sign in first."""
        self.visitor.opens(PATH)
        sign_in(self.visitor, email)
        self.visitor.reads_heading("Email SMTP")
        return self

    def open(self) -> None:
        self.visitor.opens(PATH)
        self.visitor.reads_heading("Email SMTP")

    def fill_in(self, server: MailServer, *, tls: TlsMode | None = None) -> None:
        """What the provider's help page says, typed in; with another encryption where one is named."""
        visitor = self.visitor
        visitor.types("Host", server.host)
        visitor.chooses(ENCRYPTION[tls or server.scripted.tls])
        visitor.types("Port", str(server.port))
        visitor.types("Username", USERNAME)
        visitor.types("Password or API key", server.password)
        visitor.types("From address", FROM)

    # What it says

    def says_state(self, title: str) -> None:
        expect(self.visitor.page.locator("#route-state")).to_have_text(title)

    def says_where_mail_goes(self, words: str) -> None:
        expect(self.visitor.page.locator("#route-sentence")).to_contain_text(words)

    def says_encryption(self, tls: TlsMode) -> None:
        """Which one is chosen in the form."""
        expect(self.visitor.radio(ENCRYPTION[tls])).to_be_checked()

    def says_activation(self, words: str) -> None:
        """Wait for the end of the test that *Save and activate* has begun."""
        expect(self.visitor.page.locator("#activation")).to_contain_text(words, timeout=TEST_SECONDS * 1000)

    def shows_test(self, outcome: str) -> Locator:
        """Wait for the end of a test, ``passed`` or ``failed``."""
        panel = self.visitor.page.locator(f"#probe.probe-{outcome}")
        expect(panel).to_be_visible(timeout=TEST_SECONDS * 1000)
        return panel


def send_sample(visitor: Visitor) -> None:
    """Send one from the Email SMTP page, and wait until its own page says that it is sent."""
    visitor.presses("Send a sample")
    state = visitor.page.locator("#message-state")
    expect(state).to_have_attribute("data-state", "sent", timeout=TEST_SECONDS * 1000)
