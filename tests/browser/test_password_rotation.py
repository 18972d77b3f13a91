"""The password of a mail server changes, as many providers demand every few months."""

import pytest

from tests.support.email_smtp_page import EmailSmtpPage, send_sample
from tests.support.portal_app import ALICE
from tests.support.served_story import ServedStory
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

OLD = "canary-old-3f9a"
NEW = "canary-new-c47e"


def test_a_new_password_takes_over_and_neither_is_ever_shown(it: ServedStory, visitor: Visitor) -> None:
    server = it.mail_server(password=OLD)
    it.acme_uses(server)
    page = EmailSmtpPage(visitor).opened_by(ALICE)

    visitor.types("Display name", "Acme Legal")  # and no password: the stored one is kept
    visitor.presses("Save and activate")
    page.says_activation("Active from now on")
    send_sample(visitor)
    assert server.mails[-1]["From"] == "Acme Legal <mail@acme.example>"

    server.scripted.password = NEW
    visits_before = len(server.scripted.visits)
    page.open()
    visitor.types("Password or API key", NEW)
    visitor.presses("Test connection")
    page.shows_test("passed")
    assert NEW not in visitor.page.content()
    visitor.types("Password or API key", NEW)
    visitor.presses("Save and activate")
    page.says_activation("Active from now on")
    page.says_state("Active, delivering")
    mails_before = len(server.mails)
    send_sample(visitor)

    assert len(server.mails) == mails_before + 1
    since_then = [message for visit in server.scripted.visits[visits_before:] for message in visit.messages]
    assert len(since_then) == 3  # two tests and the sample: nothing takes a connection that the old password opened
    assert not server.scripted.knows(OLD, after_visits=visits_before)
    assert it.story.platform.messages == []
    for password in (OLD, NEW):
        assert not it.portal.has_said(password)
