"""What the first start makes and the second finds again; what the demo says when it cannot start."""

import base64
import os
import shlex
import socket
import ssl
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from portal.demo import keys
from portal.demo.certificates import VALID_FOR, make_certificates
from portal.demo.environment import child_environment, demo_settings, write_settings
from portal.demo.folder import PROJECT, DemoFolder
from portal.demo.ports import DemoPorts
from portal.demo.welcome import SignIn, welcome

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def empty(tmp_path: Path) -> DemoFolder:
    folder = DemoFolder(tmp_path / "demo")
    folder.path.mkdir()
    return folder


def contents(folder: DemoFolder) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.path.iterdir()}


def make_all(folder: DemoFolder, now: datetime) -> dict[str, str]:
    ports = DemoPorts.choose(folder.ports)
    keys.make_dkim_key(folder)
    make_certificates(folder, now=now)
    settings = demo_settings(folder, ports, web_port=5000)
    write_settings(folder, settings)
    return settings


def test_a_second_start_finds_the_keys_ports_and_certificates_of_the_first(empty: DemoFolder) -> None:
    settings, made = make_all(empty, NOW), contents(empty)

    assert make_all(empty, NOW + timedelta(days=365)) == settings
    assert contents(empty) == made


def test_secrets_are_for_their_owner_only(empty: DemoFolder) -> None:
    make_all(empty, NOW)

    public = {
        file.name for file in empty.path.iterdir() if stat.S_IMODE(file.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    }

    assert public == {"ports.json", "ca.pem"}


def test_certificates_live_five_years_and_are_renewed_before_they_end(empty: DemoFolder) -> None:
    make_certificates(empty, now=NOW)
    first = x509.load_pem_x509_certificate(empty.ca_certificate.read_bytes())
    assert first.not_valid_after_utc == NOW + VALID_FOR

    make_certificates(empty, now=NOW + VALID_FOR - timedelta(days=29))

    second = x509.load_pem_x509_certificate(empty.ca_certificate.read_bytes())
    assert second.not_valid_after_utc > NOW + VALID_FOR


def test_a_lost_certificate_is_made_again_with_its_root(empty: DemoFolder) -> None:
    make_certificates(empty, now=NOW)
    lost = empty.server_certificate("smtp.acme.example")
    lost.unlink()

    make_certificates(empty, now=NOW)

    context = ssl.create_default_context(cafile=empty.ca_certificate)
    assert len(context.get_ca_certs()) >= 1
    server, root = (x509.load_pem_x509_certificate(file.read_bytes()) for file in (lost, empty.ca_certificate))
    server.verify_directly_issued_by(root)


def test_no_key_of_the_root_is_kept(empty: DemoFolder) -> None:
    make_certificates(empty, now=NOW)

    assert b"PRIVATE" not in empty.ca_certificate.read_bytes()
    assert {file.name for file in empty.path.iterdir()} == {
        "ca.pem",
        "smtp.acme.example.pem",
        "mail.platform.example.pem",
    }


def test_a_taken_port_is_replaced_and_the_choice_remembered(empty: DemoFolder) -> None:
    first = DemoPorts.choose(empty.ports)
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", first.acme_starttls))
        squatter.listen()
        second = DemoPorts.choose(empty.ports)

    assert second.acme_starttls != first.acme_starttls
    assert second.acme_tls == first.acme_tls
    assert DemoPorts.choose(empty.ports) == second == DemoPorts.read(empty.ports)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"dns": "x"}', '{"stranger": 1}'])
def test_a_spoiled_list_of_ports_is_replaced(text: str, empty: DemoFolder) -> None:
    empty.ports.write_text(text)

    chosen = DemoPorts.choose(empty.ports)

    assert DemoPorts.read(empty.ports) == chosen


