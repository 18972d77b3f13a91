"""The vault's keys: a wrong one stops the start and overwrites nothing, an old one can be let go."""

import base64
from pathlib import Path

import pytest
from sqlalchemy import select

from portal import wiring
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import TenantId
from portal.services import message_content, vault_keys
from portal.services.vault_keys import WrongVaultKeyError
from portal.storage import organisations
from portal.storage.messages import MessageContentRow
from portal.wiring import Waypost
from tests.support.handed_in import GOOD
from tests.support.installation import VAULT_KEY, Installation

NEW_KEY = f"k2:{base64.b64encode(b'2' * 32).decode()}"
OTHER_KEY_OF_THE_SAME_NAME = f"k1:{base64.b64encode(b'x' * 32).decode()}"


def with_keys(installation: Installation, *keys: str) -> Waypost:
    installation.environment["PORTAL_VAULT_KEYS"] = ",".join(keys)
    return wiring.build(installation.settings)


def fill(waypost: Waypost) -> None:
    tenant = waypost.accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
    given = {
        "host": "smtp.acme.example",
        "username": "a",
        "password": "hunter2 hunter2",
        "from_address": "a@acme.example",
    }
    waypost.email_settings.save_draft(tenant, given, actor=COMMAND_LINE)
    waypost.sender.send_many("acme", [GOOD] * 3)


def everything_in(waypost: Waypost) -> str:
    with waypost.database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        return "\n".join(driver.iterdump())


@pytest.mark.parametrize("keys", [(NEW_KEY,), (OTHER_KEY_OF_THE_SAME_NAME,), (NEW_KEY, OTHER_KEY_OF_THE_SAME_NAME)])
def test_a_wrong_key_stops_the_start_and_overwrites_nothing(tmp_path: Path, keys: tuple[str, ...]) -> None:
    installation = Installation.new(tmp_path)
    with installation.opened() as waypost:
        fill(waypost)
        before = everything_in(waypost)

    with pytest.raises(WrongVaultKeyError, match=r"Nothing was changed\."):
        with_keys(installation, *keys)

    with_original = with_keys(installation, VAULT_KEY)
    assert everything_in(with_original) == before
    with_original.close()


def test_a_wrong_key_is_one_line_and_status_3_on_the_command_line(tmp_path: Path) -> None:
    installation = Installation.new(tmp_path)
    with installation.opened() as waypost:
        fill(waypost)
    installation.environment["PORTAL_VAULT_KEYS"] = NEW_KEY

    done = installation.run("queue")

    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("waypost: This database is sealed with the vault key «k1»")
    assert done.stderr.count("\n") == 1


def test_after_rotation_the_old_key_may_leave_and_everything_still_opens(tmp_path: Path) -> None:
    installation = Installation.new(tmp_path)
    with installation.opened() as waypost:
        fill(waypost)
    both = with_keys(installation, NEW_KEY, VAULT_KEY)

    count = vault_keys.rotate(both.database, both.vault, actor=COMMAND_LINE, clock=both.clock, progress=lambda _: None)
    again = vault_keys.rotate(both.database, both.vault, actor=COMMAND_LINE, clock=both.clock, progress=lambda _: None)
    both.close()

    assert (count, again) == (1 + 3, 0)
    alone = with_keys(installation, NEW_KEY)
    with alone.database.reading() as session:
        acme = organisations.tenant_by_slug(session, "acme")
        assert acme is not None
        contents = session.scalars(select(MessageContentRow)).all()
    texts = [message_content.unseal(alone.vault, acme.id, row.message_id, row.sealed).text for row in contents]
    assert texts == [GOOD["text"]] * 3
    saved = alone.email_settings.saved(TenantId(acme.id))
    assert saved.credentials is not None
    assert saved.credentials.password.reveal() == "hunter2 hunter2"
    alone.close()
