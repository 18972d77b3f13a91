"""What a message says, sealed while it waits: codes and links are secrets (THREATS 40)."""

from portal.crypto.vault import Vault
from portal.domain.mail.content import Content


def place(tenant_id: str, message_id: str) -> tuple[str, ...]:
    return ("message-content", tenant_id, message_id)


def seal(vault: Vault, tenant_id: str, message_id: str, content: Content) -> bytes:
    return vault.seal(content.to_bytes(), *place(tenant_id, message_id))


def unseal(vault: Vault, tenant_id: str, message_id: str, sealed: bytes) -> Content:
    """Open a message's content.

    Raises:
        CannotOpenError: Its key has left the ring, or the row was changed.
    """
    return Content.from_bytes(vault.open(sealed, *place(tenant_id, message_id)))
