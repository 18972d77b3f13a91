"""The pages tenant admins live in."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flask import Flask
from flask.helpers import get_debug_flag
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import logs, wiring
from portal.settings import BadSettingsError
from portal.web import (
    access,
    confirmation,
    error_pages,
    icons,
    labels,
    local_time,
    login,
    request_origin,
    security_headers,
    wrong_method,
)
from portal.web.database import db, engine_config
from portal.web.views import BLUEPRINTS
from portal.wiring import Waypost

_ROOT: Final = Path(__file__).parents[2]
_LARGEST_REQUEST: Final = 256 * 1024  # bytes; the largest form is some 10 KiB


def create_app(waypost: Waypost | None = None) -> Flask:
    """Build the portal.

    Args:
        waypost: The installation to serve; None to build it from its settings (environment or ``.env``).

    Raises:
        BadSettingsError, BadVaultKeysError, WrongVaultKeyError, DatabaseNotReadyError: See ``wiring.build()``.
    """
    if get_debug_flag():
        raise BadSettingsError("FLASK_DEBUG is set: pages would show this program's insides to anybody. Unset it.")
    if waypost is None:
        logs.configure()
        waypost = wiring.shared()
    app = Flask("portal", template_folder=str(_ROOT / "templates"), static_folder=str(_ROOT / "static"))
    app.extensions["waypost"] = waypost
    is_https = urlsplit(waypost.settings.base_url).scheme == "https"
    app.config.update(
        SECRET_KEY=waypost.settings.secret_key.reveal(),
        # The prefix makes browsers refuse a cookie that another host or clear text has planted.
        SESSION_COOKIE_NAME="__Host-waypost" if is_https else "waypost",
        SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=_LARGEST_REQUEST,
        WTF_CSRF_TIME_LIMIT=None,  # a token is good as long as its session; a form may stay open over lunch
        WTF_CSRF_SSL_STRICT=False,  # it asks for a Referer; request_origin judges Origin and Sec-Fetch-Site instead
        **engine_config(waypost.database),
    )
    if hops := waypost.settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # Flask documents this way to wrap it
    db.init_app(app)
    # The order counts: a foreign host or origin is refused before anything is read from the session.
    request_origin.init_app(app, waypost.settings.base_url)
    wrong_method.init_app(app)
    CSRFProtect(app)
    access.init_app(app)
    login.init_app(app)
    confirmation.init_app(app)
    security_headers.init_app(app, is_https=is_https)
    error_pages.init_app(app)
    icons.init_app(app)
    labels.init_app(app)
    local_time.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app
