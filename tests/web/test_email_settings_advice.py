"""What the Email SMTP page says beside its fields, and what a provider's preset puts into them."""

import re
from html import unescape

import pytest

from portal.domain.routing.provider_presets import PRESETS
from tests.support.portal_app import SMTP_PASSWORD, Browser, Portal, typed, words_of
from tests.support.probe_rows import put_probe, verdict

PAGE = "/t/acme/email-smtp"
DRAFT = f"{PAGE}/draft"
ADVICE = f"{PAGE}/advice"


def value_of(page: str, field: str) -> str:
    found = re.search(rf'<input[^>]* id="{field}"[^>]*>', page)
    assert found, field
    value = re.search(r' value="([^"]*)"', found[0])
    return unescape(value[1]) if value else ""


def chosen(page: str, name: str) -> str:
    found = re.search(rf'<input[^>]*\bchecked\b[^>]*name="{name}"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


def advice_at(page: str, field: str) -> str:
    found = re.search(rf'<div[^>]*data-advice="{field}"[^>]*>(.*?)</div>', page, re.DOTALL)
    assert found, field
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(found[1])).split())


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_a_preset_fills_in_server_and_limits_and_never_a_secret(alice: Browser, preset: object) -> None:
    found = next(known for known in PRESETS if known is preset)
    page = alice.get(f"{PAGE}?preset={found.id}").text
    assert value_of(page, "host") == found.host
    assert value_of(page, "port") == str(found.recommended.port)
    assert chosen(page, "security") == found.recommended.security
    assert value_of(page, "username") == found.username_value
    assert value_of(page, "password") == ""
    assert value_of(page, "rate_per_minute") == str(found.rates.per_minute or "")
    assert f"Filled in for {found.label}. Nothing is saved yet." in page
    words = words_of(alice.get(f"{PAGE}?preset={found.id}"))
    assert all(" ".join(caveat.split()) in words for caveat in found.caveats)
    assert f'href="{found.dashboard_url}" target="_blank" rel="noopener noreferrer"' in page


def test_a_preset_is_laid_over_what_is_saved_and_leaves_the_rest(alice: Browser) -> None:
    alice.post(DRAFT, typed(rate_per_second="14"))
    page = alice.get(f"{PAGE}?preset=brevo").text
    assert value_of(page, "host") == "smtp-relay.brevo.com"
    assert value_of(page, "username") == "acme"
    assert value_of(page, "from_address") == "no-reply@acme.example"
    assert value_of(page, "rate_per_second") == ""
    assert advice_at(page, "password").startswith("Type the password again")


def test_a_word_that_is_one_providers_username_does_not_stay_for_another(alice: Browser) -> None:
    alice.post(DRAFT, typed(host="smtp.sendgrid.net", username="apikey"))
    assert value_of(alice.get(f"{PAGE}?preset=mailjet").text, "username") == ""


def test_fields_that_each_provider_understands_in_its_own_way_say_how(alice: Browser) -> None:
    words = words_of(alice.get(PAGE))
    assert "Empty for a server that asks for no sign-in." in words
    answer = alice.post(ADVICE, typed(host="in-v3.mailjet.com")).text
    alice.post(DRAFT, typed(host="in-v3.mailjet.com"))
    page = alice.get(PAGE).text
    for field, hint in (
        ("username", "At Mailjet the username is the API key."),
        ("password", "The password is the secret key that belongs to the API key. "),
        ("from_address", "Validate this address or its domain in Mailjet."),
    ):
        assert advice_at(answer, f"{field}-hint").startswith(hint.strip())
        assert advice_at(page, f"{field}-hint").startswith(hint.strip())
    assert "Leave empty to keep it" in advice_at(page, "password-hint")


def test_a_preset_nobody_knows_changes_nothing_and_a_viewer_is_filled_in_nothing(alice: Browser, bob: Browser) -> None:
    assert value_of(alice.get(f"{PAGE}?preset=nobody").text, "host") == ""
    assert "sendgrid" not in bob.get(f"{PAGE}?preset=sendgrid").text.lower()


def test_saved_settings_show_what_is_known_of_their_provider(alice: Browser) -> None:
    assert "dashboard" not in words_of(alice.get(PAGE))
    alice.post(DRAFT, typed(host="smtp.office365.com"))
    words = words_of(alice.get(PAGE))
    assert "2026-12-31: Microsoft ends sign-in with a password" in words
    assert "Whether readers open a message, and which ones bounce later, Microsoft 365 shows on its own pages." in words
    assert "As we knew it on 2026-11-21" in words