def test_the_settings_name_the_demos_servers_and_keys(empty: DemoFolder) -> None:
    ports = DemoPorts(acme_starttls=2001, acme_tls=2002, platform_starttls=2003, dns=2004)

    settings = demo_settings(empty, ports, web_port=5001)

    vault_id, _, vault_key = settings.pop("PORTAL_VAULT_KEYS").partition(":")
    assert vault_id
    assert len(base64.b64decode(vault_key, validate=True)) == 32
    assert len(settings.pop("PORTAL_SECRET_KEY")) >= 32
    assert settings == {
        "PORTAL_INSTANCE_DIR": str(empty.path.parent),
        "PORTAL_DATABASE_URL": f"sqlite:///{empty.path}/waypost.db",
        "PORTAL_BASE_URL": "http://127.0.0.1:5001",
        "PORTAL_PLATFORM_NAME": "Northwind",
        "PORTAL_PLATFORM_SMTP_URL": "smtp+starttls://platform:platform-demo-password@127.0.0.1:2003",
        "PORTAL_PLATFORM_FROM": "no-reply@platform.example",
        "PORTAL_PLATFORM_DKIM_DOMAIN": "platform.example",
        "PORTAL_PLATFORM_DKIM_SELECTOR": "wp1",
        "PORTAL_PLATFORM_DKIM_KEY_FILE": str(empty.path / "platform-dkim.pem"),
        "PORTAL_ALLOWED_SMTP_NETWORKS": "127.0.0.0/8",
        "PORTAL_ALLOWED_SMTP_PORTS": "25,465,587,2001,2002,2003,2465,2525,2587",
        "PORTAL_CA_FILE": str(empty.path / "ca.pem"),
        "PORTAL_DNS_SERVERS": "127.0.0.1:2004",
        "PORTAL_EHLO_NAME": "mail.platform.example",
    }


def test_a_real_installations_settings_do_not_reach_the_demo() -> None:
    shell = {
        "PATH": "here",
        "PORTAL_DATABASE_URL": "postgresql://real",
        "PORTAL_SECRET_KEY_FILE": "real",
        "PORTAL_PLATFORM_DKIM_KEY": "real",
        "PORTAL_WORKER_LEASE_SECONDS": "2",
    }
    settings = {"PORTAL_DATABASE_URL": "demo", "PORTAL_SECRET_KEY": "demo", "PORTAL_PLATFORM_DKIM_KEY_FILE": "demo"}

    assert child_environment(shell, settings) == {"PATH": "here", "PORTAL_WORKER_LEASE_SECONDS": "2", **settings}


def test_the_settings_left_for_the_shell_are_read_back_by_a_shell(empty: DemoFolder) -> None:
    write_settings(empty, {"PORTAL_A": "it's $HOME `here`", "PORTAL_B": "x y"})

    assert dict(word.split("=", 1) for word in shlex.split(empty.settings.read_text())) == {
        "PORTAL_A": "it's $HOME `here`",
        "PORTAL_B": "x y",
    }


def test_the_welcome_says_what_to_type() -> None:
    ports = DemoPorts(acme_starttls=2001, acme_tls=2002)

    text = welcome("http://127.0.0.1:5000", ports, [SignIn("owner of Acme", "ada@acme.example", "open sesame")])

    for words in (
        "http://127.0.0.1:5000",
        "ada@acme.example   open sesame",
        "Host         smtp.acme.example",
        "Port         2001   (SSL/TLS is on 2002)",
        "Username     acme",
        "Password     acme-demo-password",
        "From         no-reply@acme.example",
    ):
        assert words in text


def start(instance: Path, port: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PORT": port, "PORTAL_INSTANCE_DIR": str(instance)}
    command = [sys.executable, "-m", "portal.demo"]
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=20, check=False
    )


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]

        ended = start(tmp_path, str(port))

    assert ended.returncode == 3
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"demo: port {port} is taken")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["x", "-1", "65536", "５０００", "80.0"])
def test_a_port_that_is_none_is_said_in_one_line(port: str, tmp_path: Path) -> None:
    ended = start(tmp_path, port)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"demo: PORT must be a number up to 65535, not {port!r}\n"
