"""Waypost: each tenant's mail leaves through the tenant's own SMTP server."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portal.services.sending import Sender

__all__ = ["create_sender"]


def create_sender() -> "Sender":
    """Build the sender of this installation from its settings (environment or ``.env``).

    Raises:
        BadSettingsError, BadVaultKeysError, WrongVaultKeyError, DatabaseNotReadyError: See ``wiring.build()``.
    """
    from portal import wiring

    return wiring.build().sender
