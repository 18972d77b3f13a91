"""Who signs a message with DKIM."""

from enum import StrEnum


class SigningChoice(StrEnum):
    """The values are promises (CONTRACT: settings)."""

    OWN_SERVER = "own_server"  # the tenant's server signs; we leave the message unsigned
    PLATFORM = "platform"  # we sign before handing over
    NONE = "none"  # nobody signs, as far as we know
