"""Each provider's preset: what it fills in can be used as it is, and a server's name leads to its own."""

from datetime import date
from urllib.parse import urlsplit

import pytest

from portal.domain.mail.host_names import parse_host
from portal.domain.routing.provider_faults import PROVIDER_RULES
from portal.domain.routing.provider_hosts import is_at
from portal.domain.routing.provider_preset import REGION, ProviderPreset, UsernameKind
from portal.domain.routing.provider_presets import PRESETS, preset_at, preset_named
from portal.domain.routing.smtp_route import Endpoint, TlsMode
from portal.domain.routing.submission_ports import USUAL_SECURITY, is_unusual, port_for

each_preset = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)


def host_of(preset: ProviderPreset) -> str:
    return preset.host.replace(REGION, preset.region_example)


@each_preset
def test_every_port_of_a_preset_speaks_what_is_usual_there(preset: ProviderPreset) -> None:
    assert preset.services
    assert [service for service in preset.services if USUAL_SECURITY.get(service.port) is not service.security] == []


@each_preset
def test_its_host_is_one_that_settings_may_have_and_leads_back_to_it(preset: ProviderPreset) -> None:
    assert parse_host(host_of(preset)) == host_of(preset)
    assert preset_at(host_of(preset)) is preset
    assert (REGION in preset.host) == bool(preset.region_example)


@each_preset
def test_its_links_are_https_to_a_public_name_and_carry_nothing(preset: ProviderPreset) -> None:
    for url in (preset.dashboard_url, preset.doc_url):
        parts = urlsplit(url)
        assert parts.scheme == "https"
        assert parse_host(parts.netloc)
        assert not parts.query


@each_preset
def test_it_says_when_it_was_looked_at_and_when_something_ends(preset: ProviderPreset) -> None:
    assert type(preset.verified_on) is date
    assert date(2026, 1, 1) <= preset.verified_on
    assert preset.sunset is None or preset.sunset.on > preset.verified_on


@each_preset
def test_its_hints_are_whole_sentences(preset: ProviderPreset) -> None:
    hints = preset.hints
    said = [hints.username, hints.password, hints.sender, preset.ports, *preset.caveats]
    said += [preset.limits] if preset.limits else []
    assert [sentence for sentence in said if not (sentence[0].isupper() and sentence.endswith("."))] == []
    assert "password" in hints.password.lower() or "credentials" in hints.password


@each_preset
def test_it_fills_in_a_username_only_where_that_is_no_secret(preset: ProviderPreset) -> None:
    if preset.username_kind is UsernameKind.LITERAL:
        assert preset.only_username
        assert preset.only_username in preset.hints.username
    if preset.username_kind is UsernameKind.KEY:
        assert preset.username_value == ""


def test_ids_and_labels_name_one_preset_each() -> None:
    assert len({preset.id for preset in PRESETS}) == len({preset.label for preset in PRESETS}) == len(PRESETS) == 17
    assert [preset_named(preset.id) for preset in PRESETS] == list(PRESETS)
    assert preset_named("") is preset_named("nobody") is None


@pytest.mark.parametrize(
    ("host", "label"),
    [
        ("smtp-relay.gmail.com", "Google Workspace relay"),
        ("smtp.gmail.com", "Gmail"),
        ("smtp.mailgun.org", "Mailgun (US)"),
        ("smtp.eu.mailgun.org", "Mailgun (EU)"),
        ("smtp.eu.sparkpostmail.com", "SparkPost (EU)"),
        ("email-smtp.us-east-1.amazonaws.com", "Amazon SES"),
        ("smtp-broadcasts.postmarkapp.com", "Postmark"),
        ("smtp.zoho.eu", "Zoho Mail"),
        ("notgmail.com", None),
        ("gmail.com.evil.example", None),
        ("", None),
    ],
)
def test_a_provider_is_known_by_its_domain(host: str, label: str | None) -> None:
    preset = preset_at(host)
    assert (preset.label if preset else None) == label


def test_what_a_provider_speaks_where_reads_as_a_sentence() -> None:
    presets = {preset.id: preset for preset in PRESETS}
    assert presets["sendgrid"].ports == "SendGrid uses port 587, 25 or 2525 with STARTTLS and port 465 with SSL/TLS."
    assert presets["postmark"].ports == "Postmark uses port 587, 25 or 2525 with STARTTLS."
    assert presets["fastmail"].ports == "Fastmail uses port 587 with STARTTLS and port 465 with SSL/TLS."
    assert not presets["postmark"].speaks(Endpoint("smtp.postmarkapp.com", 465, TlsMode.IMPLICIT))


def test_rules_for_replies_know_the_providers_by_the_same_hosts() -> None:
    known = {preset.id: host_of(preset) for preset in PRESETS}
    for preset_id in ("sendgrid", "postmark", "mailgun", "mailgun-eu", "amazon-ses", "microsoft-365", "gmail"):
        assert [rule for rule in PROVIDER_RULES if is_at(known[preset_id], rule.hosts)], preset_id


@pytest.mark.parametrize(
    ("port", "security", "unusual"),
    [
        (587, TlsMode.STARTTLS, False),
        (465, TlsMode.IMPLICIT, False),
        (587, TlsMode.IMPLICIT, True),
        (465, TlsMode.STARTTLS, True),
        (25, TlsMode.IMPLICIT, True),
        (2465, TlsMode.STARTTLS, True),
        (2587, TlsMode.IMPLICIT, True),
        (465, TlsMode.NONE, False),
        (4711, TlsMode.IMPLICIT, False),
    ],
)
def test_a_port_is_unusual_only_where_something_else_is_usual(port: int, security: TlsMode, *, unusual: bool) -> None:
    assert is_unusual(port, security) is unusual
    if unusual:
        assert not is_unusual(port_for(security, instead_of=port), security)
