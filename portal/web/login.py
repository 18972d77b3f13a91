"""Who is signed in. The cookie carries a token; the row behind it says whose it is, and can be ended (THREATS 23)."""

from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Flask, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user

from portal.domain.audit_events import Actor
from portal.services.sign_in import SignedIn
from portal.web.database import waypost
from portal.web.htmx import RELOAD, is_htmx


@dataclass(frozen=True, slots=True)
class Person:
    """The signed-in person, as Flask-Login wants to see them."""

    token: str
    account: SignedIn
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        return self.token

    @property
    def actor(self) -> Actor:
        return Actor(self.account.user_id, request.remote_addr)

    @property
    def shown_name(self) -> str:
        return self.account.name or self.account.email


def init_app(app: Flask) -> None:
    manager = LoginManager()
    manager.session_protection = None  # it ties a session to an address; the row and its limits protect it here
    manager.user_loader(_person_of)
    manager.unauthorized_handler(_ask_to_sign_in)
    manager.init_app(app, add_context_processor=False)
    # As a global it is looked at only where a page asks: an error page must work without the database.
    app.jinja_env.globals["current_user"] = current_user


def person() -> Person:
    """The signed-in person; only for views that demand one."""
    return cast("Person", current_user)


def begin(token: str) -> None:
    """Sign the browser in. What its session held before is dropped, so that nobody can have planted it."""
    session.clear()
    found = _person_of(token)
    if found is not None:
        login_user(found)


def end() -> None:
    """Sign the browser out and end the row behind it. Harmless when nobody is signed in."""
    if current_user.is_authenticated:
        waypost().sign_in.sign_out(person().token, network=request.remote_addr)
    logout_user()
    session.clear()


def inner_path(target: str | None) -> str | None:
    """The target of ``next``, if it is a path within the portal and can be read in no other way (THREATS 22)."""
    if not target or not target.startswith("/") or target.startswith("//"):
        return None
    if "\\" in target or any(not character.isprintable() for character in target):
        return None
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else None


def _person_of(token: str) -> Person | None:
    found = waypost().sign_in.whose(token)
    return Person(token, found) if found else None


def _ask_to_sign_in() -> ResponseReturnValue:
    if is_htmx():
        return "", 401, RELOAD  # the page loads anew and is led to the sign-in; a part of it would show that within
    target: dict[str, Any] = {}
    if request.method == "GET" and request.full_path.rstrip("?") != "/":
        target = {"next": request.full_path.rstrip("?")}
    if request.method == "POST":
        flash("You were signed out after a while without activity. Nothing was changed.")
    return redirect(url_for("sign_in.show", **target), 303)
