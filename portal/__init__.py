"""Waypost: each tenant's mail leaves through the tenant's own SMTP server."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portal.services.sending import Sender

__all__ = ["create_sender"]


def create_sender() -> "Sender":
    """The sender of this installation, by its settings (environment or ``.env``).

    One for a process: inside the web application it is the application's own.

    Raises:
        BadSettingsError, BadVaultKeysError, WrongVaultKeyError, DatabaseNotReadyError: See ``wiring.build()``.
    """
    from portal import wiring

    return wiring.shared().sender
