"""A password that must be found nowhere but where it was typed and where it was sent."""

import base64
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import MessageId, TenantId
from portal.domain.routing.smtp_route import TlsMode
from portal.services.connection_probe import Subject
from portal.services.message_report import message_report
from portal.storage.probes import probe_of
from portal.wiring import Waypost
from tests.support.certificates import Certificate, Certificates
from tests.support.installation import Installation, eventually, put_settings
from tests.support.portal_app import signed_in_browser
from tests.support.scripted_smtp import USERNAME, Scenario, ScriptedServer

CANARY = "Zq7/canary+geheim äöü"
SPELLINGS = {
    CANARY.encode(),
    CANARY.encode("latin-1"),
    CANARY.encode("utf-16-le"),
    base64.b64encode(CANARY.encode()),
    base64.b64encode(f"\0{USERNAME}\0{CANARY}".encode()),
    quote(CANARY).encode(),
    quote_plus(CANARY).encode(),
    json.dumps(CANARY).strip('"').encode(),
    CANARY.encode().hex().encode(),
}


def found_in(data: bytes) -> set[bytes]:
    return {spelling for spelling in SPELLINGS if spelling in data or spelling.lower() in data.lower()}


# Servers that say back what they were told, in the ways servers have of doing that.
ECHOES: dict[str, Scenario] = {
    "in the clear": {"password": f"535 5.7.8 wrong password {CANARY}"},
    "in base64": {"password": f"535 5.7.8 {base64.b64encode(f'{chr(0)}{USERNAME}{chr(0)}{CANARY}'.encode()).decode()}"},
    "in a URL": {"password": f"535 5.7.8 see https://mail.example/?p={quote(CANARY)}"},
    "later": {"mail": f"550 5.7.1 you signed in with {CANARY}"},
    "not at all": {},
}


def test_a_password_is_found_nowhere(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    context = certificates.server_context(Certificate.GOOD)
    folder = tmp_path / "installation"
    folder.mkdir()
    said: list[str] = []
    with ExitStack() as stack:
        servers = [
            stack.enter_context(ScriptedServer(scenario, tls=TlsMode.STARTTLS, context=context, password=CANARY))
            for scenario in ECHOES.values()
        ]
        ports = ",".join(str(server.port) for server in servers)
        installation = Installation.new(folder, ca_file=certificates.ca_file, allowed_smtp_ports=ports)
        stack.callback(installation.stop)
        waypost = stack.enter_context(installation.opened())
        tenant = waypost.accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
        installation.start("work")
        for server in servers:
            given = {
                "host": "127.0.0.1",
                "port": server.port,
                "username": USERNAME,
                "password": CANARY,
                "from_address": "mail@acme.example",
            }
            put = put_settings(installation, "acme", given, "--activate", "--test-to", "ada@acme.example", "--json")
            version = waypost.email_settings.save_draft(tenant, given, actor=COMMAND_LINE)
            waypost.email_settings.activate(tenant, version, actor=COMMAND_LINE, untested=True)
            message = waypost.sender.send("acme", kind="otp", to="bob@dest.example", subject="Code", text="1")
            eventually(lambda m=message: bool(report_of(waypost, m)["attempts"]), what="an attempt")  # type: ignore[misc] # mypy cannot infer a lambda with a default
            saved = waypost.email_settings.saved(tenant, version)
            subject = Subject(tenant, saved.settings, saved.credentials, version)
            probe = waypost.connection_probe.start(subject, to="ada@acme.example", actor=COMMAND_LINE)
            eventually(lambda p=probe: has_ended(waypost, tenant, p), what="the test's end")  # type: ignore[misc] # the same
            shown = installation.run("message", message)
            said += [put.stdout, put.stderr, shown.stdout, shown.stderr]
            assert server.knows(CANARY), "the test is worthless when the password was never used"
        for words, stdin in (
            (("settings", "show", "acme", "--json"), ""),
            (("settings", "put", "acme"), json.dumps({"password": CANARY, "port": 70000})),
            (("settings", "put", "acme"), f'{{"password": "{CANARY}", oops'),
        ):
            done = installation.run(*words, stdin=stdin)
            said += [done.stdout, done.stderr]
        with signed_in_browser(waypost, "acme") as browser:
            said += browser.every_page()

    assert len(said) > 25
    assert found_in("\n".join(said).encode()) == set()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            assert found_in(file.read_bytes()) == set(), file.name


def report_of(waypost: Waypost, message: MessageId) -> dict[str, Any]:
    with waypost.database.reading() as session:
        found = message_report(session, message)
    assert found is not None
    return found


def has_ended(waypost: Waypost, tenant: TenantId, probe: str) -> bool:
    with waypost.database.reading() as session:
        row = probe_of(session, tenant, probe)
        return row is not None and row.finished_at is not None
