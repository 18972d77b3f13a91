"""Mail about people's accounts arrives when the tenant's own server takes nothing, and never goes through it."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from sqlalchemy import select

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import MessageId
from portal.domain.people.roles import Role
from portal.domain.people.visitor import Visitor
from portal.storage.messages import MessageRow
from tests.support.story import PLATFORM_FROM, Story

ADA = "ada@acme.example"
NEW = "other words in another row"
VISITOR = Visitor("203.0.113.9")


@pytest.mark.parametrize("scenario", [{"banner": "421 4.3.2 down"}, {}], ids=["server is down", "server works"])
def test_a_link_and_the_news_of_a_new_password_take_the_platforms_route(acme: Story, scenario: dict[str, str]) -> None:
    accounts, recovery = acme.waypost.accounts, acme.waypost.recovery
    owner = {"acme": Role.OWNER}
    accounts.create_user(ADA, name="Ada", password=None, is_operator=False, actor=COMMAND_LINE, member_of=owner)
    server = acme.acme_has_a_server(scenario, given={"fallback": "never"})

    recovery.ask(ADA, VISITOR)
    mail = told(acme)
    text = mail.get_content()
    recovery.finish(re.findall(r"/recovery/(\S+)", text)[0], NEW, VISITOR)
    news = told(acme)

    assert (mail["To"], mail["From"]) == (ADA, f"Acme via Northwind <{PLATFORM_FROM}>")
    assert news["Subject"] == "Your password at Northwind was changed"
    assert server.messages == []
    assert acme.waypost.sign_in.sign_in(ADA, NEW, VISITOR)


def told(acme: Story) -> EmailMessage:
    """The mail that was handed in last, once it has arrived."""
    with acme.waypost.database.reading() as session:
        newest = session.scalars(select(MessageRow.id).order_by(MessageRow.id.desc()).limit(1)).one()
    report = acme.settled(MessageId(newest))
    assert (report["state"], report["via"]) == ("sent", "platform")
    parsed = message_from_bytes(acme.platform.messages[-1].data, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed
