"""The story Waypost exists for, from an empty folder: one command, a browser, and mail that takes the right way."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import window

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
SET_UP_SECONDS = 240


@dataclass(frozen=True)
class Demo:
    """What ``./run`` printed."""

    address: str
    said: str

    def told(self, name: str) -> str:
        found = re.search(rf"^ +{name} +(\S+)", self.said, re.MULTILINE)
        assert found, f"the welcome tells no {name}"
        return found[1]

    @property
    def owner(self) -> tuple[str, str]:
        found = re.search(r"(\S+@acme\.example) +(\S+)", self.said)
        assert found
        return found[1], found[2]


def fresh_copy(folder: Path) -> Path:
    """What a clone would hold, with what is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def bare_environment(home: Path) -> dict[str, str]:
    """A machine with Python and nothing of ours: no virtual environment, no uv, no settings."""
    base = Path(sys.base_prefix) / "bin"
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "LANG"))}
    return kept | {"PATH": f"{base}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(home)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """``./run`` in a fresh copy, until it says that it is up; Ctrl-C at the end leaves nothing behind."""
    copy = fresh_copy(tmp_path_factory.mktemp("a fresh clone"))
    environment = bare_environment(tmp_path_factory.mktemp("home")) | {"PORT": str(free_port())}
    said: list[str] = []
    with subprocess.Popen(
        ["./run"],
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as process:
        assert process.stdout
        reader = threading.Thread(target=lambda: said.extend(iter(process.stdout.readline, "")))  # type: ignore[union-attr] # asserted above
        reader.start()
        try:
            end = time.monotonic() + SET_UP_SECONDS
            while "Ctrl-C ends the demo" not in "".join(said):
                assert process.poll() is None, "".join(said)
                assert time.monotonic() < end, "".join(said)
                time.sleep(0.1)
            found = re.search(r"http://\S+", "".join(said))
            assert found
            yield Demo(found[0], "".join(said))
        finally:
            os.killpg(process.pid, signal.SIGINT)
            status = process.wait(30)
            reader.join(10)
    assert status == 0, "".join(said)


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    with window(browser, demo.address) as opened:
        yield opened


def sign_in(page: Page, demo: Demo) -> None:
    email, password = demo.owner
    page.goto("/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Email SMTP", exact=True).click()
    expect(page.get_by_role("heading", name="Email SMTP")).to_be_visible()


def fill_in(page: Page, demo: Demo, *, password: str | None = None) -> None:
    """The form, as a person fills it in from what the terminal says."""
    page.get_by_label("Host", exact=True).fill(demo.told("Host"))
    page.get_by_label("Port", exact=True).fill(demo.told("Port"))
    page.get_by_role("radio", name="STARTTLS", exact=True).check()
    page.get_by_label("Username", exact=True).fill(demo.told("Username"))
    page.get_by_label("Password or API key").fill(password or demo.told("Password"))
    page.get_by_label("From address", exact=True).fill(demo.told("From"))


def send_sample(page: Page) -> str:
    """Send one and wait until its page says that it was sent; return what the page says."""
    page.goto("/t/acme-production/email-smtp")
    page.get_by_role("button", name="Send a sample").click()
    report = page.locator("#report")
    expect(report.locator("#message-state")).to_have_attribute("data-state", "sent", timeout=30_000)
    return report.inner_text()


def newest_mail(page: Page) -> dict[str, str]:
    """The newest mail of the inbox, as the inbox shows it: the table's rows by their names."""
    page.goto("/inbox")
    page.locator("tbody tr").first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="How it came")).to_be_visible()  # a click does not wait for the next page
    rows = page.locator("table tr")
    return {row.locator("th").inner_text(): row.locator("td").inner_text() for row in rows.all()}


def test_a_tenants_mail_leaves_through_its_own_server_and_falls_back(page: Page, demo: Demo) -> None:
    sign_in(page, demo)

    fill_in(page, demo)
    page.get_by_label("Display name").fill("Acme Legal")
    page.get_by_label("Reply-To").fill("help@acme.example")

    page.get_by_role("button", name="Test connection").click()
    passed = page.locator("#probe.probe-passed")
    expect(passed).to_be_visible(timeout=25_000)
    stages = passed.locator("ol.stages li")
    assert all("stage-ok" in (stage.get_attribute("class") or "") for stage in stages.all())
    assert stages.count() >= 10
    assert demo.told("Password") not in page.locator("form#settings").inner_html()

    page.get_by_label("Password or API key").fill(demo.told("Password"))
    page.get_by_role("button", name="Save and activate").click()
    expect(page.locator("#activation")).to_contain_text("Active from now on", timeout=25_000)

    sent = send_sample(page)
    assert "Goes through Acme's own server." in sent
    mail = newest_mail(page)
    assert mail["From"] == f"Acme Legal <{demo.told('From')}>"
    assert mail["Reply-To"] == "help@acme.example"
    assert "by smtp.acme.example with ESMTPSA" in mail["Received"]
    assert "mail.platform.example" in mail["Received"]

    page.goto("/t/acme-production/email-smtp")
    page.get_by_role("button", name="Turn off our own server").click()
    expect(page.locator("#route-state")).to_have_text("Turned off")
    assert "is turned off" in send_sample(page)
    mail = newest_mail(page)
    assert mail["From"] == "Acme via Northwind <no-reply@platform.example>"
    assert "by mail.platform.example" in mail["Received"]
    assert "platform.example" in mail["DKIM signature of"]

    page.goto("/t/acme-production/email-smtp")
    page.get_by_role("button", name="Turn on our own server").click()
    expect(page.locator("#route-state")).to_have_text("Active, delivering")
    page.goto("/inbox")
    page.get_by_role("button", name="Unplug Acme's mail server").click()
    expect(page.get_by_text("unplugged")).to_be_visible()
    fell_back = send_sample(page)
    assert "own server could not take it" in fell_back
    assert "refused" in fell_back
    mail = newest_mail(page)
    assert mail["From"] == "Acme Legal via Northwind <no-reply@platform.example>"
    assert mail["Reply-To"] == "help@acme.example"

    page.goto("/t/acme-production/email-smtp")
    expect(page.locator("#route-state")).to_have_text("Active, failing")
    expect(page.locator("#route-sentence")).to_contain_text("leaves through the platform")

    page.goto("/t/acme-production/audit-log")
    page.get_by_label("What").select_option("email.send_failed")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#events li").first).to_contain_text("refused")


def test_the_same_page_works_without_a_script(browser: Browser, demo: Demo) -> None:
    with window(browser, demo.address, java_script_enabled=False) as page:
        sign_in(page, demo)
        page.goto("/inbox")
        if page.get_by_role("button", name="Plug it in again").count():
            page.get_by_role("button", name="Plug it in again").click()
            expect(page.get_by_role("button", name="Unplug Acme's mail server")).to_be_visible()
        page.goto("/t/acme-staging/email-smtp")
        fill_in(page, demo, password="not the password")

        page.get_by_role("button", name="Test connection").click()

        failed = page.locator("#probe.probe-failed")
        expect(failed).to_be_visible(timeout=25_000)
        expect(failed).to_contain_text("535")
        assert page.get_by_label("Host", exact=True).input_value() == demo.told("Host")
