"""The demo's own pages over an installation of a test: its inbox with a mail, and the hint what to type."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from portal.demo import inbox_views
from portal.demo.folder import DemoFolder
from portal.demo.hosts import ACME
from portal.demo.inbox import Arrival, Inbox
from portal.domain.routing.smtp_route import TlsMode
from portal.web import create_app
from portal.web.database import db
from portal.wiring import Waypost
from tests.support.demo import make_folder
from tests.support.portal_server import reserved_port, serving

_MAIL = b"""\
Received: from mail.platform.example by smtp.acme.example with ESMTPSA
From: Acme Legal <notifications@acme.example>
To: ada@dest.example
Subject: Your report is ready
Date: Fri, 20 Nov 2026 21:04:05 +0000
DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=pm2026; bh=x; b=x

Dear Ada,

it is ready.
"""


@dataclass(frozen=True)
class DemoPages:
    address: str
    mail_id: str


@contextmanager
def demo_pages(waypost: Waypost, instance: Path) -> Iterator[DemoPages]:
    """Serve them on a port of their own; whoever is signed in to the installation's portal is so here."""
    folder = make_folder(instance)
    app = create_app(waypost)
    app.register_blueprint(inbox_views.blueprint)
    app.extensions["waypost_demo"] = {
        "host": ACME.name,
        "port": 2587,
        "security": TlsMode.STARTTLS,
        "username": ACME.username,
        "password": ACME.password,
        "from_address": "notifications@acme.example",
    }
    arrival = Arrival(
        ACME.name, "notifications@acme.example", ("ada@dest.example",), ACME.username, "TLSv1.3", datetime.now(UTC)
    )
    mail_id = Inbox(folder.inbox).store(_MAIL, arrival)
    try:
        with (
            mock.patch.dict(os.environ, {"PORTAL_INSTANCE_DIR": str(instance)}),
            reserved_port() as listener,
            serving(app, listener) as server,
        ):
            assert DemoFolder.of_this_installation() == folder
            yield DemoPages(server.address, mail_id)
    finally:
        with app.app_context():
            db.engine.dispose()
