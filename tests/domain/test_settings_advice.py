"""What is said beside a field while it is typed: expected from experience, proven by the test, never a refusal."""

import pytest

from portal.domain.routing.settings_advice import TypedSettings, Weight, advice_on

GOOD = {
    "host": "smtp.acme.example",
    "port": "587",
    "security": "starttls",
    "username": "acme",
    "from_address": "no-reply@acme.example",
}


def said_at(field: str, **typed: str) -> str:
    return " ".join(a.sentence for a in advice_on(TypedSettings.of(**GOOD | typed)) if a.field == field)


def fields_of(**typed: str) -> set[str]:
    return {advice.field for advice in advice_on(TypedSettings.of(**GOOD | typed))}


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"port": "465", "security": "tls"},
        {"port": "2525"},
        {"port": "4711", "security": "tls"},
        {"host": "192.0.2.1"},
        {"host": "smtp.sendgrid.net", "username": "apikey"},
        {"host": "", "port": "", "username": "", "from_address": "", "security": ""},
        {"host": "not a host", "port": "five", "from_address": "nobody", "security": "telepathy"},
        {"port": "99999999999999999999"},
    ],
)
def test_nothing_is_said_where_nothing_is_odd_or_nothing_can_be_read(typed: dict[str, str]) -> None:
    assert advice_on(TypedSettings.of(**GOOD | typed)) == ()


@pytest.mark.parametrize(
    ("typed", "field", "part"),
    [
        (
            {"port": "465"},
            "security",
            "On port 465 servers usually speak SSL/TLS. Choose SSL/TLS, or keep STARTTLS and",
        ),
        ({"port": "465"}, "security", "use port 587. Should your server be an exception, the test will show it."),
        ({"security": "tls"}, "security", "Choose STARTTLS, or keep SSL/TLS and use port 465."),
        ({"port": "2465"}, "security", "keep STARTTLS and use port 2587"),
        ({"port": "25"}, "port", "many networks block it. 587 is the port for handing mail in."),
        ({"port": "25", "security": "tls"}, "security", "Choose STARTTLS, or keep SSL/TLS and use port 465."),
        (
            {"host": "smtp.postmarkapp.com", "port": "465", "security": "tls"},
            "security",
            "Postmark uses port 587, 25 or 2525 with STARTTLS. Should",
        ),
        (
            {"host": "email-smtp.{region}.amazonaws.com"},
            "host",
            "Put the region of your account where {region} stands, for example eu-west-1.",
        ),
        ({"host": "smtppro.zoho.{region}"}, "host", "where {region} stands, for example eu."),
        ({"host": "smtp.{region}.acme.example"}, "host", "where {region} stands."),
        ({"host": "SMTP.SendGrid.net"}, "username", "SendGrid will refuse this: type apikey."),
        ({"host": "smtp.bücher.example"}, "host", "smtp.bücher.example is called smtp.xn--bcher-kva.example"),
        ({"host": "smtp.xn--bcher-kva.example"}, "host", "smtp.bücher.example is called smtp.xn--bcher-kva.example"),
        ({"from_address": "a@bücher.example"}, "from_address", "bücher.example is called xn--bcher-kva.example"),
        ({"from_address": "дима@acme.example"}, "from_address", "need SMTPUTF8"),
    ],
)
def test_what_is_odd_is_told_at_its_field_with_a_remedy(typed: dict[str, str], field: str, part: str) -> None:
    assert part in said_at(field, **typed)


@pytest.mark.parametrize(
    "address",
    [
        "acme@gmail.com",
        "acme@GoogleMail.com",
        "acme@outlook.com",
        "acme@hotmail.co.uk",
        "acme@live.com",
        "acme@yahoo.com",
        "acme@yahoo.co.jp",
        "acme@yahoo.com.br",
        "acme@gmx.de",
        "acme@gmx.net",
        "acme@web.de",
        "acme@icloud.com",
        "acme@proton.me",
        "acme@aol.com",
        "acme@mail.ru",
    ],
)
def test_a_mailbox_providers_address_through_another_server_is_warned_about(address: str) -> None:
    domain = address.partition("@")[2].lower()
    sentence = said_at("from_address", from_address=address)
    assert sentence.startswith("Mail from this address will mostly not arrive")
    assert f"receivers expect mail from {domain} to come from" in sentence
    assert "Use an address of your own domain" in sentence


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("smtp.gmail.com", "acme@gmail.com"),
        ("smtp-relay.gmail.com", "acme@gmail.com"),
        ("smtp-mail.outlook.com", "acme@hotmail.com"),
        ("mail.gmx.net", "acme@gmx.de"),
        ("smtp.web.de", "acme@web.de"),
        ("smtp.mail.me.com", "acme@icloud.com"),
    ],
)
def test_through_the_mailbox_providers_own_server_only_the_rewriting_is_told(host: str, address: str) -> None:
    (advice,) = advice_on(TypedSettings.of(**GOOD | {"host": host, "from_address": address}))
    assert advice.weight is Weight.HINT
    assert "any other From is rewritten or refused" in advice.sentence


@pytest.mark.parametrize(
    "address", ["a@acme.example", "a@mygmail.com", "a@yahoo.acme.example", "a@gmail.com.acme.example", "a@notgmx.de"]
)
def test_domains_that_only_look_like_a_mailbox_providers_are_left_alone(address: str) -> None:
    assert fields_of(from_address=address) == set()
