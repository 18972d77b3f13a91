"""The database for the pages that only read; whatever writes goes through a service with its own transaction."""

from pathlib import Path
from typing import Any

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy

from portal.storage import engines
from portal.storage.database import Base, Database
from portal.wiring import Waypost


class _PortalDatabase(SQLAlchemy):
    def init_app(self, app: Flask) -> None:
        super().init_app(app)
        with app.app_context():
            if self.engine.dialect.name == "sqlite":
                engines.prepare_sqlite(self.engine)


db = _PortalDatabase(model_class=Base)
"""``db.session`` lives as long as a request, is never committed, and goes on seeing what was there when it first read:
after a write a view redirects, so that the next page reads anew."""


def engine_config(database: Database) -> dict[str, Any]:
    """Flask-SQLAlchemy's configuration for the same database as the services'."""
    url = database.engine.url
    if url.get_backend_name() == "sqlite" and url.database:
        # Flask-SQLAlchemy would look for a relative path in Flask's own instance folder.
        url = url.set(database=str(Path(url.database).resolve()))
    options = engines.options(url)
    if not database.is_sqlite:
        options["isolation_level"] = "REPEATABLE READ"  # a page shows one state; SQLite does so by itself
    return {"SQLALCHEMY_DATABASE_URI": url, "SQLALCHEMY_ENGINE_OPTIONS": options}


def waypost() -> Waypost:
    """The installation this application serves."""
    installation: Waypost = current_app.extensions["waypost"]
    return installation
