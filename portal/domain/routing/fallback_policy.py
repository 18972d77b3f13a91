"""When a tenant's mail may leave through the platform because the tenant's own server cannot take it."""

from enum import StrEnum


class FallbackPolicy(StrEnum):
    """The values are promises (CONTRACT: settings)."""

    ALWAYS = "always"
    SECURITY = "security"  # sign-in codes, recovery and the like only
    NEVER = "never"  # hold and retry until the message's lifetime ends

    def allows(self, *, is_security_mail: bool) -> bool:
        if self is FallbackPolicy.SECURITY:
            return is_security_mail
        return self is FallbackPolicy.ALWAYS
