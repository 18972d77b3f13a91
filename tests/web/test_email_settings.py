"""The Email SMTP page: what it shows, what it takes, and what it never gives away."""

import re
from html import unescape

import pytest
from werkzeug.test import TestResponse

from portal.domain.audit_events import COMMAND_LINE
from portal.services.email_settings import NoSettingsError
from portal.web.forms.email_settings import EmailSettingsForm
from tests.support.portal_app import SMTP_PASSWORD, Browser, Portal, typed, words_of

PAGE = "/t/acme/email-smtp"
DRAFT = f"{PAGE}/draft"
WITH_THE_DOTS = "••••••••"


def activate(alice: Browser, version: int) -> TestResponse:
    return alice.post(f"{PAGE}/activate", {"version": str(version), "untested": "yes"})


def value_of(page: TestResponse, field: str) -> str:
    found = re.search(rf'<input[^>]* id="{field}"[^>]*>', page.text)
    assert found, field
    value = re.search(r' value="([^"]*)"', found[0])
    return unescape(value[1]) if value else ""


def test_the_first_visit_says_where_mail_goes_and_what_is_needed(alice: Browser) -> None:
    words = words_of(alice.get(PAGE))
    assert "Mail goes through the platform as Acme Production via Northwind <no-reply@platform.example>." in words
    needs = (
        "What you will need",
        "Host and port",
        "API key",
        "From address",
        "A wrong set-up can disturb",
        "Host Port",
    )
    assert sorted(needs, key=words.index) == list(needs)
    assert "Either test sends one message to alice@acme.example" in words


def test_a_draft_sends_nothing_and_says_so(portal: Portal, alice: Browser) -> None:
    assert alice.post(DRAFT, typed()).status_code == 303
    words = words_of(alice.get(PAGE))
    assert "Version 1 is saved as a draft. It sends nothing until you activate it." in words
    assert "Draft, not tested · version 1" in words
    assert "Off" in words
    assert portal.waypost.email_settings.saved(portal.acme).settings.host == "smtp.acme.example"


def test_the_password_is_on_no_page_after_saving(portal: Portal, alice: Browser, bob: Browser) -> None:
    answers = [alice.post(DRAFT, typed()), alice.post(DRAFT, typed(host="not a host"))]
    answers += [activate(alice, 1)]
    paths = [PAGE, "/t/acme/audit-log", "/"]
    answers += [browser.get(path, follow_redirects=True) for browser in (alice, bob) for path in paths]
    assert portal.waypost.email_settings.saved(portal.acme).credentials is not None
    assert not [answer for answer in answers if SMTP_PASSWORD in answer.text + str(answer.headers)]


def test_an_empty_password_keeps_the_stored_one(portal: Portal, alice: Browser) -> None:
    alice.post(DRAFT, typed())
    alice.post(DRAFT, typed(password="", from_name="Acme Two"))
    saved = portal.waypost.email_settings.saved(portal.acme)
    assert saved.settings.from_name == "Acme Two"
    assert saved.credentials is not None
    assert saved.credentials.password.reveal() == SMTP_PASSWORD
    assert "Leave empty to keep it" in words_of(alice.get(PAGE))


@pytest.mark.parametrize(
    "moved", [{"host": "smtp.evil.example"}, {"port": "465"}, {"security": "tls"}, {"username": "somebody"}]
)
def test_a_changed_destination_demands_the_password_again(
    portal: Portal, alice: Browser, moved: dict[str, str]
) -> None:
    alice.post(DRAFT, typed())
    answer = alice.post(DRAFT, typed(password="", **moved))
    assert answer.status_code == 422
    assert "Enter the password again" in words_of(answer)
    assert portal.waypost.email_settings.saved(portal.acme).version == 1


def test_the_stored_password_is_removed_only_when_it_is_said(portal: Portal, alice: Browser) -> None:
    alice.post(DRAFT, typed())
    alice.post(DRAFT, typed(password="", username="", remove_password="y"))
    assert portal.waypost.email_settings.saved(portal.acme).credentials is None


def test_a_new_password_and_its_removal_exclude_each_other(portal: Portal, alice: Browser) -> None:
    answer = alice.post(DRAFT, typed(remove_password="y"))
    assert answer.status_code == 422
    assert "Either type a new password or have the stored one removed" in words_of(answer)
    with pytest.raises(NoSettingsError):
        portal.waypost.email_settings.saved(portal.acme)


