"""What people see when a page cannot be shown: a sentence, never a traceback; for defects a logged reference."""

import secrets

import structlog
from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound, RequestEntityTooLarge

from portal.storage.database import StorageError
from portal.web.htmx import is_htmx

_log = structlog.get_logger()


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, _form_too_old)
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(Forbidden, _forbidden)
    app.register_error_handler(HTTPException, _other)
    app.register_error_handler(StorageError, _database_away)
    app.register_error_handler(Exception, _defect)


def _form_too_old(_: CSRFError) -> ResponseReturnValue:
    return _page(400, "This form is too old", "Nothing was changed. Go back, reload the page and try again.")


def _not_found(_: NotFound) -> ResponseReturnValue:
    return _page(404, "There is no such page", "The address is wrong, or the page belongs to a tenant you are not in.")


def _forbidden(error: Forbidden) -> ResponseReturnValue:
    return _page(403, "Your role does not allow this", error.description or "")


def _other(error: HTTPException) -> ResponseReturnValue:
    if isinstance(error, RequestEntityTooLarge):
        return _page(413, "That is too much", "The form holds more than it can take. Nothing was changed.")
    own_words = isinstance(error, BadRequest) and error.description != BadRequest.description
    sentence = error.description if own_words else "The request could not be understood. Nothing was changed."
    return _page(error.code or 500, error.name, sentence or "")


def _database_away(error: StorageError) -> ResponseReturnValue:
    reference = _reference()
    _log.error("a page could not reach the database", reference=reference, path=request.path, error=str(error))
    return _page(
        503, "The database does not answer", "Nothing was changed. Try again in a moment.", reference=reference
    )


def _defect(error: Exception) -> ResponseReturnValue:
    reference = _reference()
    _log.error("a page stopped by a defect", reference=reference, path=request.path, exc_info=error)
    return _page(
        500,
        "Something went wrong on our side",
        "If it happens again, tell your operator this reference:",
        reference=reference,
    )


def _reference() -> str:
    return secrets.token_hex(4)


def _page(status: int, title: str, sentence: str, *, reference: str | None = None) -> ResponseReturnValue:
    if is_htmx():  # a part of a page asked: a whole page within it would be a page within a page
        refusal = " ".join(filter(None, (f"{title}.", sentence, reference)))
        return render_template("connection_probe/refusal.html", refusal=refusal), status
    page = render_template("errors/error.html", title=title, sentence=sentence, reference=reference, bare=True)
    return page, status
