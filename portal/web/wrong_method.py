"""GET on an address that only takes forms.

A refused form leaves its address in the browser's bar. Opened from there, or reloaded, it leads to the page it was on.
"""

from flask import Flask, current_app, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed

_READING = frozenset({"GET", "HEAD"})


def init_app(app: Flask) -> None:
    app.before_request(_lead_to_a_page)


def _lead_to_a_page() -> ResponseReturnValue | None:
    if request.method not in _READING or not isinstance(request.routing_exception, MethodNotAllowed):
        return None
    page = _nearest_page()
    return redirect(page, 303) if page else None


def _nearest_page() -> str | None:
    """The nearest address above this one that can be looked at.

    Only the URL map is asked: whether there is such a tenant, and who may see it, the page itself answers.
    """
    urls = current_app.create_url_adapter(request)
    above = request.path
    while urls is not None and above != "/":
        above = above.rpartition("/")[0] or "/"
        if urls.test(above, method="GET"):
            return above
    return None
