"""Broken servers through the whole stack: for each the page names the true cause, the remedy and the field."""

import base64
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from html import unescape
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from portal.domain.routing.smtp_route import TlsMode
from tests.support.broken_servers import BROKEN_SERVERS, HOST, ZONE, Broken
from tests.support.certificates import Certificate, Certificates
from tests.support.installation import eventually
from tests.support.name_server import NameServer
from tests.support.portal_app import ALICE, Browser, Portal, served, typed, words_of
from tests.support.scripted_smtp import PASSWORD, USERNAME, ScriptedServer

TESTS = "/t/acme/email-smtp/tests"
SHORT = {f"smtp_timeout_{stage}": "1" for stage in ("banner", "tls", "connect")}
PASSWORDS = (
    PASSWORD.encode(),
    base64.b64encode(PASSWORD.encode()).rstrip(b"="),
    base64.b64encode(f"\0{USERNAME}\0{PASSWORD}".encode()).rstrip(b"="),
)


@contextmanager
def portal_before(port: int, folder: Path, certificates: Certificates) -> Iterator[Portal]:
    """A portal that may reach this port, and knows the names of the table."""
    with ExitStack() as stack:
        names = stack.enter_context(NameServer(ZONE))
        settings = {
            "ca_file": certificates.ca_file,
            "allowed_smtp_ports": f"25,465,587,{port}",
            "dns_servers": f"{names.address[0]}:{names.address[1]}",
        }
        yield stack.enter_context(served(folder, **settings, **SHORT))


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def form_for(port: int, broken: Broken) -> dict[str, str]:
    return typed(host=HOST, port=str(port), username=USERNAME, password=PASSWORD) | broken.typed


def shown_after(alice: Browser, path: str, fields: dict[str, str]) -> TestResponse:
    """The page of a test at its end."""
    started = alice.post(path, fields)
    assert started.status_code == 303, words_of(started)
    page = started.headers["Location"].partition("#")[0]
    eventually(lambda: "so far." not in words_of(alice.get(page)), what="the test to end")
    return alice.get(page)


def fix_on(page: TestResponse) -> tuple[str, str] | None:
    """Where *Apply fix* leads, and what it fills in."""
    found = re.search(r"formaction=\"([^\"]+/fix)\"[^>]*data-fix='([^']+)'", page.text)
    return (found[1], unescape(found[2])) if found else None


@contextmanager
def server_of(broken: Broken, certificates: Certificates) -> Iterator[ScriptedServer | None]:
    if not broken.listens:
        yield None
        return
    context = None if broken.tls is TlsMode.NONE else certificates.server_context(broken.shown)
    with ScriptedServer(broken.scenario, tls=broken.tls, context=context, mechanisms=broken.mechanisms) as server:
        yield server


