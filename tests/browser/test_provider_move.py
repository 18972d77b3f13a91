"""A tenant moves from one provider to another while its applications go on sending."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from portal.services.sending import Outgoing
from tests.support.certificates import Certificates
from tests.support.email_smtp_page import EmailSmtpPage
from tests.support.installation import eventually
from tests.support.onlookers import times_said
from tests.support.portal_app import ALICE
from tests.support.scripted_smtp import Pause
from tests.support.served_story import OTHER_HOST, MailServer, ServedStory, served_story
from tests.support.story import TO
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

MESSAGES: Final = 1000
BEFORE_THE_MOVE: Final = 800
PORTION: Final = 20


@pytest.fixture
def it(tmp_path: Path, certificates: Certificates, database_url: str) -> Iterator[ServedStory]:
    with served_story(tmp_path, certificates, database_url=database_url) as told:
        yield told


@dataclass
class Application:
    """One of Acme's, which hands mail in, portion by portion, and keeps the last two hundred for after the move."""

    it: ServedStory
    handed_in: list[str] = field(default_factory=list)
    _move_is_over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._work, name="application")
        thread.start()
        try:
            yield
        finally:
            self.hears_of_the_move()
            thread.join(30)

    def hears_of_the_move(self) -> None:
        self._move_is_over.set()

    def _work(self) -> None:
        while len(self.handed_in) < MESSAGES:
            if len(self.handed_in) >= BEFORE_THE_MOVE:
                self._move_is_over.wait(60)
            first = len(self.handed_in)
            portion = [Outgoing("reminder", TO, f"number {first + n}", text="x") for n in range(PORTION)]
            self.handed_in += self.it.story.waypost.sender.send_many("acme", portion)


def arrived(server: MailServer) -> Counter[str]:
    """How many copies of each message to Bob a server has, by our id."""
    return Counter(mail["Message-ID"].strip("<>").partition("@")[0] for mail in server.mails if mail["To"] == TO)


def test_a_move_to_another_provider_loses_nothing_and_leaves_the_old_one_alone(
    it: ServedStory, visitor: Visitor
) -> None:
    old = it.mail_server({"dot": (Pause(0.05), "250 2.0.0 queued")})  # slow, so that much is still waiting at the move
    new = it.mail_server(host=OTHER_HOST, password="the password of another provider")
    it.acme_uses(old)
    page = EmailSmtpPage(visitor).opened_by(ALICE)
    page.fill_in(new)
    application = Application(it)

    with application.running():
        eventually(lambda: bool(old.scripted.messages), what="mail through the old server")
        visitor.presses("Save and activate")
        page.says_activation("Active from now on")
        begun_by_then = times_said(old.scripted, "MAIL")
        application.hears_of_the_move()
        eventually(lambda: len(application.handed_in) == MESSAGES, seconds=30, what="the application to hand all in")
        eventually(it.all_is_sent, seconds=60, what="everything to be sent")

    assert times_said(old.scripted, "MAIL") == begun_by_then
    through_old, through_new = arrived(old), arrived(new)
    assert through_old
    assert through_new.total() >= MESSAGES - BEFORE_THE_MOVE
    assert through_old + through_new == Counter(application.handed_in)
    assert len(set(application.handed_in)) == MESSAGES
    assert it.story.platform.messages == []
    page.open()
    page.says_where_mail_goes(OTHER_HOST)
