"""The inbox's pages, over a bare application with the same protection against forged posts."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf import CSRFProtect
from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader

from portal.demo.folder import PROJECT, DemoFolder
from portal.demo.inbox import Arrival, Inbox
from portal.demo.inbox_views import blueprint
from portal.demo.ports import DemoPorts
from portal.web import icons, local_time

LAYOUT = "<title>{% block title %}{% endblock %}</title>{% block content %}{% endblock %}"


@pytest.fixture
def client(folder: DemoFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    monkeypatch.setenv("PORTAL_INSTANCE_DIR", str(folder.path.parent))
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x", TESTING=True)
    pages = FileSystemLoader(PROJECT / "templates")
    app.jinja_loader = ChoiceLoader([DictLoader({"layout.html": LAYOUT}), pages])
    CSRFProtect(app)
    icons.init_app(app)
    local_time.init_app(app)
    app.register_blueprint(blueprint)
    with app.test_client() as client:
        yield client


def put(folder: DemoFolder, raw: bytes) -> str:
    arrival = Arrival("smtp.acme.example", "a@acme.example", ("b@dest.example",), "acme", "TLSv1.3", datetime.now(UTC))
    return Inbox(folder.inbox).store(raw, arrival)


def test_an_empty_inbox_says_what_to_do(client: FlaskClient, folder: DemoFolder) -> None:
    for file in folder.inbox.glob("*"):
        file.unlink()

    assert "Nothing has arrived yet" in client.get("/inbox").text


def test_a_mail_is_listed_and_shown_with_the_headers_that_tell_how_it_came(
    client: FlaskClient, folder: DemoFolder
) -> None:
    mail_id = put(
        folder,
        b"Received: from x by smtp.acme.example\r\nFrom: Acme <no-reply@acme.example>\r\n"
        b"Reply-To: help@acme.example\r\nSubject: Your code\r\n\r\nIt is 4711.\r\n",
    )

    assert f'href="/inbox/{mail_id}">Your code</a>' in client.get("/inbox").text
    page = client.get(f"/inbox/{mail_id}").text
    for words in (
        "Acme &lt;no-reply@acme.example&gt;",
        "help@acme.example",
        "from x by smtp.acme.example",
        "smtp.acme.example, signed in as acme, TLSv1.3",
        "It is 4711.",
    ):
        assert words in page


def test_nothing_in_a_mail_becomes_part_of_the_page(client: FlaskClient, folder: DemoFolder) -> None:
    script = b"<script>alert(1)</script>"
    mail_id = put(
        folder,
        b"From: %s\r\nReply-To: %s\r\nSubject: %s\r\nReceived: %s\r\nTo: %s\r\nDate: %s\r\n"
        b"DKIM-Signature: d=%s; s=%s\r\nContent-Type: text/html\r\n\r\n%s" % ((script,) * 9),
    )

    for page in (client.get("/inbox"), client.get(f"/inbox/{mail_id}")):
        assert page.status_code == 200
        assert "&lt;script&gt;" in page.text
        assert "<script" not in page.text


@pytest.mark.parametrize("mail_id", ["0" * 26, "ports.json", "..%2f..%2fports", "%2e%2e"])
def test_a_mail_that_is_not_there_is_not_found(mail_id: str, client: FlaskClient) -> None:
    assert client.get(f"/inbox/{mail_id}").status_code == 404


def test_the_plug_is_pulled_and_put_back_by_buttons(
    client: FlaskClient, folder: DemoFolder, mail_servers: DemoPorts
) -> None:
    del mail_servers  # running is what matters
    page = client.get("/inbox").text
    for button, action, words in (
        ("Unplug Acme&#39;s mail server", "stop", "unplugged"),
        ("Plug it in again", "start", "running"),
    ):
        assert button.replace("&#39;", "'") in page
        token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]

        answer = client.post(f"/inbox/acme-server/{action}", data={"csrf_token": token})

        assert (answer.status_code, answer.location) == (302, "/inbox")
        page = client.get("/inbox").text
        assert f"<strong>{words}</strong>" in page
    assert not folder.acme_server_stopped.exists()


@pytest.mark.parametrize("action", ["stop", "start"])
def test_another_sites_page_cannot_pull_the_plug(action: str, client: FlaskClient, folder: DemoFolder) -> None:
    assert client.post(f"/inbox/acme-server/{action}").status_code == 400
    assert client.get(f"/inbox/acme-server/{action}").status_code == 405
    assert not folder.acme_server_stopped.exists()
