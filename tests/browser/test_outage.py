"""A tenant's mail server dies at night, and an admin looks at it in the morning."""

from datetime import timedelta
from typing import Final

import pytest

from portal.services.sending import Outgoing
from tests.support.email_smtp_page import EmailSmtpPage, send_sample, sign_in
from tests.support.installation import eventually
from tests.support.onlookers import times_said
from tests.support.portal_app import ALICE
from tests.support.served_story import ServedStory, links_in
from tests.support.story import TO
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

IS_DOWN: Final = "421 4.3.2 down for maintenance"


def test_an_outage_is_told_bridged_and_over_by_itself(it: ServedStory, visitor: Visitor) -> None:
    server = it.mail_server()
    it.acme_uses(server)
    page = EmailSmtpPage(visitor)

    # At night
    server.scripted.scenario["banner"] = IS_DOWN
    reminders = [Outgoing("reminder", TO, f"number {n}", text="x") for n in range(5)]
    for message in it.story.waypost.sender.send_many("acme", reminders):
        assert it.story.settled(message)["via"] == "platform"
    it.story.clock.shift += timedelta(minutes=11)
    alert = it.platform_mail(ALICE, "does not take your mail")
    assert "421" in alert.as_string()

    # In the morning
    (link,) = links_in(alert, it.address)
    visitor.opens(link)
    sign_in(visitor, ALICE)
    page.says_state("Active, failing, using the platform")
    page.says_where_mail_goes("Mail goes through the platform")
    page.says_where_mail_goes("since")
    page.says_where_mail_goes("421")
    send_sample(visitor)
    visitor.reads("has been failing")
    assert "Sample" in it.platform_mail(ALICE, "Sample")["Subject"]

    # The server is back
    server.scripted.scenario.clear()
    noops = times_said(server.scripted, "NOOP")
    it.story.clock.shift += timedelta(minutes=5)
    eventually(lambda: times_said(server.scripted, "NOOP") > noops, what="the trial")
    assert it.story.settled(it.story.send())["via"] == "tenant"
    it.platform_mail(ALICE, "works again")
    page.open()
    page.says_state("Active, delivering")


def test_off_and_on_at_once_is_on(it: ServedStory, visitor: Visitor) -> None:
    server = it.mail_server()
    it.acme_uses(server)
    page = EmailSmtpPage(visitor).opened_by(ALICE)

    visitor.presses("Turn off our own server")
    page.says_state("Turned off")
    send_sample(visitor)
    assert len(it.story.platform.messages) == 1
    page.open()
    visitor.presses("Turn on our own server")
    page.says_state("Active, delivering")
    visitor.presses("Turn off our own server")
    visitor.presses("Turn on our own server")
    page.says_state("Active, delivering")
    send_sample(visitor)

    assert len(server.mails) == 1
    assert len(it.story.platform.messages) == 1
