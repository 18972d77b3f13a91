"""Organisations, tenants, people and who is a member of what."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy.orm import Session

from portal.crypto.password_hashing import PasswordHashing
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import TenantId, UserId
from portal.domain.mail.addresses import AddressError, check_display_name, parse_address
from portal.domain.people.password_rules import PasswordError, check_password
from portal.domain.people.roles import Role
from portal.services.clock import Clock, new_id
from portal.storage import audit_log, organisations, sign_ins, users
from portal.storage.database import Database
from portal.storage.organisations import OrganisationRow, TenantRow
from portal.storage.users import MembershipRow, UserRow

_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_NAME: Final = 100
NOWHERE: Final[Mapping[str, Role]] = MappingProxyType({})


class RefusedError(ValueError):
    """It was not done; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """What an operator does from the command line; each change with its audit event."""

    database: Database
    hashing: PasswordHashing
    clock: Clock

    def create_tenant(self, slug: str, *, name: str, organisation: str | None, actor: Actor) -> TenantId:
        """Create a tenant, and its organisation if there is none of that name.

        Args:
            slug: The tenant's name in addresses and commands: lower-case letters, digits and hyphens.
            organisation: Its organisation's name; None for one named like the tenant.

        Raises:
            RefusedError: The slug is taken or not a slug, or a name cannot be used.
        """
        if not _SLUG.fullmatch(slug):
            raise RefusedError("A slug has 1 to 63 lower-case letters, digits and hyphens, such as acme-production.")
        name = _checked_name(name)
        now = self.clock()
        with self.database.transaction() as session:
            if organisations.tenant_by_slug(session, slug):
                raise RefusedError(f"There is a tenant called «{slug}» already.")
            owner = self._organisation(session, _checked_name(organisation or name))
            tenant = TenantRow(id=new_id(now), organisation_id=owner.id, slug=slug, name=name, created_at=now)
            session.add(tenant)
            session.flush()
            tenant_id = TenantId(tenant.id)
            facts = {"slug": slug, "name": name}
            audit_log.append(session, AuditEvent(AuditAction.TENANT_CREATED, now, actor, tenant_id, facts))
            return tenant_id

    def create_user(
        self,
        email: str,
        *,
        name: str,
        password: str | None,
        is_operator: bool,
        actor: Actor,
        member_of: Mapping[str, Role] = NOWHERE,
    ) -> UserId:
        """Create a person; without a password they cannot sign in yet.

        Args:
            member_of: What the person is in which tenant, by its slug.

        Raises:
            RefusedError: The address is taken or no address, the password is too weak, or there is no such tenant.
                Nothing was written.
        """
        try:
            address = parse_address(email).lower()
            if password is not None:
                check_password(password)
        except (AddressError, PasswordError) as error:
            raise RefusedError(str(error)) from error
        name = _checked_name(name) if name else ""
        password_hash = self.hashing.hash(password) if password else None  # slow on purpose: before the transaction
        now = self.clock()
        with self.database.transaction() as session:
            if users.user_by_email(session, address):
                raise RefusedError(f"There is a user with the address {address} already.")
            user = UserRow(
                id=new_id(now),
                email=address,
                name=name,
                password_hash=password_hash,
                is_operator=is_operator,
                created_at=now,
            )
            session.add(user)
            session.flush()
            facts = {"email": address, "operator": is_operator}
            audit_log.append(session, AuditEvent(AuditAction.USER_CREATED, now, actor, facts=facts))
            for slug, role in member_of.items():
                self._add_member(session, slug, UserId(user.id), role, actor)
            return UserId(user.id)

    def add_member(self, slug: str, user_id: UserId, role: Role, *, actor: Actor) -> None:
        """Make a person a member of a tenant, or give the member another role. Twice is harmless and audited once.

        Raises:
            RefusedError: There is no such tenant.
        """
        with self.database.transaction() as session:
            self._add_member(session, slug, user_id, role, actor)

    def _add_member(self, session: Session, slug: str, user_id: UserId, role: Role, actor: Actor) -> None:
        tenant = organisations.tenant_by_slug(session, slug)
        if tenant is None:
            raise RefusedError(f"There is no tenant called «{slug}».")
        users.user_to_change(session, user_id)
        membership = session.get(MembershipRow, (tenant.id, user_id))
        facts: dict[str, object] = {"user": user_id, "role": role}
        if membership is None:
            action = AuditAction.MEMBERSHIP_CREATED
            session.add(MembershipRow(tenant_id=tenant.id, user_id=user_id, role=role))
        elif membership.role == role:
            return
        else:
            action = AuditAction.MEMBERSHIP_CHANGED
            facts["was"] = membership.role
            membership.role = role
        sign_ins.rotate_soon(session, user_id)
        audit_log.append(session, AuditEvent(action, self.clock(), actor, TenantId(tenant.id), facts))

    def _organisation(self, session: Session, name: str) -> OrganisationRow:
        found = organisations.organisation_by_name(session, name)
        if found is None:
            found = OrganisationRow(id=new_id(self.clock()), name=name, created_at=self.clock())
            session.add(found)
            session.flush()
        return found


def _checked_name(name: str) -> str:
    """A name stands in From headers, so it must be fit for one."""
    try:
        check_display_name(name)
    except AddressError as error:
        raise RefusedError(f"This name cannot be used: {error}") from error
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise RefusedError(f"A name has 1 to {_LONGEST_NAME} characters.")
    return name.strip()
