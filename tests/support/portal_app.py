"""A portal on a fresh installation: a real database file, and three people who know of each other's tenants."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any, Final

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import TenantId, UserId
from portal.domain.people.roles import Role
from portal.storage import users
from portal.web import create_app
from portal.web.database import db
from portal.wiring import Waypost
from tests.support.installation import Installation

PASSWORD: Final = "a few words in a row"
SMTP_PASSWORD: Final = "canary-7c1f-of-the-mail-server"

ALICE: Final = "alice@acme.example"  # owner of Acme
BOB: Final = "bob@acme.example"  # viewer in Acme
CHARLIE: Final = "charlie@other.example"  # owner of another tenant
OLGA: Final = "olga@platform.example"  # operator, member of nothing

ACME: Final = "acme"
OTHER: Final = "other"


class MovedClock:
    """The time it is plus what a test has let pass."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.passed


@dataclass(frozen=True)
class Portal:
    """A portal with its people."""

    app: Flask
    waypost: Waypost
    clock: MovedClock
    acme: TenantId
    other: TenantId

    def browser(self, email: str | None = None) -> "Browser":
        """A browser, signed in as this person."""
        browser = Browser(self.app.test_client(), self.waypost.settings.base_url)
        if email:
            assert browser.sign_in(email, PASSWORD).status_code == 303
        return browser


class Browser:
    """Flask's test client with what a browser adds by itself: the page's CSRF token and the Origin of a form."""

    def __init__(self, client: FlaskClient, base_url: str) -> None:
        self.client = client
        self.base_url = base_url

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, base_url=self.base_url, **more)

    def post(self, path: str, fields: dict[str, str] | None = None, **more: Any) -> TestResponse:
        """Send a form with the token of the sign-in page, which any page of this session would carry as well."""
        token = csrf_token_in(self.get("/sign-in", follow_redirects=True))
        return self.post_bare(path, {"csrf_token": token} | (fields or {}), **more)

    def post_bare(self, path: str, fields: dict[str, str] | None = None, **more: Any) -> TestResponse:
        """Send a form without a token of our own making."""
        headers = {"Origin": self.base_url} | more.pop("headers", {})
        return self.client.post(path, data=fields, base_url=self.base_url, headers=headers, **more)

    def every_page(self) -> list[str]:
        """The text of every page that links lead to, from the front door on."""
        pages: dict[str, str] = {}
        ahead = ["/"]
        while ahead:
            path = ahead.pop()
            if path not in pages and not path.startswith("/static/"):
                pages[path] = self.get(path, follow_redirects=True).text
                ahead += [unescape(link) for link in re.findall(r'href="(/[^"#]*)', pages[path])]
        return list(pages.values())

    def sign_in(self, email: str, password: str, *, path: str = "/sign-in") -> TestResponse:
        return self.post(path, {"email": email, "password": password})


def csrf_token_in(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found, page.text[:500]
    return found[1]


def words_of(page: TestResponse) -> str:
    """What somebody reads on a page: its text without markup, white space made single."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def user_id(portal: Portal, email: str) -> UserId:
    with portal.waypost.database.reading() as session:
        user = users.user_by_email(session, email)
        assert user
        return UserId(user.id)


@contextmanager
def served(folder: Path, **settings: str) -> Iterator[Portal]:
    """Install Waypost in a folder and serve it, with Alice, Bob, Charlie and Olga."""
    clock = MovedClock()
    with Installation.new(folder, **settings).opened(clock) as waypost:
        acme, other = _people(waypost)
        app = create_app(waypost)
        try:
            yield Portal(app, waypost, clock, acme, other)
        finally:
            with app.app_context():
                db.engine.dispose()


@contextmanager
def signed_in_browser(waypost: Waypost, slug: str) -> Iterator[Browser]:
    """A browser in which a new owner of this tenant is signed in."""
    owner = waypost.accounts.create_user(
        "dora@dest.example", name="Dora", password=PASSWORD, is_operator=False, actor=COMMAND_LINE
    )
    waypost.accounts.add_member(slug, owner, Role.OWNER, actor=COMMAND_LINE)
    app = create_app(waypost)
    browser = Browser(app.test_client(), waypost.settings.base_url)
    assert browser.sign_in("dora@dest.example", PASSWORD).status_code == 303
    try:
        yield browser
    finally:
        with app.app_context():
            db.engine.dispose()


def _people(waypost: Waypost) -> tuple[TenantId, TenantId]:
    accounts = waypost.accounts
    acme = accounts.create_tenant(ACME, name="Acme Production", organisation="Acme", actor=COMMAND_LINE)
    other = accounts.create_tenant(OTHER, name="Other", organisation=None, actor=COMMAND_LINE)
    for email, name, slug, role in (
        (ALICE, "Alice", ACME, Role.OWNER),
        (BOB, "Bob", ACME, Role.VIEWER),
        (CHARLIE, "Charlie", OTHER, Role.OWNER),
    ):
        user = accounts.create_user(email, name=name, password=PASSWORD, is_operator=False, actor=COMMAND_LINE)
        accounts.add_member(slug, user, role, actor=COMMAND_LINE)
    accounts.create_user(OLGA, name="Olga", password=PASSWORD, is_operator=True, actor=COMMAND_LINE)
    return acme, other


def typed(**changed: str) -> dict[str, str]:
    """The Email SMTP form as a browser sends it, filled in well but for what is changed; "" empties a field."""
    return {
        "host": "smtp.acme.example",
        "port": "587",
        "security": "starttls",
        "username": "acme",
        "password": SMTP_PASSWORD,
        "from_address": "no-reply@acme.example",
        "from_name": "Acme",
        "reply_to": "",
        "signing": "own_server",
        "fallback": "always",
        "auth": "auto",
        "ehlo_name": "",
        "envelope_from": "",
        "dkim_selectors": "",
        "rate_per_second": "",
        "rate_per_minute": "",
        "rate_per_day": "",
    } | changed
