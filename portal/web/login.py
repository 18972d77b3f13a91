"""Who is signed in. The cookie carries a token; the row behind it says whose it is, and can be ended (THREATS 23)."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit

from flask import Flask, Response, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user

from portal.domain.audit_events import Actor
from portal.domain.people.sign_in_rules import Ended
from portal.domain.people.visitor import Visitor
from portal.services.sign_ins import SignedIn
from portal.web import known_browser
from portal.web.database import waypost
from portal.web.htmx import RELOAD, is_htmx

_WHY: Final = {
    Ended.IDLE: "You were signed out after 30 minutes without activity.",
    Ended.TOO_OLD: "You were signed out because you signed in more than 12 hours ago.",
    Ended.UNKNOWN: "You are not signed in any more: your sign-in was ended.",
}


@dataclass(frozen=True, slots=True)
class Person:
    """The signed-in person, as Flask-Login wants to see them."""

    account: SignedIn
    is_authenticated: bool = field(default=True, init=False)
    is_active: bool = field(default=True, init=False)
    is_anonymous: bool = field(default=False, init=False)

    def get_id(self) -> str:
        return self.account.token

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
    app.after_request(_leave_the_newer_cookie)
    # As a global it is looked at only where a page asks: an error page must work without the database.
    app.jinja_env.globals["current_user"] = current_user


def person() -> Person:
    """The signed-in person; only for views that demand one."""
    return cast("Person", current_user)


def visitor() -> Visitor:
    """Where this request comes from, and what its browser says and proves of itself."""
    return Visitor(request.remote_addr, request.user_agent.string, known_browser.read())


def begin(token: str, response: Response) -> None:
    """Sign the browser in. What its session held before is ended and dropped, so that nobody can have planted it."""
    end()
    found = _person_of(token)
    if found is not None:
        login_user(found)
        known_browser.remember(response, found.account.user_id)


def confirmed(at: datetime) -> None:
    """The signed-in person has just proven who they are; what follows in this request may go by it."""
    login_user(Person(replace(person().account, confirmed_at=at)))


def end() -> None:
    """Sign the browser out and end the row behind it. Harmless when nobody is signed in."""
    if current_user.is_authenticated:
        waypost().sign_ins.end(person().account, network=request.remote_addr)
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


def page_before() -> str | None:
    """The path of our own page that led here, where the browser says so."""
    try:
        parts = urlsplit(request.referrer or "")
    except ValueError:  # no address at all, such as http://[
        return None
    if parts.netloc != request.host:
        return None
    return inner_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def _person_of(token: str) -> Person | None:
    # Our own script only reads by itself: a page left open, with a message that waits in it, is nobody at work.
    found = waypost().sign_ins.whose(token, is_unattended=is_htmx() and request.method == "GET")
    if isinstance(found, Ended):
        g.sign_in_ended = found
        return None
    signed_in = Person(found)
    if found.token != token:
        login_user(signed_in)  # the session goes on with the new token
    return signed_in


def _leave_the_newer_cookie(response: Response) -> Response:
    """Write no session where another answer on its way to this browser has written a newer token into it."""
    if g.get("_login_user") and current_user.is_authenticated and person().account.is_superseded:
        session.modified = False
    return response


def _ask_to_sign_in() -> ResponseReturnValue:
    if is_htmx():
        return "", 401, RELOAD  # the page loads anew and is led to the sign-in; a part of it would show that within
    is_post = request.method == "POST"
    if ended := g.pop("sign_in_ended", None):
        flash(f"{_WHY[ended]}{' Nothing was changed.' if is_post else ''} Sign in to go on.")
        logout_user()  # drops the token, so that it is told once
    elif is_post:
        flash("You are not signed in, so nothing was changed. Sign in to go on.")
    # To a form's address there is no way back by a link, so a form leads back to the page it stood on.
    target = page_before() if is_post else request.full_path.rstrip("?")
    there: dict[str, Any] = {"next": target} if target and target != "/" else {}
    return redirect(url_for("sign_in.show", **there), 303)
