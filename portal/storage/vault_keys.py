"""Which keys this database is sealed with, so that a wrong key is noticed before anything is written."""

from collections.abc import Sequence

from sqlalchemy import LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.storage.database import Base


class VaultKeyRow(Base):
    """A key in use: its id, and a known text sealed with it."""

    __tablename__ = "vault_keys"

    key_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sealed_check: Mapped[bytes] = mapped_column(LargeBinary)


def keys_in_use(session: Session) -> Sequence[VaultKeyRow]:
    return session.scalars(select(VaultKeyRow)).all()
