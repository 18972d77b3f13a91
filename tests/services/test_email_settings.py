"""Email settings: saved whole or not at all, proven before they send, and the password bound to its server."""

from typing import Any

import pytest

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import TenantId
from portal.domain.routing.email_settings import SettingsRefusedError
from portal.services.email_settings import CannotActivateError
from portal.storage import audit_log, organisations
from portal.storage import email_settings as stored
from portal.wiring import Waypost

PASSWORD = "correct horse battery staple"
COMPLETE: dict[str, Any] = {
    "host": "smtp.acme.example",
    "port": 587,
    "security": "starttls",
    "username": "acme",
    "password": PASSWORD,
    "from_address": "mail@acme.example",
}


def save(waypost: Waypost, tenant: TenantId, given: dict[str, Any]) -> int:
    return waypost.email_settings.save_draft(tenant, given, actor=COMMAND_LINE)


def problems(waypost: Waypost, tenant: TenantId, given: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(SettingsRefusedError) as refused:
        save(waypost, tenant, given)
    return dict(refused.value.problems)


def actions(waypost: Waypost, tenant: TenantId) -> list[str]:
    with waypost.database.reading() as session:
        return [row.action for row in audit_log.page(session, tenant)]


def test_an_edit_keeps_what_it_leaves_out_and_removes_what_is_null(waypost: Waypost, acme: TenantId) -> None:
    save(waypost, acme, COMPLETE | {"reply_to": "help@acme.example", "from_name": "Acme"})

    save(waypost, acme, {"reply_to": None})

    saved = waypost.email_settings.saved(acme)
    assert saved.settings.reply_to is None
    assert saved.settings.from_name == "Acme"
    assert saved.credentials is not None
    assert saved.credentials.password.reveal() == PASSWORD


@pytest.mark.parametrize(
    "change",
    [{"host": "smtp.evil.example"}, {"port": 465}, {"security": "tls"}, {"username": "other"}],
    ids=["host", "port", "encryption", "username"],
)
def test_a_stored_password_goes_nowhere_else(waypost: Waypost, acme: TenantId, change: dict[str, Any]) -> None:
    save(waypost, acme, COMPLETE)

    assert "Enter the password again" in problems(waypost, acme, change)["password"]
    with pytest.raises(SettingsRefusedError):
        waypost.email_settings.read_typed(acme, change)


def test_even_a_row_changed_behind_our_back_does_not_give_the_password_to_another_host(
    waypost: Waypost, acme: TenantId
) -> None:
    version = save(waypost, acme, COMPLETE)
    with waypost.database.transaction() as session:
        row = stored.version(session, acme, version)
        assert row is not None
        row.host = "smtp.evil.example"

    with pytest.raises(Exception, match="does not open"):
        waypost.email_settings.saved(acme)


def test_another_tenants_credentials_cannot_be_pointed_to(waypost: Waypost, acme: TenantId) -> None:
    other = waypost.accounts.create_tenant("other", name="Other", organisation=None, actor=COMMAND_LINE)
    save(waypost, acme, COMPLETE)
    version = save(waypost, other, COMPLETE)

    def steal() -> None:
        with waypost.database.transaction() as session:
            mine, theirs = stored.version(session, other, version), stored.version(session, acme, 1)
            assert mine is not None
            assert theirs is not None
            mine.credentials_id = theirs.credentials_id

    with pytest.raises(Exception, match=r"(?i)foreign key constraint"):
        steal()


@pytest.mark.parametrize("mask", ["••••", "********", "●●●●●●"])
def test_dots_are_no_password(waypost: Waypost, acme: TenantId, mask: str) -> None:
    assert "dots" in problems(waypost, acme, COMPLETE | {"password": mask})["password"]


def test_all_problems_are_told_at_once_and_nothing_is_saved(waypost: Waypost, acme: TenantId) -> None:
    found = problems(
        waypost,
        acme,
        {
            "host": "smtp://x",
            "port": 70000,
            "from_address": "Ada <ada@x>",
            "reply_to": "a@b\r\nBcc: c@d",
            "signing": "me",
        },
    )

    assert set(found) == {"host", "port", "from_address", "reply_to", "signing"}
    with waypost.database.reading() as session:
        assert organisations.tenant(session, acme).draft_version is None
    assert "admin.integration_email_smtp_saved" not in actions(waypost, acme)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"use_ssl": True, "use_starttls": True, "security": None}, "security"),
        ({"use_ssl": True, "use_starttls": True}, "security"),
        ({"security": "none"}, "security"),
        ({"security": "none", "username": None, "password": None}, "security"),
        ({"port": 22}, "port"),
        ({"port": "587x"}, "port"),
        ({"port": True}, "port"),
        ({"host": "10.0.0.8"}, "host"),
        ({"host": "localhost"}, "host"),
        ({"username": None}, "username"),
        ({"password": None}, "password"),
        ({"password": "two\nlines"}, "password"),
        ({"password": ""}, "password"),
        ({"password": 42}, "password"),
        ({"password": "a\ud800b"}, "password"),
        ({"from_name": "Ada\r\nBcc: x@y.example"}, "from_name"),
        ({"from_name": "=?utf-8?q?=0d=0aBcc:?="}, "from_name"),
        ({"dkim_selectors": "s1"}, "dkim_selectors"),
        ({"dkim_selectors": ["s1 s2"]}, "dkim_selectors"),
        ({"signing": "platform"}, "signing"),
        ({"fallback": "sometimes"}, "fallback"),
        ({"ehlo_name": "mail"}, "ehlo_name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_input_gets_a_sentence_at_its_field(
    waypost: Waypost, acme: TenantId, given: dict[str, Any], field: str
) -> None:
    complete = {name: value for name, value in (COMPLETE | given).items() if not (name == "security" and value is None)}
    if "use_ssl" in given:
        complete.pop("security", None)

    found = problems(waypost, acme, complete)

    assert field in found
    assert found[field].endswith((".", "?"))
    assert PASSWORD not in "".join(found.values())


