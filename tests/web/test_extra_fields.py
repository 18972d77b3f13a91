"""Fields that a form does not have, or has twice: what nobody asked for is not taken (THREATS 21)."""

from typing import Any, Final

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from portal.storage.credentials import CredentialsRow
from portal.storage.email_settings import EmailSettingsRow
from portal.storage.organisations import TenantRow
from portal.storage.sign_ins import SignInRow
from portal.storage.users import MembershipRow, UserRow
from tests.support.portal_app import ALICE, BOB, PASSWORD, Browser, Portal, csrf_token_in, typed, user_id

DRAFT: Final = "/t/acme/email-smtp/draft"
HOPED_FOR: Final = {
    "tenant_id": "0" * 26,
    "tenant": "other",
    "slug": "other",
    "enabled": "1",
    "smtp_enabled": "1",
    "version": "77",
    "active_version": "77",
    "draft_version": "77",
    "route_epoch": "77",
    "proven_at": "2026-01-01T00:00:00",
    "created_at": "2000-01-01T00:00:00",
    "created_by": "somebody",
    "credentials_id": "0" * 26,
    "is_operator": "1",
    "role": "owner",
    "user_id": "0" * 26,
    "id": "0" * 26,
    "to": "victim@example.com",
    "to_address": "victim@example.com",
    "password_hash": "x",
    "confirmed_at": "2099-01-01T00:00:00",
}


def one(portal: Portal, row: Any, **where: Any) -> Any:
    with portal.waypost.database.reading() as session:
        return session.scalars(select(row).filter_by(**where)).one()


def test_saving_a_draft_takes_its_own_fields_alone(portal: Portal, alice: Browser) -> None:
    assert alice.post(DRAFT, typed(**HOPED_FOR), query_string=HOPED_FOR).status_code == 303
    saved = one(portal, EmailSettingsRow)
    assert (saved.tenant_id, saved.version, saved.proven_at) == (portal.acme, 1, None)
    assert saved.created_by == user_id(portal, ALICE)
    assert saved.created_at.year == portal.clock().year
    assert saved.credentials_id == one(portal, CredentialsRow, tenant_id=portal.acme).id
    acme = one(portal, TenantRow, id=portal.acme)
    assert (acme.active_version, acme.draft_version, acme.smtp_enabled, acme.route_epoch) == (None, 1, False, 0)


def test_what_stands_in_the_address_is_no_field(portal: Portal, alice: Browser) -> None:
    assert alice.post(DRAFT, typed(), query_string={"host": "evil.example", "from_name": "Evil"}).status_code == 303
    saved = one(portal, EmailSettingsRow)
    assert (saved.host, saved.from_name) == ("smtp.acme.example", "Acme")


@pytest.mark.parametrize("name", ["host", "port", "security", "from_address", "username", "fallback", "signing"])
def test_of_a_field_that_comes_twice_the_first_counts(portal: Portal, alice: Browser, name: str) -> None:
    """As everywhere: what is judged is what is saved."""
    token = csrf_token_in(alice.get("/t/acme/email-smtp"))
    twice = MultiDict([*typed().items(), (name, "evil"), ("csrf_token", token)])
    assert alice.post_bare(DRAFT, twice).status_code == 303
    assert str(getattr(one(portal, EmailSettingsRow), name)) == typed()[name]


def test_signing_in_makes_nobody_anything_else(portal: Portal) -> None:
    browser = portal.browser()
    fields = {"email": BOB, "password": PASSWORD} | HOPED_FOR
    assert browser.post("/sign-in", fields, query_string=HOPED_FOR).status_code == 303
    bob = user_id(portal, BOB)
    assert one(portal, SignInRow, user_id=bob).confirmed_at.year == portal.clock().year
    assert one(portal, MembershipRow, user_id=bob).role == "viewer"
    assert one(portal, UserRow, id=bob).is_operator is False
    assert browser.get("/t/other/email-smtp").status_code == 404


def test_a_sample_goes_to_whoever_asks_for_it(alice: Browser) -> None:
    answer = alice.post("/t/acme/messages/samples", HOPED_FOR | {"email": "victim@example.com"})
    page = alice.get(answer.headers["Location"]).text
    assert ALICE in page
    assert "victim@example.com" not in page


def test_a_password_is_changed_for_oneself(portal: Portal, alice: Browser) -> None:
    before = one(portal, UserRow, id=user_id(portal, BOB)).password_hash
    bob = {"user_id": user_id(portal, BOB), "email": BOB, "id": user_id(portal, BOB)}
    new = {"current_password": PASSWORD, "new_password": "other words in a row", "again": "other words in a row"}
    assert alice.post("/account/password", new | bob | {"is_operator": "1"}).status_code == 303
    assert one(portal, UserRow, id=user_id(portal, BOB)).password_hash == before
    assert one(portal, UserRow, id=user_id(portal, ALICE)).is_operator is False
