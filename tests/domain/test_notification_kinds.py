"""The kinds of mail (CONTRACT: kinds), and those that no application hands in."""

from datetime import timedelta

import pytest

from portal.domain.mail.notification_kinds import KINDS, Priority

MINUTES, HOURS, DAYS = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECURITY = {
    "otp": 10 * MINUTES,
    "magic_link": 15 * MINUTES,
    "recovery": HOURS,
    "password_reset": HOURS,
    "verification": 24 * HOURS,
    "email_change": 24 * HOURS,
    "security_alert": 3 * DAYS,
}
NORMAL = {
    **dict.fromkeys(("invitation", "user_invitation", "audit_invitation"), 7 * DAYS),
    **dict.fromkeys(
        (
            "notification",
            "stage_assignment",
            "reminder",
            "form_submission",
            "autoresponder",
            "comment",
            "task",
            "rights_request",
        ),
        3 * DAYS,
    ),
}
OURS = {"probe": 15 * MINUTES, "route_alert": 3 * DAYS, "account_recovery": HOURS, "account_alert": 3 * DAYS}


@pytest.mark.parametrize(
    ("lifetimes", "priority"),
    [
        (SECURITY, Priority.URGENT),
        (NORMAL, Priority.NORMAL),
        ({"digest": DAYS}, Priority.BULK),
        (OURS, Priority.URGENT),
    ],
    ids=["security", "normal", "bulk", "ours"],
)
def test_every_kind_has_its_priority_and_lifetime(lifetimes: dict[str, timedelta], priority: Priority) -> None:
    assert {name: (KINDS[name].lifetime, KINDS[name].priority) for name in lifetimes} == {
        name: (lifetime, priority) for name, lifetime in lifetimes.items()
    }


def test_there_are_no_other_kinds() -> None:
    assert KINDS.keys() == {*SECURITY, *NORMAL, "digest", *OURS}


def test_what_is_security_mail_and_what_is_ours_alone() -> None:
    of_accounts = {"account_recovery", "account_alert"}
    assert {kind.name for kind in KINDS.values() if kind.is_security} == SECURITY.keys() | of_accounts
    assert {kind.name for kind in KINDS.values() if kind.is_internal} == OURS.keys()


def test_a_probe_never_falls_back_and_what_tells_of_routes_and_accounts_takes_the_platforms_route_only() -> None:
    assert [kind.name for kind in KINDS.values() if not kind.may_fall_back] == ["probe"]
    platform_only = {kind.name for kind in KINDS.values() if kind.platform_only}
    assert platform_only == {"route_alert", "account_recovery", "account_alert"}