def test_the_dots_that_stand_for_a_password_are_refused(alice: Browser) -> None:
    answer = alice.post(DRAFT, typed(password=WITH_THE_DOTS))
    assert answer.status_code == 422
    assert "These are the dots that stand for a password, not a password." in words_of(answer)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("host", "mail", "Use the full name with its domain"),
        ("host", "", "Fill this in."),
        ("host", "169.254.169.254", "mail servers are reached at public addresses only"),
        ("port", "99999", "A port is a number from 1 to 65535"),
        ("port", "22", "This port cannot be used here."),
        ("port", "five", "A port is a number"),
        ("security", "none", "Unencrypted, the password could be read"),
        ("security", "telepathy", "Choose one of"),
        ("from_address", "nobody", "An address has an @"),
        ("reply_to", "a@b@c", "@"),
        ("from_name", "Acme\nBcc: all@acme.example", "line break"),
        ("ehlo_name", "not a name", ""),
        ("dkim_selectors", "s1, s_!", "is not a selector"),
        ("rate_per_second", "0", "Give a number from 1 to"),
        ("rate_per_minute", "ten", "Give a number from 1 to"),
        ("rate_per_day", "1000000000", "or leave it empty for no limit"),
    ],
)
def test_a_problem_stands_at_its_field_and_in_the_summary(
    alice: Browser, field: str, value: str, sentence: str
) -> None:
    answer = alice.post(DRAFT, typed(**{field: value}))
    assert answer.status_code == 422
    assert f'id="{field}-problem"' in answer.text
    assert re.search(rf'aria-describedby="[^"]*\b{field}-problem\b', answer.text)
    assert f'<a href="#{field}">' in answer.text
    assert sentence in words_of(answer)


def test_what_was_typed_stays_but_for_the_password(alice: Browser) -> None:
    wrong = typed(
        host="not a host",
        port="2525",
        security="tls",
        reply_to="help@acme.example",
        fallback="never",
        ehlo_name="portal.acme.example",
        dkim_selectors="s1, s2",
    )
    answer = alice.post(DRAFT, wrong)
    assert answer.status_code == 422
    for field in ("host", "port", "username", "from_address", "from_name", "reply_to", "ehlo_name", "dkim_selectors"):
        assert value_of(answer, field) == wrong[field], field
    assert re.search(r'<input[^>]*\bchecked\b[^>]*name="security"[^>]*value="tls"', answer.text)
    assert re.search(r'<input[^>]*\bchecked\b[^>]*name="fallback"[^>]*value="never"', answer.text)
    assert value_of(answer, "password") == ""
    assert SMTP_PASSWORD not in answer.text


def test_saved_settings_come_back_in_the_form(alice: Browser) -> None:
    alice.post(DRAFT, typed(dkim_selectors="S1 s2,s3", reply_to="help@acme.example"))
    page = alice.get(PAGE)
    assert value_of(page, "host") == "smtp.acme.example"
    assert value_of(page, "reply_to") == "help@acme.example"
    assert value_of(page, "dkim_selectors") == "s1, s2, s3"


def test_the_providers_limits_are_kept_shown_and_taken_off_again(portal: Portal, alice: Browser) -> None:
    alice.post(DRAFT, typed(rate_per_second="14", rate_per_day=" 50000 "))
    saved = portal.waypost.email_settings.saved(portal.acme).settings
    assert (saved.rate_per_second, saved.rate_per_minute, saved.rate_per_day) == (14, None, 50_000)
    page = alice.get(PAGE)
    assert [value_of(page, f"rate_per_{period}") for period in ("second", "minute", "day")] == ["14", "", "50000"]
    assert "Messages per second Your provider's limit. We stay below it." in words_of(page)

    alice.post(DRAFT, typed(password="", rate_per_minute="600"))
    saved = portal.waypost.email_settings.saved(portal.acme).settings
    assert (saved.rate_per_second, saved.rate_per_minute, saved.rate_per_day) == (None, 600, None)


def test_a_limit_that_cannot_be_opens_the_advanced_settings(alice: Browser) -> None:
    assert not re.search(r'<details class="advanced[^>]* open', alice.get(PAGE).text)
    assert re.search(r'<details class="advanced[^>]* open', alice.post(DRAFT, typed(rate_per_minute="-1")).text)


def test_fields_that_are_not_the_forms_change_nothing(portal: Portal, alice: Browser) -> None:
    alice.post(DRAFT, typed(enabled="true", tenant_id=portal.other, proven_at="2026-01-01", smtp_enabled="y"))
    words = words_of(alice.get(PAGE))
    assert "Draft, not tested" in words
    with pytest.raises(NoSettingsError):
        portal.waypost.email_settings.saved(portal.other)


