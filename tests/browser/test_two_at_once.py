"""Two people edit the same settings at the same time."""

import pytest

from tests.support.email_smtp_page import EmailSmtpPage
from tests.support.portal_app import ALICE
from tests.support.served_story import HOST, OTHER_HOST, ServedStory
from tests.support.visitor import Newcomer

pytestmark = pytest.mark.browser


def test_who_saves_second_is_told_and_loses_nothing_that_was_typed(it: ServedStory, newcomer: Newcomer) -> None:
    first_choice, second_choice = it.mail_server(), it.mail_server(host=OTHER_HOST)
    alice, colleague = newcomer(), newcomer()
    hers, theirs = EmailSmtpPage(alice).opened_by(ALICE), EmailSmtpPage(colleague).opened_by(ALICE)
    hers.fill_in(first_choice)
    theirs.fill_in(second_choice)

    alice.presses("Save and activate")
    hers.says_activation("Active from now on")
    colleague.presses("Save and activate")
    colleague.reads("Nothing was saved")
    colleague.reads("changed to version 1 meanwhile")
    colleague.has_typed("Host", OTHER_HOST)
    colleague.has_typed("Port", str(second_choice.port))
    hers.open()
    hers.says_where_mail_goes(HOST)
    assert second_choice.scripted.visits == []

    colleague.types("Password or API key", second_choice.password)
    colleague.presses("Save and activate")
    theirs.says_activation("Active from now on")
    hers.open()
    hers.says_where_mail_goes(OTHER_HOST)
