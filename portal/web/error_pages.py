"""What people see when a page cannot be shown: what it means, what to do, and for a failure of ours a reference."""

import secrets
from dataclasses import dataclass
from typing import Final

import structlog
from flask import Flask, current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from portal.storage.database import StorageError
from portal.web.access import ANYONE, ask_to_sign_in, rule_of
from portal.web.htmx import is_htmx
from portal.web.login import inner_path

_log = structlog.get_logger()

_MOMENT: Final = "5"  # seconds a program should wait before it asks a database again that was away


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error page.

    Attributes:
        bare: Without the menus: they read who is signed in, which needs a database that answers, and which is nobody's
            business who came by a foreign name or from a foreign page.
    """

    title: str
    sentence: str
    bare: bool = False


FORM_TOO_OLD: Final = Refusal(
    "This form is too old", "Nothing was changed. Go back, load the page again and send the form once more."
)
DEFECT: Final = Refusal(
    "Something went wrong on our side",
    "It is not your doing. Try again; if it happens again, give the operator of this platform the reference below.",
    bare=True,
)
DATABASE_AWAY: Final = Refusal(
    "The database does not answer",
    "Nothing was changed. Try again in a moment. If it stays so, give the operator of this platform the reference "
    "below.",
    bare=True,
)
REFUSALS: Final = {
    400: Refusal("This request cannot be answered", "It was not understood. Nothing was changed.", bare=True),
    403: Refusal("Your role does not allow this", "Ask an owner of the tenant for it."),
    404: Refusal(
        "There is no such page",
        "The address is wrong, or the page belongs to a tenant you are not in. If somebody sent you the link, ask them "
        "whether you should be a member.",
    ),
    405: Refusal("This address is for a form", "Nothing was changed. Start again from the page with the button."),
    413: Refusal(
        "That is too much", "The form holds more than it can take. Nothing was changed. Shorten what you typed."
    ),
    415: Refusal("This request cannot be answered", "Nothing but forms is taken here.", bare=True),
    429: Refusal("Too many tries", "Nothing was changed. Wait a few minutes, then try again."),
}
"""What a page says by its status, unless the view that refused says it better; others get 400's words."""


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, _form_too_old)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(StorageError, _database_away)
    app.register_error_handler(Exception, _defect)


def _form_too_old(_: CSRFError) -> ResponseReturnValue:
    view = current_app.view_functions.get(request.endpoint or "")
    if not current_user.is_authenticated and rule_of(view) != ANYONE:
        return ask_to_sign_in()  # signed out meanwhile, in another tab for instance: the form's token went with that
    return _page(400, FORM_TOO_OLD)


def _refused(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:  # abort(response): a view has said everything itself
        return error.response
    status = error.code or 500
    if status >= 500:
        return _defect(error, status)
    refusal = REFUSALS.get(status, REFUSALS[400])
    own_words = error.description if error.description != type(error).description else None
    # What the status demands besides: Allow, Retry-After.
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return _page(status, refusal, sentence=own_words, headers=headers)


def _database_away(error: StorageError) -> ResponseReturnValue:
    reference = _reference()
    _log.error("a page could not reach the database", reference=reference, path=_path(), error=str(error))
    return _page(503, DATABASE_AWAY, reference=reference, headers={"Retry-After": _MOMENT})


def _defect(error: Exception, status: int = 500) -> ResponseReturnValue:
    reference = _reference()
    _log.error("a page stopped by a defect", reference=reference, path=_path(), exc_info=error)
    return _page(status, DEFECT, reference=reference)


def _path() -> str:
    """The address as the log may hold it: an argument, which may be the token of a recovery, gives way to its name."""
    return request.url_rule.rule if request.url_rule else request.path


def _reference() -> str:
    return secrets.token_hex(4)


def _page(
    status: int,
    refusal: Refusal,
    *,
    sentence: str | None = None,
    reference: str | None = None,
    headers: dict[str, str] | None = None,
) -> ResponseReturnValue:
    said = sentence or refusal.sentence
    if is_htmx():  # a part of a page asked: a whole page within it would be a page within a page
        words = f"{refusal.title}. {said}" + (f" Reference: {reference}" if reference else "")
        return make_response(render_template("connection_probe/refusal.html", refusal=words), status, headers or {})
    try:
        page = _rendered(status, refusal, said, reference, bare=refusal.bare)
    except StorageError as away:  # the menus wanted to know who is signed in; the page itself knows enough
        _log.warning("an error page goes without its menus", path=_path(), error=str(away))
        page = _rendered(status, refusal, said, reference, bare=True)
    return make_response(page, status, headers or {})


def _rendered(status: int, refusal: Refusal, sentence: str, reference: str | None, *, bare: bool) -> str:
    may_help = reference is not None and request.method == "GET"
    return render_template(
        "errors/error.html",
        status=status,
        title=refusal.title,
        sentence=sentence,
        reference=reference,
        again=inner_path(request.full_path.rstrip("?")) if may_help else None,
        bare=bare,
    )
