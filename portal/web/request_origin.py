"""Where a request may come from: to our own name, and what changes something only from our own pages (THREATS 22)."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, abort, request
from werkzeug.sansio.utils import host_is_trusted

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE: Final = frozenset({"same-origin", "none"})  # "none": typed, or opened from a bookmark
_UNDER_ANY_NAME: Final = frozenset({"health.process", "health.database"})
"""A balancer asks these by address, not by name; they tell nothing."""


def init_app(app: Flask, base_url: str) -> None:
    """Refuse foreign Host headers, and unsafe methods from foreign pages.

    Args:
        base_url: The portal's own address. If it is a loopback address, every loopback name and port is our own, so
            that a tunnel or another port on one's own machine works.
    """
    parts = urlsplit(base_url)
    own_origin = f"{parts.scheme}://{parts.netloc}".lower()
    on_loopback = _is_loopback(parts.hostname or "")
    names = ["127.0.0.1", "localhost"] if on_loopback else [parts.hostname or ""]

    def refuse_foreign_requests() -> None:
        if request.endpoint in _UNDER_ANY_NAME:
            return
        if not host_is_trusted(request.host, names):
            abort(400, "This is not the portal's address.")
        if request.method in _SAFE:
            return
        origin = request.headers.get("Origin")
        own = f"{request.scheme}://{request.host}".lower() if on_loopback else own_origin
        if origin is not None and origin.lower() != own:
            abort(400, "This request came from another site.")
        if request.is_json:
            abort(415)  # no form of ours sends it, and Flask-WTF would take it for one
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in _OWN_SITE:
            abort(400, "This request came from another site.")

    app.before_request(refuse_foreign_requests)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
