"""The panel of Test connection in a browser: the field is outlined, the fix is applied, the report is copied."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.domain.routing.smtp_route import TlsMode
from tests.support.browser import chromium, window
from tests.support.certificates import Certificate, Certificates
from tests.support.portal_app import ALICE, served, typed
from tests.support.portal_app import PASSWORD as ALICES_PASSWORD
from tests.support.portal_server import address_of, reserved_port, serving
from tests.support.scripted_smtp import PASSWORD, USERNAME, ScriptedServer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[ScriptedServer]:
    context = Certificates(tmp_path).server_context(Certificate.GOOD)
    with ScriptedServer(tls=TlsMode.IMPLICIT, context=context) as server:
        yield server


@pytest.fixture
def page(browser: Browser, tls_server: ScriptedServer, tmp_path: Path) -> Iterator[Page]:
    """Alice's settings, filled in with the wrong encryption for that server."""
    settings = {
        "ca_file": str(tmp_path / "ca.pem"),
        "allowed_smtp_ports": str(tls_server.port),
        "smtp_timeout_banner": "1",
    }
    with ExitStack() as stack:
        listener = stack.enter_context(reserved_port())
        address = address_of(listener)
        portal = stack.enter_context(served(tmp_path, base_url=address, **settings))
        stack.enter_context(serving(portal.app, listener))
        page = stack.enter_context(window(browser, address, permissions=["clipboard-read", "clipboard-write"]))
        page.goto("/sign-in")
        page.fill("#email", ALICE)
        page.fill("#password", ALICES_PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.goto("/t/acme/email-smtp")
        fields = typed(host="127.0.0.1", port=str(tls_server.port), username=USERNAME, password=PASSWORD)
        for name in ("host", "port", "username", "password", "from_address"):
            page.fill(f"#{name}", fields[name])
        yield page


def test_the_field_is_outlined_the_fix_keeps_the_typed_password_and_the_report_is_copied(
    page: Page, tls_server: ScriptedServer
) -> None:
    page.get_by_role("button", name="Test connection").click()
    panel = page.locator("#probe")
    expect(panel).to_contain_text("answered in TLS, but you chose STARTTLS")
    encryption = page.locator("fieldset#security")
    expect(encryption).to_have_class("mb-3 segments is-suspect")
    assert "probe-diagnosis" in (encryption.get_attribute("aria-describedby") or "").split()
    expect(page.get_by_role("status").filter(has_text="Test failed: Port")).to_have_count(1)
    expect(page.locator("#probe-history")).to_contain_text("Failed")  # beside the form, and never stale

    page.get_by_role("button", name="Apply fix").click()
    expect(panel).to_contain_text("accepted the test message")
    assert page.input_value("#port") == str(tls_server.port)
    assert page.locator("input[name=security]:checked").get_attribute("value") == "tls"
    assert "is-suspect" not in (encryption.get_attribute("class") or "")
    assert "probe-diagnosis" not in (encryption.get_attribute("aria-describedby") or "").split()
    assert [message.recipient for message in tls_server.messages] == [ALICE]

    page.get_by_role("button", name="Copy report").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "Result:     passed" in copied
    assert PASSWORD not in copied


def test_an_older_test_of_another_form_outlines_nothing_in_this_one(page: Page) -> None:
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#probe")).to_contain_text("answered in TLS, but you chose STARTTLS")
    page.get_by_role("button", name="Apply fix").click()
    expect(page.locator("#probe")).to_contain_text("accepted the test message")

    page.locator("#probe-history li").filter(has_text="Failed").get_by_role("link").click()

    expect(page.locator("#probe")).to_contain_text("answered in TLS, but you chose STARTTLS")
    expect(page.locator("#settings .is-suspect, #settings .is-invalid")).to_have_count(0)