@pytest.mark.parametrize("broken", BROKEN_SERVERS, ids=lambda broken: broken.name)
def test_the_page_names_the_true_cause_the_remedy_and_the_field(
    broken: Broken, tmp_path: Path, certificates: Certificates
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(server_of(broken, certificates))
        port = server.port if server else a_free_port()
        portal = stack.enter_context(portal_before(port, tmp_path, certificates))
        alice = portal.browser(ALICE)

        began = time.monotonic()
        page = shown_after(alice, TESTS, form_for(port, broken))
        words = words_of(page)

        assert time.monotonic() - began < 20
        for told in (broken.cause, broken.happened, broken.remedy):
            assert told.format(port=port) in words
        assert (f'href="#{broken.field}"' in page.text) == (broken.field is not None)
        assert page.text.count("is-suspect") + page.text.count('aria-invalid="true"') == (broken.field is not None)
        assert fix_values(page) == {name: value.format(port=port) for name, value in broken.fix.items()}
        if not broken.hears_password:
            assert server is None or not server.knows(PASSWORD)
        assert_the_password_is_nowhere(alice, page, tmp_path)


def fix_values(page: TestResponse) -> dict[str, str]:
    found = fix_on(page)
    pairs = re.findall(r'"(\w+)": (?:"(\w+)"|(\d+))', found[1]) if found else []
    return {name: word or number for name, word, number in pairs}


def assert_the_password_is_nowhere(alice: Browser, page: TestResponse, folder: Path) -> None:
    here = re.search(rf"{TESTS}/(\w{{26}})", page.text)
    assert here
    report = alice.get(f"{TESTS}/{here[1]}/report.txt")
    assert report.status_code == 200
    pages = [page, report, alice.get(TESTS), alice.get("/t/acme/audit-log"), alice.get("/t/acme/email-smtp")]
    texts = [shown.data for shown in pages] + [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    assert not [spelling for text in texts for spelling in PASSWORDS if spelling in text]


@pytest.mark.parametrize(
    "broken", [row for row in BROKEN_SERVERS if row.fix], ids=lambda broken: f"healed: {broken.name}"
)
def test_apply_fix_heals_without_a_script(broken: Broken, tmp_path: Path, certificates: Certificates) -> None:
    with server_of(broken, certificates) as server:
        assert server is not None
        with portal_before(server.port, tmp_path, certificates) as portal:
            alice = portal.browser(ALICE)
            fields = form_for(server.port, broken)
            found = fix_on(shown_after(alice, TESTS, fields))
            assert found
            assert f"{HOST} accepted the test message" in words_of(shown_after(alice, found[0], fields))
    assert [message.recipient for message in server.messages] == [ALICE]


def test_a_fix_never_takes_the_stored_password_along(tmp_path: Path, certificates: Certificates) -> None:
    context = certificates.server_context(Certificate.GOOD)
    with (
        ScriptedServer(tls=TlsMode.IMPLICIT, context=context) as server,
        portal_before(server.port, tmp_path, certificates) as portal,
    ):
        alice = portal.browser(ALICE)
        wrong_mode = typed(host=HOST, port=str(server.port), username=USERNAME, password=PASSWORD)
        alice.post("/t/acme/email-smtp/draft", wrong_mode)
        kept = wrong_mode | {"password": ""}
        found = fix_on(shown_after(alice, TESTS, kept))
        assert found
        answer = alice.post(found[0], kept)
        words = words_of(answer)
        assert answer.status_code == 422
        assert "Nothing was saved or tested." in words
        assert words.count("Enter the password again: the stored one is bound to") == 2  # at the top, at the field
        assert re.search(r'<input[^>]*name="security"[^>]*value="tls"[^>]*checked|checked[^>]*value="tls"', answer.text)
        assert not server.knows(PASSWORD)


def test_a_server_that_knows_login_only_is_simply_used(tmp_path: Path, certificates: Certificates) -> None:
    context = certificates.server_context(Certificate.GOOD)
    with (
        ScriptedServer(tls=TlsMode.STARTTLS, context=context, mechanisms="LOGIN") as server,
        portal_before(server.port, tmp_path, certificates) as portal,
    ):
        fields = typed(host=HOST, port=str(server.port), username=USERNAME, password=PASSWORD)
        words = words_of(shown_after(portal.browser(ALICE), TESTS, fields))
    assert f"{HOST} accepted the test message" in words
    assert "AUTH LOGIN" in words


def test_a_private_address_is_refused_before_anything_is_tested(tmp_path: Path, certificates: Certificates) -> None:
    with portal_before(587, tmp_path, certificates) as portal:
        answer = portal.browser(ALICE).post(TESTS, typed(host="10.1.2.3"))
    assert answer.status_code == 422
    assert 'href="#host"' in answer.text


def test_the_look_in_the_other_mode_says_neither_password_nor_mail(tmp_path: Path, certificates: Certificates) -> None:
    context = certificates.server_context(Certificate.GOOD)
    with (
        ScriptedServer(tls=TlsMode.IMPLICIT, context=context) as server,
        portal_before(server.port, tmp_path, certificates) as portal,
    ):
        fields = typed(host=HOST, port=str(server.port), username=USERNAME, password=PASSWORD)
        words = words_of(shown_after(portal.browser(ALICE), TESTS, fields))
    assert "The same port once more with SSL/TLS, without signing in" in words
    assert [visit.verbs() for visit in server.visits] == [[], ["EHLO", "QUIT"]]
