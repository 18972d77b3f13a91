"""What a balancer asks."""

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from portal.storage.database import StorageError
from portal.web.access import anyone
from portal.web.database import waypost

blueprint = Blueprint("health", __name__)

_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


@blueprint.get("/healthz")
@anyone
def process() -> ResponseReturnValue:
    """Whether this process answers."""
    return "ok\n", _PLAIN


@blueprint.get("/readyz")
@anyone
def database() -> ResponseReturnValue:
    """Whether the database answers, so that requests can be served."""
    try:
        with waypost().database.reading() as session:
            session.execute(text("SELECT 1"))
    except StorageError:
        return "the database does not answer\n", 503, _PLAIN
    return "ready\n", _PLAIN