@pytest.mark.parametrize(
    ("changed", "field", "part"),
    [
        ({"port": "465"}, "security", "On port 465 servers usually speak SSL/TLS."),
        ({"security": "tls"}, "security", "Choose STARTTLS, or keep SSL/TLS and use port 465."),
        ({"port": "25"}, "port", "Port 25 is usually for servers talking to each other"),
        ({"from_address": "acme@gmail.com"}, "from_address", "reject the rest or file it as spam"),
        ({"host": "smtp.bücher.example"}, "host", "smtp.bücher.example is called smtp.xn--bcher-kva.example"),
    ],
)
def test_what_is_odd_is_saved_all_the_same_and_told_beside_the_field(
    alice: Browser, changed: dict[str, str], field: str, part: str
) -> None:
    assert alice.post(DRAFT, typed(**changed)).status_code == 303
    page = alice.get(PAGE).text
    assert part in advice_at(page, field)
    assert re.search(rf'aria-describedby="[^"]*\b{field}-advice\b', page)
    assert part in advice_at(alice.post(ADVICE, typed(**changed)).text, field)


def test_advice_is_told_on_a_page_that_refuses_the_form_too(alice: Browser) -> None:
    answer = alice.post(DRAFT, typed(port="25", reply_to="nobody"))
    assert answer.status_code == 422
    assert "Port 25 is usually" in advice_at(answer.text, "port")


def test_advice_says_when_the_stored_password_will_not_be_kept(alice: Browser) -> None:
    assert advice_at(alice.post(ADVICE, typed()).text, "password") == ""
    alice.post(DRAFT, typed())
    assert advice_at(alice.post(ADVICE, typed()).text, "password") == ""
    for moved in ({"host": "smtp.other.example"}, {"port": "2525"}, {"security": "tls"}, {"username": "other"}):
        answer = alice.post(ADVICE, typed(**moved)).text
        assert advice_at(answer, "password").startswith("Type the password again"), moved
        assert "data-needed" in answer
    removed = alice.post(ADVICE, typed(host="smtp.other.example", remove_password="y")).text
    assert advice_at(removed, "password") == ""


def test_advice_saves_nothing_and_repeats_no_password(alice: Browser) -> None:
    answer = alice.post(ADVICE, typed())
    assert answer.status_code == 200
    assert SMTP_PASSWORD not in answer.text
    assert "Draft" not in words_of(alice.get(PAGE))


def test_a_pasted_host_with_its_port_is_understood(alice: Browser) -> None:
    assert alice.post(DRAFT, typed(host="smtp.acme.example:587")).status_code == 303
    assert value_of(alice.get(PAGE).text, "host") == "smtp.acme.example"
    answer = alice.post(DRAFT, typed(host="smtps://smtp.acme.example:465"))
    assert "Type only smtp.acme.example here, and 465 into the field Port, and choose SSL/TLS." in words_of(answer)


@pytest.mark.parametrize("field", ["host", "port", "username", "password", "from_address", "auth"])
def test_a_failed_test_of_what_is_shown_outlines_its_field_and_leads_to_the_diagnosis(
    portal: Portal, alice: Browser, field: str
) -> None:
    alice.post(DRAFT, typed())
    of_the_draft = put_probe(portal, version=1, verdict=verdict(field=field), finished_at=portal.clock())
    page = alice.get(f"{PAGE}/tests/{of_the_draft}").text
    found = re.search(rf'<(?:input|select)[^>]*id="{field}"[^>]*>', page)
    assert found
    assert re.search(r'aria-describedby="probe-diagnosis\b', found[0])
    assert 'aria-invalid="true"' in found[0]
    assert page.count('aria-invalid="true"') == page.count('aria-describedby="probe-diagnosis') == 1
    assert page.count('id="probe-diagnosis"') == 1
    assert bool(re.search(r'<details class="advanced[^>]* open', page)) == (field == "auth")


def test_encryption_is_outlined_as_a_whole(portal: Portal, alice: Browser) -> None:
    alice.post(DRAFT, typed())
    probe = put_probe(portal, version=1, verdict=verdict(field="security"), finished_at=portal.clock())
    found = re.search(r'<fieldset[^>]*id="security"[^>]*>', alice.get(f"{PAGE}/tests/{probe}").text)
    assert found
    assert "is-suspect" in found[0]
    assert 'aria-describedby="probe-diagnosis' in found[0]


def test_a_test_of_other_settings_outlines_nothing(portal: Portal, alice: Browser) -> None:
    alice.post(DRAFT, typed())
    alice.post(DRAFT, typed(host="smtp.other.example"))
    for version in (None, 1):
        probe = put_probe(portal, version=version, verdict=verdict(field="host"), finished_at=portal.clock())
        assert "aria-invalid" not in alice.get(f"{PAGE}/tests/{probe}").text


def test_who_signs_names_what_people_look_for(alice: Browser) -> None:
    words = words_of(alice.get(PAGE))
    assert "“Disable platform DKIM”" in words
    assert words.count("Platform DKIM is disabled") == 2