def test_json_is_no_form(portal: Portal, alice: Browser) -> None:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', alice.get(PAGE).text)
    assert token
    answer = alice.client.post(
        DRAFT,
        json=typed(),
        base_url=alice.base_url,
        headers={"Origin": alice.base_url, "X-CSRFToken": token[1]},
    )
    assert answer.status_code == 415
    with pytest.raises(NoSettingsError):
        portal.waypost.email_settings.saved(portal.acme)


def test_a_viewer_sees_the_settings_as_facts_with_nothing_to_press(alice: Browser, bob: Browser) -> None:
    assert "Nobody has set up a mail server of your own yet." in words_of(bob.get(PAGE))
    alice.post(DRAFT, typed())
    page = bob.get(PAGE)
    words = words_of(page)
    assert "You are a viewer here" in words
    for fact in (
        "Host smtp.acme.example",
        "Encryption STARTTLS",
        "Password or API key stored",
        "Who signs with DKIM Our",
    ):
        assert fact in words
    main = page.text.partition("<main")[2]
    assert re.findall(r"<(?:input|select|button|form|textarea)\b", main) == []
    assert SMTP_PASSWORD not in page.text


def test_a_username_that_is_the_password_as_well_stands_in_no_page_record_or_cookie(
    portal: Portal, alice: Browser, bob: Browser
) -> None:
    key = "2f9c1d7e-a-key-of-postmark"
    at_postmark = typed(host="smtp.postmarkapp.com", username=key, password=key)
    alice.post(DRAFT, at_postmark)
    tested = alice.post(f"{PAGE}/tests", at_postmark).headers["Location"].partition("#")[0]
    assert value_of(alice.get(tested), "username") == value_of(alice.get(PAGE), "username") == "••••"
    assert "Username ••••" in words_of(bob.get(PAGE))
    for page in (alice.get(PAGE), alice.get(tested), bob.get(PAGE), alice.get("/t/acme/audit-log")):
        assert key not in page.text
    cookie = alice.client.get_cookie("waypost", domain="127.0.0.1") or alice.client.get_cookie("waypost")
    assert cookie
    assert key not in str(portal.app.session_interface.get_signing_serializer(portal.app).loads(cookie.value))  # type: ignore[attr-defined]  # Flask's own


def test_names_and_addresses_are_text_never_markup(portal: Portal, alice: Browser) -> None:
    accounts = portal.waypost.accounts
    accounts.create_tenant("markup", name="<b>Bold</b> & Co", organisation="<i>Org</i>", actor=COMMAND_LINE)
    answer = alice.post(DRAFT, typed(host='"><script>alert(1)</script>', from_name="<b>Acme</b>"))
    assert "<script>alert" not in answer.text
    assert "<b>Acme" not in answer.text


def test_every_setting_of_the_contract_has_its_field() -> None:
    given = set(typed()) - {"password"}
    assert given == {name for name in vars(EmailSettingsForm) if name in given}


def test_the_page_names_each_field_for_those_who_cannot_see_it(alice: Browser) -> None:
    page = alice.get(PAGE).text
    ids = re.findall(r'<(?:input|select)\b(?![^>]*type="hidden")[^>]*\bid="([^"]+)"', page)
    assert len(ids) > 15
    assert len(set(ids)) == len(ids)
    assert [i for i in ids if f'for="{i}"' not in page] == []


def test_what_somebody_else_saved_meanwhile_is_not_overwritten_unasked(portal: Portal, alice: Browser) -> None:
    alice.post(DRAFT, typed(from_name="First"))
    seen = value_of(alice.get(PAGE), "seen")
    alice.post(DRAFT, typed(from_name="From the other tab", seen=seen))

    late = alice.post(DRAFT, typed(from_name="", reply_to="help@acme.example", seen=seen))

    assert late.status_code == 409
    assert "Nothing was saved. These settings were changed to version 2 meanwhile." in words_of(late)
    assert 'role="alert" tabindex="-1" autofocus' in late.text  # a whole page begins at its top, far above these words
    assert value_of(late, "reply_to") == "help@acme.example"
    assert portal.waypost.email_settings.saved(portal.acme).settings.from_name == "From the other tab"
    again = alice.post(DRAFT, typed(from_name="Mine", seen=value_of(late, "seen")))
    assert again.status_code == 303
    assert portal.waypost.email_settings.saved(portal.acme).settings.from_name == "Mine"
