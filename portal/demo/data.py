"""The demo's tenants and people."""

from typing import Final

from portal import settings, wiring
from portal.demo.welcome import SignIn
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import UserId
from portal.domain.people.roles import Role
from portal.storage import migrations, organisations, users
from portal.storage.database import Database
from portal.wiring import Waypost

_OWNER: Final = SignIn("the owner of Acme production and Acme staging", "ada@acme.example", "acme-owner-demo")
_VIEWER: Final = SignIn("a viewer of Acme production", "vera@acme.example", "acme-viewer-demo")
_OPERATOR: Final = SignIn("an operator of the platform", "olga@platform.example", "operator-demo")

SIGN_INS: Final = (_OWNER, _VIEWER, _OPERATOR)

_ORGANISATION: Final = "Acme"
_TENANTS: Final = (("acme-production", "Acme"), ("acme-staging", "Acme staging"))
_VIEWED: Final = "acme-production"


def prepare() -> None:
    """Bring the demo's database to the newest shape and add what is missing; what is there is kept."""
    database = Database.at(settings.load().database_url.reveal())
    migrations.upgrade(database)
    database.close()
    waypost = wiring.build()
    _add_people_and_tenants(waypost)
    waypost.close()


def _add_people_and_tenants(waypost: Waypost) -> None:
    owner = _user(waypost, _OWNER, "Ada Lovelace", is_operator=False)
    viewer = _user(waypost, _VIEWER, "Vera Rubin", is_operator=False)
    _user(waypost, _OPERATOR, "Olga Platform", is_operator=True)
    for slug, name in _TENANTS:
        with waypost.database.reading() as session:
            exists = organisations.tenant_by_slug(session, slug) is not None
        if not exists:
            waypost.accounts.create_tenant(slug, name=name, organisation=_ORGANISATION, actor=COMMAND_LINE)
            waypost.accounts.add_member(slug, owner, Role.OWNER, actor=COMMAND_LINE)
            if slug == _VIEWED:
                waypost.accounts.add_member(slug, viewer, Role.VIEWER, actor=COMMAND_LINE)


def _user(waypost: Waypost, person: SignIn, name: str, *, is_operator: bool) -> UserId:
    with waypost.database.reading() as session:
        known = users.user_by_email(session, person.email)
        if known is not None:
            return UserId(known.id)
    return waypost.accounts.create_user(
        person.email, name=name, password=person.password, is_operator=is_operator, actor=COMMAND_LINE
    )
