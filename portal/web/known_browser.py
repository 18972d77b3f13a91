"""A signed cookie by which a browser shows that somebody has signed in there before (see ``sign_in_limits``).

It lets nobody in: it only says in which bucket wrong passwords are counted.
"""

import secrets
from datetime import timedelta
from typing import Final

from flask import Response, current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from portal.domain.people.visitor import KnownBrowser

_KEPT: Final = timedelta(days=180)


def read() -> KnownBrowser | None:
    """What this browser can prove; None for one nobody has signed in with, or not for long."""
    try:
        user_id, name = _serializer().loads(request.cookies.get(_cookie(), ""), max_age=int(_KEPT.total_seconds()))
    except (BadData, TypeError, ValueError):
        return None
    return KnownBrowser(user_id, name)


def remember(response: Response, user_id: str) -> None:
    """Make this browser known as one in which this person has proven who they are."""
    response.set_cookie(
        _cookie(),
        _serializer().dumps([user_id, secrets.token_urlsafe(12)]),
        max_age=_KEPT,
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
        httponly=True,
        samesite="Strict",
    )


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="portal.known-browser")


def _cookie() -> str:
    # With the session cookie's __Host- prefix, if it has one.
    return f"{current_app.config['SESSION_COOKIE_NAME']}-known"
