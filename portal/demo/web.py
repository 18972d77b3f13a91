"""The demo's web application: Waypost's pages and the inbox."""

from flask import Flask

from portal.demo import inbox_views
from portal.demo.folder import DemoFolder
from portal.demo.hosts import ACME
from portal.demo.ports import DemoPorts
from portal.demo.welcome import ACME_FROM
from portal.domain.routing.smtp_route import TlsMode
from portal.web import create_app


def create_demo_app() -> Flask:
    app = create_app()
    app.register_blueprint(inbox_views.blueprint)
    # What to type on the Email SMTP page, shown there.
    app.extensions["waypost_demo"] = {
        "host": ACME.name,
        "port": DemoPorts.read(DemoFolder.of_this_installation().ports).acme_starttls,
        "security": TlsMode.STARTTLS,
        "username": ACME.username,
        "password": ACME.password,
        "from_address": ACME_FROM,
    }
    return app