def test_the_two_switches_of_other_programs_say_the_same_as_one_choice(waypost: Waypost, acme: TenantId) -> None:
    given = {name: value for name, value in COMPLETE.items() if name not in {"security", "port"}}

    save(waypost, acme, given | {"use_ssl": True, "use_starttls": False})

    settings = waypost.email_settings.saved(acme).settings
    assert (settings.security, settings.port) == ("tls", 465)


def test_one_of_the_two_switches_alone_keeps_what_the_other_says(waypost: Waypost, acme: TenantId) -> None:
    save(waypost, acme, COMPLETE | {"security": "tls", "port": 465})

    save(waypost, acme, {"use_starttls": False})

    assert waypost.email_settings.saved(acme).settings.security == "tls"


def test_a_slow_older_test_does_not_undo_a_newer_activation(waypost: Waypost, acme: TenantId) -> None:
    settings = waypost.email_settings
    older, newer = save(waypost, acme, COMPLETE), save(waypost, acme, {"from_name": "Acme"})
    began = settings.route_epoch(acme)
    settings.record_proof(acme, newer, actor=COMMAND_LINE, activates=True, since_epoch=began)

    settings.record_proof(acme, older, actor=COMMAND_LINE, activates=True, since_epoch=began)

    assert settings.saved(acme).version == newer


def test_a_switch_turned_off_during_a_test_stays_off(waypost: Waypost, acme: TenantId) -> None:
    settings = waypost.email_settings
    settings.activate(acme, save(waypost, acme, COMPLETE), actor=COMMAND_LINE, untested=True)
    draft, began = save(waypost, acme, {"from_name": "Acme"}), settings.route_epoch(acme)

    settings.disable(acme, actor=COMMAND_LINE)
    settings.record_proof(acme, draft, actor=COMMAND_LINE, activates=True, since_epoch=began)

    with waypost.database.reading() as session:
        tenant = organisations.tenant(session, acme)
        assert (tenant.smtp_enabled, tenant.active_version, tenant.draft_version) == (False, 1, draft)
        proven = stored.version(session, acme, draft)
        assert proven is not None
        assert proven.proven_at is not None


def test_a_discarded_draft_gives_the_form_back_to_what_is_active(waypost: Waypost, acme: TenantId) -> None:
    settings = waypost.email_settings
    settings.activate(acme, save(waypost, acme, COMPLETE), actor=COMMAND_LINE, untested=True)
    save(waypost, acme, {"password": "a wrong one, in haste"})

    for _ in range(2):
        settings.discard_draft(acme, actor=COMMAND_LINE)
    kept = save(waypost, acme, {"from_name": "Acme"})

    saved = settings.saved(acme, kept)
    assert saved.credentials is not None
    assert saved.credentials.password.reveal() == PASSWORD
    assert actions(waypost, acme).count("admin.integration_email_smtp_draft_discarded") == 1


def test_only_proven_settings_become_active_unless_somebody_says_anyway(waypost: Waypost, acme: TenantId) -> None:
    version = save(waypost, acme, COMPLETE)

    with pytest.raises(CannotActivateError, match="Test these settings first"):
        waypost.email_settings.activate(acme, version, actor=COMMAND_LINE)
    waypost.email_settings.activate(acme, version, actor=COMMAND_LINE, untested=True)

    assert actions(waypost, acme)[0] == "admin.integration_email_smtp_activated_untested"


def test_a_draft_changes_nothing_about_what_sends(waypost: Waypost, acme: TenantId) -> None:
    waypost.email_settings.activate(acme, save(waypost, acme, COMPLETE), actor=COMMAND_LINE, untested=True)

    save(waypost, acme, {"from_name": "New name"})

    assert waypost.email_settings.saved(acme).version == 1
    with waypost.database.reading() as session:
        tenant = organisations.tenant(session, acme)
        assert (tenant.active_version, tenant.draft_version) == (1, 2)


def test_the_switch_is_harmless_twice_and_audited_once(waypost: Waypost, acme: TenantId) -> None:
    settings = waypost.email_settings
    settings.activate(acme, save(waypost, acme, COMPLETE), actor=COMMAND_LINE, untested=True)

    for _ in range(2):
        settings.disable(acme, actor=COMMAND_LINE)
    for _ in range(2):
        settings.enable(acme, actor=COMMAND_LINE)

    assert actions(waypost, acme)[:2] == [
        "admin.integration_email_smtp_enabled",
        "admin.integration_email_smtp_disabled",
    ]
    assert actions(waypost, acme).count("admin.integration_email_smtp_disabled") == 1


def test_there_is_nothing_to_turn_on_before_settings_are_active(waypost: Waypost, acme: TenantId) -> None:
    save(waypost, acme, COMPLETE)

    with pytest.raises(CannotActivateError, match="no server to turn on"):
        waypost.email_settings.enable(acme, actor=COMMAND_LINE)


def test_the_audit_log_tells_what_changed_and_of_the_password_only_that_it_did(
    waypost: Waypost, acme: TenantId
) -> None:
    save(waypost, acme, COMPLETE)
    save(waypost, acme, {"from_name": "Acme", "password": "another password"})

    with waypost.database.reading() as session:
        facts = dict(audit_log.page(session, acme)[0].facts)

    assert facts["changed"] == {"from_name": {"from": "", "to": "Acme"}, "password": "changed"}
