"""Whether a domain's mail is believed, asked from the command line of a real name server."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from portal.crypto.dkim_signer import DkimSigner
from portal.domain.secret import Secret
from tests.support.deliverability_scenarios import HEALTHY
from tests.support.dkim_keys import pem, rsa_key
from tests.support.installation import PROJECT, Installation
from tests.support.name_server import SILENCE, NameServer
from tests.support.nsd import running_nsd

KEYS: Final[dict[str, str]] = tomllib.loads(
    (PROJECT / "tests" / "data" / "deliverability" / "dkim_keys.toml").read_text("utf-8")
)["keys"]
DOMAIN: Final = "acme.example"
ITS_SERVER: Final = ("--host", "mail.acme.example", "--port", "587", "--selector", "s1")


def zone_file(*lines: str) -> str:
    """Lines "name TYPE data" as a zone file has them."""
    return "\n".join(map(_record, lines))


def _record(line: str) -> str:
    name, kind, data = line.split(" ", 2)
    data = data.format_map(KEYS)
    if kind == "TXT":
        data = " ".join(f'"{data[start : start + 255]}"' for start in range(0, len(data), 255))
    elif kind not in {"A", "AAAA"}:
        data += "."
    return f"{name}. {kind} {data}"


def without(*names: str) -> tuple[str, ...]:
    return tuple(line for line in HEALTHY if line.split(" ")[0] not in names)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation.new(tmp_path)


def ask(installation: Installation, server: tuple[str, int]) -> None:
    installation.environment["PORTAL_DNS_SERVERS"] = f"{server[0]}:{server[1]}"


def statuses(told: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["status"] for check in told["checks"]}


@pytest.fixture
def healthy(installation: Installation) -> Iterator[Installation]:
    with NameServer(zone_file(*HEALTHY)) as server:
        ask(installation, server.address)
        yield installation


@pytest.mark.peers
def test_a_healthy_domain_is_ready(installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "nsd"
    folder.mkdir()
    with running_nsd(".", zone_file(*HEALTHY), folder) as server:
        ask(installation, server.address)
        done = installation.run("deliverability", DOMAIN, *ITS_SERVER, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(told) == ["domain", "overall", "headline", "checks", "queries", "seconds"]
    assert (told["domain"], told["overall"]) == (DOMAIN, "pass")
    assert statuses(told) == {
        "domain": "pass",
        "spf": "pass",
        "dkim": "pass",
        "dmarc": "pass",
        "alignment": "pass",
        "ptr": "pass",
        "tls_rpt": "info",
        "mta_sts": "info",
        "bimi": "info",
        "dnssec": "info",
    }
    assert 0 < told["queries"] < 40
    assert 0 < told["seconds"] < 5


def test_people_read_the_verdict_first_and_what_is_well_last(healthy: Installation) -> None:
    done = healthy.run("deliverability", DOMAIN, *ITS_SERVER)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == "Ready: receivers will see mail from acme.example as authenticated."
    assert lines[1].startswith("Checked for mail sent through mail.acme.example: ")
    marks = [line.split()[0] for line in lines[2:] if line and not line.startswith(" ")]
    assert marks == ["ok"] * 6 + ["info"] * 4


def test_what_is_missing_comes_with_the_record_to_publish(installation: Installation) -> None:
    with NameServer(zone_file(*without(f"_dmarc.{DOMAIN}"))) as server:
        ask(installation, server.address)
        done = installation.run("deliverability", DOMAIN, *ITS_SERVER)
        told = installation.json("deliverability", DOMAIN, *ITS_SERVER)
    assert done.returncode == 1
    assert told["overall"] == "fail"
    (wanted,) = next(check["wanted"] for check in told["checks"] if check["id"] == "dmarc")
    assert (wanted["name"], wanted["type"], wanted["action"]) == (f"_dmarc.{DOMAIN}", "TXT", "add")
    published = [" ".join(line.split()) for line in done.stdout.splitlines()]
    first = next(line for line in done.stdout.splitlines()[2:] if line)
    assert first.startswith("FAIL     DMARC: ")
    at = published.index(f"add this record in the DNS of {DOMAIN}:")
    assert published[at + 1 : at + 5] == [
        "type TXT",
        f"name _dmarc.{DOMAIN}",
        f"host {wanted['host']}",
        f"value {wanted['value']}",
    ]


def test_a_silent_name_server_makes_nothing_red_and_nothing_missing(installation: Installation) -> None:
    with NameServer(zone_file(*HEALTHY)) as server:
        ask(installation, server.address)
        server.script(f"_dmarc.{DOMAIN}", "TXT", SILENCE)
        done = installation.run("deliverability", DOMAIN, *ITS_SERVER, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert statuses(told)["dmarc"] == told["overall"] == "unknown"
    assert "no answer came in 5 s" in told["headline"]
    assert "fail" not in statuses(told).values()


def test_names_are_read_as_people_write_them(installation: Installation) -> None:
    lines = tuple(line.replace(DOMAIN, "xn--strae-oqa.example") for line in HEALTHY)
    with NameServer(zone_file(*lines)) as server:
        ask(installation, server.address)
        words = ("--host", "MAIL.Straße.example.", "--selector", "s1._domainkey.straße.example")
        told = installation.json("deliverability", "Straße.example", *words)
    assert (told["domain"], told["overall"]) == ("xn--strae-oqa.example", "pass")


def test_the_return_path_and_the_from_address_may_have_domains_of_their_own(healthy: Installation) -> None:
    for words in (
        (DOMAIN, "--from", "news@letters.acme.example"),
        ("letters.acme.example", "--envelope", "bounces@acme.example"),
        ("letters.acme.example", "--envelope", DOMAIN, "--from", "news@letters.acme.example"),
    ):
        told = healthy.json("deliverability", *words, *ITS_SERVER)
        assert told["domain"] == "letters.acme.example"
        assert statuses(told)["spf"] == "pass"


def test_without_a_host_it_is_the_platforms_server_that_sends(installation: Installation) -> None:
    installation.environment["PORTAL_PLATFORM_SMTP_URL"] = "smtps://mail.acme.example"
    with NameServer(zone_file(*HEALTHY)) as server:
        ask(installation, server.address)
        done = installation.run("deliverability", DOMAIN, "--selector", "s1")
    assert "sent through mail.acme.example: " in done.stdout
    assert done.stdout.startswith("Ready: ")


def test_the_platforms_own_key_is_expected_where_the_platform_signs(installation: Installation) -> None:
    private_key = pem(rsa_key())
    installation.environment |= {
        "PORTAL_PLATFORM_SMTP_URL": "smtps://mail.acme.example",
        "PORTAL_PLATFORM_DKIM_DOMAIN": DOMAIN,
        "PORTAL_PLATFORM_DKIM_SELECTOR": "s1",
        "PORTAL_PLATFORM_DKIM_KEY": private_key,
    }
    with NameServer(zone_file(*HEALTHY)) as server:
        ask(installation, server.address)
        another = installation.json("deliverability", DOMAIN)
        (wanted,) = next(check["wanted"] for check in another["checks"] if check["id"] == "dkim")
        server.script(wanted["name"], "TXT", (" ".join(f'"{chunk}"' for chunk in wanted["chunks"]),))
        then = installation.json("deliverability", DOMAIN)
    assert statuses(another)["dkim"] == "fail"
    assert wanted["value"] == DkimSigner(DOMAIN, "s1", Secret(private_key)).record
    assert (statuses(then)["dkim"], then["overall"]) == ("pass", "pass")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("no domain",), "DOMAIN: Leave out spaces and line breaks."),
        (("acme",), "DOMAIN: Use the full name with its domain"),
        (("192.0.2.1",), "DOMAIN: Use a domain name"),
        (("ada@acme.example",), "DOMAIN: Only the host name: leave out the @"),
        (("",), "DOMAIN: Enter a host name"),
        ((DOMAIN, "--host", "smtp://x"), "--host: Only the host name"),
        ((DOMAIN, "--envelope", "x..example"), "--envelope: A part is missing"),
        ((DOMAIN, "--from", "ada"), "--from: An address has an @"),
        ((DOMAIN, "--selector", "a..b"), "A selector is the part before ._domainkey"),
    ],
)
def test_nonsense_is_answered_in_one_sentence(installation: Installation, words: tuple[str, ...], says: str) -> None:
    done = installation.run("deliverability", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [(), (DOMAIN, "--port", "0"), (DOMAIN, "--port", "x")])
def test_words_that_do_not_belong_there_are_wrong_use(installation: Installation, words: tuple[str, ...]) -> None:
    assert installation.run("deliverability", *words).returncode == 2


def test_a_broken_installation_is_told_from_a_domain_that_fails(installation: Installation) -> None:
    installation.environment["PORTAL_SECRET_KEY"] = "short"
    assert installation.run("deliverability", DOMAIN).returncode == 3


def test_what_strangers_publish_reaches_the_terminal_as_text(installation: Installation) -> None:
    hostile = f'{DOMAIN}. TXT "v=spf1 \\027[31m\\013\\010<b>red -all"'
    with NameServer(f"{zone_file(*(line for line in HEALTHY if ' TXT v=spf1' not in line))}\n{hostile}") as server:
        ask(installation, server.address)
        done = installation.run("deliverability", DOMAIN, *ITS_SERVER)
    assert done.returncode == 1
    assert "\\x1b[31m" in done.stdout
    assert all(line.isprintable() for line in done.stdout.split("\n"))
