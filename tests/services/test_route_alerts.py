"""What a tenant's admins are told of their own server: soon, once a day at most, and when it is over."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.people.roles import Role
from portal.domain.routing.fault import Fault
from portal.storage.messages import MessageRow
from portal.storage.users import UserRow
from tests.support.watched_routes import Watched, actions, told, watched

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FAILS = "Acme: mail server smtp.acme.example does not take your mail"
SLOWER = "Acme: mail server smtp.acme.example asks for fewer messages"
WORKS = "Acme: mail server smtp.acme.example works again"
TIMED_OUT = "timed out"


@pytest.fixture
def acme(database_url: str) -> Iterator[Watched]:
    with watched(database_url) as found:
        yield found


def pass_time(acme: Watched, by: timedelta, *, step: timedelta = 5 * MINUTE) -> None:
    """Let time pass while the watch looks and every trial fails as the route did."""
    until = acme.clock() + by
    while acme.clock() < until:
        acme.clock.forward(step)
        for route in acme.look():
            fault = acme.condition.health.opened_by or Fault.ROUTE_TEMP
            acme.watch.probed(route, fault=fault, said=TIMED_OUT, now=acme.clock())


def test_owners_and_admins_are_told_and_viewers_are_not(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_AUTH)
    acme.look()
    assert sorted(to for to, _ in acme.mail()) == ["alice@acme.example", "anna@acme.example"]
    assert told(acme) == [FAILS]
    [event] = acme.events("email.route_alerted")
    assert event.facts == {"version": 1, "recipients": 2, "about": "failure", "class": "ROUTE_AUTH"}


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        pytest.param(Fault.ROUTE_AUTH, timedelta(), id="a refused sign-in at once"),
        pytest.param(Fault.ROUTE_CERT, timedelta(), id="a bad certificate at once"),
        pytest.param(Fault.ROUTE_SENDER, timedelta(), id="a refused sender at once"),
        pytest.param(Fault.ROUTE_TEMP, 10 * MINUTE, id="an outage when it has lasted ten minutes"),
    ],
)
def test_how_soon_they_are_told(acme: Watched, fault: Fault, after: timedelta) -> None:
    acme.attempt(fault, times=5)
    if after:
        acme.clock.forward(after - MINUTE)
        acme.look()
        assert told(acme) == []
        acme.clock.forward(MINUTE)
    acme.look()
    assert told(acme) == [FAILS]


def test_they_are_told_once_a_day_while_it_goes_on(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_AUTH, times=2)
    acme.look()
    pass_time(acme, 23 * HOUR, step=HOUR)
    assert told(acme) == [FAILS]
    pass_time(acme, 2 * HOUR, step=HOUR)
    assert told(acme) == [FAILS, FAILS]


def test_another_class_of_fault_is_told_by_itself(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_AUTH, times=2)
    acme.look()
    acme.attempt(Fault.ROUTE_CERT, "certificate expired")
    acme.look()
    assert told(acme) == [FAILS, FAILS]


def test_two_classes_due_at_once_are_both_told_by_one_look(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_AUTH)
    acme.attempt(Fault.ROUTE_SENDER)
    acme.look()
    assert told(acme) == [FAILS, FAILS]


def test_who_was_told_that_it_fails_is_told_once_that_it_works(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_AUTH, times=2)
    acme.look()
    acme.clock.forward(15 * MINUTE)
    [route] = acme.look()
    acme.watch.probed(route, fault=Fault.OK, said="250 OK", now=acme.clock())
    for _ in range(3):
        acme.look()
        acme.attempt(Fault.OK)
    assert told(acme) == [FAILS, WORKS]
    assert acme.look_at() is None
    text = acme.mail()[-1][1].text or ""
    assert "smtp.acme.example:587 takes Acme's mail again, since 2026-11-20 21:15 UTC." in text
    assert "https://portal.example/t/acme/email-smtp" in text


def test_who_was_told_nothing_is_told_nothing_of_its_end(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_TEMP, TIMED_OUT, times=5)
    acme.look()
    acme.attempt(Fault.OK)
    acme.look()
    assert told(acme) == []


def test_a_failure_that_comes_and_goes_is_told_once_a_day_all_the_same(acme: Watched) -> None:
    for _ in range(20):
        acme.attempt(Fault.ROUTE_AUTH, times=2)
        acme.look()
        acme.clock.forward(HOUR)
        acme.attempt(Fault.OK)
        acme.look()
    assert told(acme).count(FAILS) == 1
    assert told(acme).count(WORKS) == 1


def test_a_daily_quota_is_told_as_what_it_is(acme: Watched) -> None:
    acme.message(Fault.RATE, "550 5.4.5 Daily user sending limit exceeded", stage="mail", waits=HOUR)
    acme.attempt(Fault.RATE, "550 5.4.5 Daily user sending limit exceeded")
    acme.look()
    assert told(acme) == [SLOWER]
    text = acme.mail()[0][1].text or ""
    assert "The sending limit at smtp.acme.example is used up" in text
    assert "What has waited half an hour, security mail one minute, leaves through the platform" in text


def test_the_mail_says_what_happened_what_to_do_and_where(acme: Watched) -> None:
    acme.message(Fault.ROUTE_AUTH, waits=HOUR)
    acme.attempt(Fault.ROUTE_AUTH, times=2)
    acme.look()
    text = acme.mail()[0][1].text
    assert text == (
        "The mail server smtp.acme.example:587 does not take Acme's mail.\n"
        "\n"
        "What happened\n"
        "The username or password was not accepted. The server smtp.acme.example refused the sign-in as acme.\n"
        "The server answered: «535 5.7.8 Authentication credentials invalid»\n"
        "Since 2026-11-20 21:00 UTC (settings version 1).\n"
        "\n"
        "What to do\n"
        "- Enter the password again; a copied one easily brings a blank along.\n"
        "- Check the username: many servers want the whole address, some a name of their own.\n"
        "Settings and test: https://portal.example/t/acme/email-smtp\n"
        "\n"
        "What happens to mail meanwhile\n"
        "What your server does not take leaves through the platform, in the platform's name.\n"
        "\n"
        "The server is tried again by itself, next at 2026-11-20 21:15 UTC. "
        "You are told once a day at most while this goes on, and once more when it is over.\n"
    )


@pytest.mark.parametrize(
    ("fallback", "sentence"),
    [
        ("always", "What your server does not take leaves through the platform, in the platform's name."),
        ("security", "Security mail such as sign-in codes leaves through the platform"),
        ("never", "All mail waits and is tried again until its lifetime ends"),
    ],
)
def test_it_says_what_the_tenants_own_policy_does_with_mail_meanwhile(
    database_url: str, fallback: str, sentence: str
) -> None:
    with watched(database_url, fallback=fallback) as acme:
        acme.attempt(Fault.ROUTE_CERT, "certificate expired")
        acme.look()
        assert sentence in (acme.mail()[0][1].text or "")


def test_an_alert_is_urgent_mail_of_three_days(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_AUTH)
    acme.look()
    with acme.database.reading() as session:
        rows = session.scalars(select(MessageRow)).all()
    assert [(row.kind, row.priority, row.expires_at - row.created_at) for row in rows] == [
        ("route_alert", 0, timedelta(days=3))
    ] * 2


def test_an_account_without_a_usable_address_keeps_nobody_else_from_being_told(acme: Watched) -> None:
    user = acme.accounts.create_user("olaf@acme.example", name="", password=None, is_operator=False, actor=COMMAND_LINE)
    acme.accounts.add_member("acme", user, Role.OWNER, actor=COMMAND_LINE)
    with acme.database.transaction() as session:
        for row in session.scalars(select(UserRow).where(UserRow.email == "alice@acme.example")):
            row.email = "alice"
    acme.attempt(Fault.ROUTE_AUTH)
    acme.look()
    assert sorted(to for to, _ in acme.mail()) == ["anna@acme.example", "olaf@acme.example"]
    assert acme.events("email.route_alerted")[0].facts["recipients"] == 2


def test_opening_telling_and_closing_are_on_record_in_their_order(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_CERT, "certificate expired")
    acme.look()
    acme.attempt(Fault.OK)
    acme.look()
    assert actions(acme.events()) == [
        "email.route_unhealthy",
        "email.route_alerted",
        "email.route_recovered",
        "email.route_alerted",
    ]
    assert acme.events()[-1].facts["about"] == "recovery"
