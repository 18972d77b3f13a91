"""People, and where they are members."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import TenantId, UserId
from portal.domain.people.roles import Role
from portal.storage.database import Base, UtcDateTime
from portal.storage.organisations import TenantRow


class UserRow(Base):
    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_operator: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class MembershipRow(Base):
    __tablename__ = "memberships"

    tenant_id: Mapped[str] = mapped_column(ForeignKey(TenantRow.id), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey(UserRow.id), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(10))


def user_by_email(session: Session, email: str) -> UserRow | None:
    return session.scalar(select(UserRow).where(UserRow.email == email))


def user_to_change(session: Session, user_id: UserId) -> UserRow:
    """The person, locked until the transaction ends.

    Who changes several of their sign-ins locks the person first: then two of them take turns, instead of locking the
    same rows in different orders.
    """
    return session.get_one(UserRow, user_id, with_for_update=True, populate_existing=True)


def role_in(session: Session, tenant_id: TenantId, user_id: UserId) -> Role | None:
    """What the user is in the tenant, or None for a stranger."""
    membership = session.get(MembershipRow, (tenant_id, user_id))
    return Role(membership.role) if membership else None


class Membership(NamedTuple):
    tenant: TenantRow
    role: Role


def memberships_of(session: Session, user_id: UserId) -> list[Membership]:
    """The tenants the user is a member of, by name."""
    rows = session.execute(
        select(TenantRow, MembershipRow.role)
        .join(MembershipRow, MembershipRow.tenant_id == TenantRow.id)
        .where(MembershipRow.user_id == user_id)
        .order_by(TenantRow.name)
    )
    return [Membership(tenant, Role(role)) for tenant, role in rows]


def emails_of(session: Session, tenant_id: TenantId, roles: Collection[Role]) -> Sequence[str]:
    """The addresses of the tenant's members in these roles, oldest account first."""
    return session.scalars(
        select(UserRow.email)
        .join(MembershipRow, MembershipRow.user_id == UserRow.id)
        .where(MembershipRow.tenant_id == tenant_id, MembershipRow.role.in_(roles))
        .order_by(UserRow.id)
    ).all()


def first_owner(session: Session, tenant_id: TenantId) -> UserRow | None:
    return session.scalar(
        select(UserRow)
        .join(MembershipRow, MembershipRow.user_id == UserRow.id)
        .where(MembershipRow.tenant_id == tenant_id, MembershipRow.role == Role.OWNER)
        .order_by(UserRow.id)
    )
