"""Fills a portal with everything its pages can tell of: real servers, a real worker, real tests, a day full of mail.

with furnished_portal(tmp_path, certificates) as it:
    ...open(it.address), sign in as ALICE with portal_app.PASSWORD...
    path = f"/t/acme/messages/{it.names['failed message']}"
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from flask import Flask

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.people.roles import Role
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.route_choice import Because
from portal.domain.routing.smtp_route import Via
from portal.storage import attempts
from portal.storage.database import StorageError
from portal.storage.messages import MessageState
from portal.web.access import anyone
from tests.support.certificates import Certificates
from tests.support.demo_pages import demo_pages
from tests.support.furnished_portal import BROKEN, DORA, LONG, NORA, UNREACHABLE, FurnishedPortal
from tests.support.installation import eventually
from tests.support.portal_app import ALICE, BOB, OLGA, PASSWORD, Browser, signed_in_browser, typed
from tests.support.scripted_smtp import USERNAME
from tests.support.served_story import MailServer, links_in, served_story
from tests.support.stored_mail import put_messages

_LONG_NAME: Final = "Maximiliane-Friederike Freifrau von und zu Donaudampfschifffahrtsgesellschaft"
_TENANTS: Final = {
    "fresh": "Acme Staging",  # where nothing has happened
    "drafted": "Acme Testing",  # a draft that was never tested
    "proven": "Acme Preview",  # a draft that a test has shown to work
    "off": "Acme Archive",  # turned off
    "failing": "Acme Outage",  # a server that refuses the password, and a breaker that is open
    "wordy": "شركة الأمثلة للبريد 🏗️ Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamte",
}
_READERS: Final = ("ada", "bob", "grace", "linus", "margaret", "tim")
_KINDS: Final = ("otp", "reminder", "notification", "comment", "task", "digest", "invitation")
_REFUSED_RECIPIENT: Final = {
    "number": 1,
    "via": Via.TENANT,
    "version": 1,
    "from_address": "notifications@acme.example",
    "stage": "rcpt",
    "code": 550,
    "enhanced": "5.1.1",
    "reply": "550 5.1.1 there is no such mailbox here",
    "fault": Fault.RCPT_PERM,
    "seconds": 0.2,
    "tls": "TLSv1.3",
    "copies_possible": 0,
}
_ENOUGH_TO_OPEN_THE_BREAKER: Final = 5


@contextmanager
def furnished_portal(folder: Path, certificates: Certificates) -> Iterator[FurnishedPortal]:
    """Alice owns every tenant, Bob views Acme, Nora is a member of nothing, Olga is an operator."""
    with served_story(folder, certificates) as told:
        it = FurnishedPortal(told)
        _add_pages_that_fail(told.app)
        _add_people_and_tenants(it)
        server = told.mail_server()
        it.prove("acme", it.use("acme", server), activates=True)
        _send_as_a_day_would(it)
        _send_one_of_each(it, server)
        _set_other_tenants_up(it, server)
        _test_as_dora(it, server)
        _ask_for_a_new_password(it)
        it.names["receipt"] = next(_token_in(link) for mail in server.mails for link in links_in(mail, it.address))
        with demo_pages(it.waypost, folder / "demo") as demo:
            it.names["demo"] = demo.address
            it.names["mail"] = demo.mail_id
            yield it


def _add_pages_that_fail(app: Flask) -> None:
    def broken() -> str:
        raise ZeroDivisionError

    def unreachable() -> str:
        raise StorageError

    app.add_url_rule(BROKEN, "broken", anyone(broken))
    app.add_url_rule(UNREACHABLE, "unreachable", anyone(unreachable))


def _add_people_and_tenants(it: FurnishedPortal) -> None:
    accounts = it.waypost.accounts
    for slug, name in _TENANTS.items():
        accounts.create_tenant(slug, name=name, organisation="Acme", actor=COMMAND_LINE)
        accounts.add_member(slug, it.user(ALICE), Role.OWNER, actor=COMMAND_LINE)
    for email, name, member_of in (
        (NORA, "Nora", {}),
        (OLGA, "Olga Petrowna", {}),
        (LONG, _LONG_NAME, {"wordy": Role.ADMIN, "fresh": Role.VIEWER}),
    ):
        accounts.create_user(
            email, name=name, password=PASSWORD, is_operator=email == OLGA, actor=COMMAND_LINE, member_of=member_of
        )


def _send_as_a_day_would(it: FurnishedPortal) -> None:
    """Some hundred messages of the last day, the larger part by day, with an outage of two hours."""
    readers, kinds = itertools.cycle(_READERS), itertools.cycle(_KINDS)
    acme = it.tenant("acme")
    with it.waypost.database.transaction() as session:
        for hours_ago in range(25, 0, -1):
            hour = it.now - timedelta(hours=hours_ago)
            for number in range(4 + 3 * min(hour.hour, 24 - hour.hour)):
                handed_in = hour + timedelta(seconds=40 * number)
                fell_back = hours_ago in {8, 9} and number % 3
                failed = number == 17
                (message,) = put_messages(
                    session,
                    acme,
                    handed_in,
                    state=MessageState.FAILED if failed else MessageState.SENT,
                    kind=next(kinds),
                    to_address=f"{next(readers)}@dest.example",
                    via=Via.PLATFORM if fell_back else Via.TENANT,
                    because=Because.UNHEALTHY if fell_back else Because.TENANT_ROUTE,
                    tries=1,
                    finished_at=handed_in + timedelta(milliseconds=310 + 7 * number),
                )
                if failed:
                    attempts.add(session, [_REFUSED_RECIPIENT | {"message_id": message, "at": handed_in}])


def _send_one_of_each(it: FurnishedPortal, server: MailServer) -> None:
    """Messages that the worker really sends, or fails to."""
    story = it.told.story
    for name, to, step, reply in (
        ("failed message", "nobody", "rcpt", "550 5.1.1 <nobody@dest.example>: there is no such mailbox here"),
        ("waiting message", "grace", "rcpt", "451 4.7.1 <b>Greylisted</b>, please try again in five minutes"),
        ("fallen back message", "ada", "mail", "550 5.7.60 acme-mailer may not send as notifications@acme.example"),
    ):
        server.scripted.scenario[step] = reply
        it.names[name] = message = story.send("notification", to=f"{to}@dest.example")
        story.settled(message)
        del server.scripted.scenario[step]
    it.names["sent message"] = message = story.send("notification", to="ada@dest.example", subject="Your report")
    story.settled(message)


def _set_other_tenants_up(it: FurnishedPortal, server: MailServer) -> None:
    it.use("drafted", server, fallback="security")
    it.prove("proven", it.use("proven", server), activates=False)
    it.prove("off", it.use("off", server), activates=True)
    it.waypost.email_settings.disable(it.tenant("off"), actor=COMMAND_LINE)
    it.use("wordy", server, host="smtp." + "a-name-of-many-letters." * 6 + "acme.example", from_name="عنوان 🏗️ " * 6)
    refusing = it.told.mail_server(
        {"auth": "535 5.7.8 Error: authentication failed, see https://help.acme.example/535"}
    )
    it.prove("failing", it.use("failing", refusing), activates=True)
    for _ in range(_ENOUGH_TO_OPEN_THE_BREAKER):
        message = it.waypost.sender.send("failing", kind="otp", to="ada@dest.example", subject="Code", text="123456")
        it.told.story.settled(message)


def _test_as_dora(it: FurnishedPortal, server: MailServer) -> None:
    """Real tests that end in different ways, until Dora has used up what a person may have in ten minutes."""
    good = typed(host=server.host, port=str(server.port), username=USERNAME, password=server.password)
    with signed_in_browser(it.waypost, "acme") as dora:
        for name, fields in (
            ("test of the other encryption", good | {"security": "tls"}),
            ("test of a wrong password", good | {"password": "not the password"}),
            ("test of an unknown host", good | {"host": "smpt.acme.example"}),
            ("test where nobody listens", good | {"port": "1025"}),
            ("passed test", good),
        ):
            answer = dora.post("/t/acme/email-smtp/tests", fields)
            assert answer.status_code == 303, answer.text
            it.names[name] = answer.location.partition("#")[0].rpartition("/")[2]
            _wait_for_the_end(it, name)
    assert it.user(DORA)


def _wait_for_the_end(it: FurnishedPortal, name: str) -> None:
    eventually(lambda: it.test(it.names[name]).finished_at is not None, seconds=30, what=f"the end of the {name}")


def _ask_for_a_new_password(it: FurnishedPortal) -> None:
    assert Browser(it.told.app.test_client(), it.address).post("/recovery", {"email": BOB}).status_code == 303
    mail = it.told.platform_mail(BOB, "Your new password")
    it.names["recovery"] = _token_in(links_in(mail, it.address)[0])


def _token_in(link: str) -> str:
    return link.rpartition("/")[2]
