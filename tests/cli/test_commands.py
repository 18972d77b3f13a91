"""The command line as CONTRACT promises it: exit statuses, JSON alone on stdout, errors as one line."""

import json
from pathlib import Path

import pytest

from portal.domain.routing.smtp_route import TlsMode
from tests.support.certificates import Certificate, Certificates
from tests.support.installation import Installation, put_settings
from tests.support.scripted_smtp import PASSWORD, USERNAME, ScriptedServer

ADA = "ada@acme.example"


def one_line(stderr: str) -> str:
    assert stderr.startswith("waypost: ")
    assert stderr.count("\n") == 1
    assert "Traceback" not in stderr
    return stderr.removeprefix("waypost: ").rstrip("\n")


def server_for(certificates: Certificates) -> ScriptedServer:
    return ScriptedServer({}, tls=TlsMode.STARTTLS, context=certificates.server_context(Certificate.GOOD))


def given(port: int) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": port, "username": USERNAME, "password": PASSWORD, "from_address": ADA}


@pytest.mark.parametrize(
    ("words", "stdin", "sentence"),
    [
        (("tenant", "create", "acme", "--name", "Again"), "", "There is a tenant called «acme» already."),
        (("tenant", "create", "Not A Slug", "--name", "x"), "", "A slug has"),
        (("tenant", "create", "beta", "--name", "a\nb"), "", "This name cannot be used"),
        (("user", "create", "ada"), "", "@"),
        (("user", "create", ADA, "--password-stdin"), "short\n", "at least 10 characters"),
        (("user", "create", ADA, "--tenant", "nobody"), "", "There is no tenant called «nobody»."),
        (("settings", "put", "acme"), "{", "Standard input is not JSON (line 1)."),
        (("settings", "put", "acme"), "[]", "must be one JSON object"),
        (("settings", "put", "acme"), "[" * 100_000, "is not JSON"),
        (("settings", "put", "acme", "--activate"), "{}", "has no owner"),
        (("settings", "put", "acme", "--activate", "--test-to", "ada"), "{}", "--test-to"),
        (("message", b"\xff".decode(errors="surrogateescape")), "", "not valid UTF-8"),
        (("settings", "put", "acme"), "{}", "host: Fill this in."),
        (("settings", "put", "nobody"), "{}", "There is no tenant called «nobody»."),
        (("user", "create", "ada@acme.example", "--role", "admin"), "", "--tenant"),
        (("nonsense",), "", "No such command"),
        (("probe", "acme", "--json"), "", "--to"),
        (("send", "acme", "--kind", "nope", "--to", ADA, "--subject", "s"), "", "--kind"),
        (("probe", "acme", "--to", "ada"), "", "@"),
        (("send", "acme", "--kind", "otp", "--to", "x", "--subject", "s"), "", "to: "),
        (("explain-reply", "--stage", "rcpt", "no code"), "", "does not begin with a reply code"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(
    installation: Installation, words: tuple[str, ...], stdin: str, sentence: str
) -> None:
    done = installation.run(*words, stdin=stdin)

    assert done.returncode == 2
    assert done.stdout == ""
    assert sentence in one_line(done.stderr)


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("PORTAL_SECRET_KEY", "short", "PORTAL_SECRET_KEY must be at least 32 random characters"),
        ("PORTAL_VAULT_KEYS", "nonsense", "key 1 is not id:base64 of 32 bytes"),
        ("PORTAL_PLATFORM_SMTP_URL", "http://mail.example", "PORTAL_PLATFORM_SMTP_URL must read"),
        ("PORTAL_PLATFORM_SMTP_URL", "smtp://u:hunter2@mail.example", "no encryption"),
        ("PORTAL_PLATFORM_SMTP_URL", "smtps://apikey:hunter2/x@mail.example", "percent-encoded"),
        ("PORTAL_PLATFORM_SMTP_URL", "smtps://apikey:hunter2℀x@mail.example", "percent-encoded"),
        ("PORTAL_PLATFORM_SMTP_URL", "smtps://mail.example:99999", "must read"),
        ("PORTAL_PLATFORM_NAME", "Acme =?utf-8?q?x?=", "PORTAL_PLATFORM_NAME"),
        ("PORTAL_EHLO_NAME", "bad name", "PORTAL_EHLO_NAME"),
        ("PORTAL_DATABASE_URL", "nonsense", "PORTAL_DATABASE_URL"),
        ("PORTAL_DATABASE_URL", "sqlite:////dev/null/x.db", "PORTAL_DATABASE_URL"),
        ("PORTAL_DATABASE_URL", f"sqlite:///{__file__}", "The database did not answer"),
        ("PORTAL_DATABASE_URL", "postgresql://waypost:hunter2@127.0.0.1:1/waypost", "The database did not answer"),
        ("PORTAL_DATABASE_URL", "mysql://waypost:hunter2@127.0.0.1/waypost", "PORTAL_DATABASE_URL"),
        ("PORTAL_CA_FILE", __file__, "PORTAL_CA_FILE"),
        ("PORTAL_CA_FILE", "nowhere.pem", "PORTAL_CA_FILE"),
        ("PORTAL_DATABASE_URL", "sqlite:///empty.db", "run ./run db upgrade"),
        ("PORTAL_ALLOWED_SMTP_NETWORKS", "10.0.0.0/99", "PORTAL_ALLOWED_SMTP_NETWORKS"),
        ("PORTAL_DNS_SERVERS", "127.0.0.1:x", "PORTAL_DNS_SERVERS"),
        ("PORTAL_METRICS_LISTEN", "localhost", "PORTAL_METRICS_LISTEN must be a port"),
        ("PORTAL_RETENTION_DAYS", "-1", "PORTAL_RETENTION_DAYS"),
        ("PORTAL_PLATFORM_FROM", "nobody", "PORTAL_PLATFORM_FROM"),
        ("PORTAL_PLATFORM_DKIM_DOMAIN", "platform.example", "together"),
    ],
)
def test_a_broken_installation_is_one_line_and_status_3(
    installation: Installation, setting: str, value: str, sentence: str
) -> None:
    installation.environment[setting] = value

    done = installation.run("queue", "--json")

    assert done.returncode == 3
    assert done.stdout == ""
    assert sentence in one_line(done.stderr)
    assert "hunter2" not in done.stderr


def test_secrets_are_read_from_files(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "vault-keys"
    file.write_text(installation.environment.pop("PORTAL_VAULT_KEYS") + "\n")
    installation.environment["PORTAL_VAULT_KEYS_FILE"] = str(file)

    assert installation.run("queue").returncode == 0


def test_settings_are_proven_activated_shown_and_switched(
    on_either_database: Installation, certificates: Certificates
) -> None:
    installation = on_either_database
    installation.run("user", "create", ADA, "--tenant", "acme", "--role", "owner")
    with server_for(certificates) as server:
        put = put_settings(installation, "acme", given(installation.allow_port(server.port)), "--activate", "--json")

    assert put.returncode == 0, put.stderr
    shown = json.loads(put.stdout)
    assert (shown["password_set"], shown["enabled"], shown["security"]) == (True, True, "starttls")
    assert "password" not in shown
    assert [message.recipient for message in server.messages] == [ADA]
    assert installation.run("settings", "disable", "acme").returncode == 0
    assert installation.json("settings", "show", "acme")["enabled"] is False
    assert installation.run("settings", "enable", "acme").returncode == 0
    assert PASSWORD not in installation.run("settings", "show", "acme").stdout


def test_what_show_prints_can_be_put_back(installation: Installation) -> None:
    put_settings(installation, "acme", given(587) | {"rate_per_day": 50_000}, "--activate", "--no-test")
    shown = installation.json("settings", "show", "acme")

    assert (shown["rate_per_day"], shown["rate_per_minute"]) == (50_000, None)
    assert put_settings(installation, "acme", shown).returncode == 0
    probe = installation.run("probe", "acme", "--to", ADA, "--settings", "-", stdin=json.dumps(shown))
    assert probe.returncode == 1  # nobody listens there, and the settings were read
    assert "There is no such setting" not in probe.stderr


def test_settings_that_fail_their_test_stay_a_draft_with_status_1(installation: Installation) -> None:
    done = put_settings(installation, "acme", given(installation.allow_port(1025)), "--activate", "--test-to", ADA)

    assert done.returncode == 1
    assert "kept as a draft" in one_line(done.stderr)
    assert "refused" in done.stdout.lower()


def test_a_probe_tells_its_stages_in_the_order_of_the_contract(
    installation: Installation, certificates: Certificates
) -> None:
    with server_for(certificates) as server:
        stdin = json.dumps(given(installation.allow_port(server.port)))
        done = installation.run("probe", "acme", "--to", ADA, "--settings", "-", "--json", stdin=stdin)

    assert done.returncode == 0, done.stderr
    probe = json.loads(done.stdout)
    assert set(probe) == {
        "ok", "seconds", "stages", "class", "title", "what_happened", "what_to_do", "field", "fix"
    }  # fmt: skip
    assert (probe["ok"], probe["class"]) == (True, "OK")
    stages = [stage["stage"] for stage in probe["stages"]]
    assert stages == [
        "resolve",
        "connect",
        "banner",
        "ehlo",
        "starttls",
        "tls",
        "ehlo",
        "auth",
        "mail",
        "rcpt",
        "body",
        "dot",
        "quit",
    ]
    assert set(probe["stages"][0]) == {"stage", "ok", "seconds", "code", "enhanced", "reply", "note"}


def test_a_failed_probe_names_cause_remedy_and_field_with_status_1(
    installation: Installation, certificates: Certificates
) -> None:
    with server_for(certificates) as server:
        stdin = json.dumps(given(installation.allow_port(server.port)) | {"password": "wrong password"})
        done = installation.run("probe", "acme", "--to", ADA, "--settings", "-", "--json", stdin=stdin)

    assert done.returncode == 1
    probe = json.loads(done.stdout)
    assert (probe["ok"], probe["class"], probe["field"]) == (False, "ROUTE_AUTH", "password")
    assert probe["what_to_do"]
    assert not probe["stages"][-1]["ok"]
    assert "wrong password" not in done.stdout + done.stderr


def test_a_forbidden_host_gets_the_one_fixed_text_and_no_packet(installation: Installation) -> None:
    installation.environment["PORTAL_ALLOWED_SMTP_NETWORKS"] = ""
    with ScriptedServer({}) as server:
        put = put_settings(installation, "acme", given(installation.allow_port(server.port)))

    assert put.returncode == 2
    assert "mail servers are reached at public addresses only" in put.stderr
    assert server.visits == []


def test_messages_are_handed_in_sent_and_reported(on_either_database: Installation) -> None:
    installation = on_either_database
    with ScriptedServer({}) as platform:
        installation.environment["PORTAL_PLATFORM_SMTP_URL"] = f"smtp://127.0.0.1:{platform.port}"
        installation.start("work")
        words = ("send", "acme", "--kind", "digest", "--to", "bob@dest.example", "--subject", "Hi")
        done = installation.run(*words, "--count", "20", "--wait")

    ids = done.stdout.split()
    assert (done.returncode, len(set(ids))) == (0, 20)
    report = installation.json("message", ids[0])
    assert set(report) == {
        "id", "tenant", "kind", "state", "via", "to", "from", "message_id", "attempts", "decision"
    }  # fmt: skip
    assert (report["state"], report["via"], report["tenant"]) == ("sent", "platform", "acme")
    assert set(report["attempts"][0]) == {
        "at", "route", "version", "stage", "code", "enhanced", "reply", "class", "seconds", "tls", "copies_possible"
    }  # fmt: skip
    queue = installation.json("queue")
    assert set(queue) == {
        "queued", "due", "waiting", "sending", "sent", "failed", "expired", "quarantined", "oldest_due_seconds"
    }  # fmt: skip
    assert queue["sent"] == 20
    assert installation.run("message", "nothing").returncode == 1


def test_waiting_ends_with_status_1_when_a_message_has_failed(installation: Installation) -> None:
    with ScriptedServer({"rcpt": "550 5.1.1 no such user"}) as platform:
        installation.environment["PORTAL_PLATFORM_SMTP_URL"] = f"smtp://127.0.0.1:{platform.port}"
        installation.start("work")
        done = installation.run(
            "send", "acme", "--kind", "otp", "--to", "bob@dest.example", "--subject", "Hi", "--wait", "--json"
        )

    assert done.returncode == 1
    assert json.loads(done.stdout)[0]["state"] == "failed"


def test_a_reply_is_explained(installation: Installation) -> None:
    explained = installation.json("explain-reply", "--stage", "auth", "535-5.7.8 no\\n535 5.7.8 really")

    assert set(explained) == {"class", "action", "fallback", "counts_against_health"}
    assert (explained["class"], explained["fallback"], explained["counts_against_health"]) == ("ROUTE_AUTH", True, True)


def test_generated_keys_can_be_used_and_need_no_installation(installation: Installation) -> None:
    installation.environment.clear()
    keys = installation.run("keys", "generate").stdout.strip()
    secret = installation.run("keys", "generate", "--secret-key").stdout.strip()

    assert keys.count(":") == 1
    assert len(secret) >= 32


def test_an_empty_database_is_upgraded_once_and_again_without_harm(
    installation: Installation, empty_database_url: str
) -> None:
    installation.environment["PORTAL_DATABASE_URL"] = empty_database_url
    assert installation.run("queue").returncode == 3

    for _ in range(2):
        done = installation.run("db", "upgrade")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    assert installation.run("queue").returncode == 0


@pytest.mark.peers
def test_doctor_says_that_postgresql_may_lose_what_it_has_confirmed(
    installation: Installation, postgresql_url: str
) -> None:
    installation.environment["PORTAL_DATABASE_URL"] = postgresql_url

    assert "fsync or synchronous_commit is off" in installation.run("doctor").stdout


def test_doctor_says_what_to_look_at(installation: Installation) -> None:
    done = installation.run("doctor")

    assert done.returncode == 1
    assert "PORTAL_BASE_URL does not begin with https://" in done.stdout
    assert "leaves unsigned" in done.stdout
