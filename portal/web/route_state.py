"""Where a tenant's mail goes at this moment, told honestly."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fallback_policy import FallbackPolicy

_UNTAKEN: Final = {
    FallbackPolicy.ALWAYS: "What it does not take leaves through the platform.",
    FallbackPolicy.SECURITY: "Security mail that it does not take leaves through the platform, the rest is held.",
    FallbackPolicy.NEVER: "What it does not take is held and tried again.",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the own server, or the way to it, answered to the last message."""

    at: datetime
    said: str


class Proof(StrEnum):
    """What a test has shown of a version of the settings."""

    PROVEN = "proven"
    FAILED = "failed"
    UNTESTED = "not tested"


@dataclass(frozen=True, slots=True)
class Version:
    """A numbered version of the settings and what is known of it."""

    number: int
    settings: EmailSettings
    proof: Proof


@dataclass(frozen=True, slots=True)
class RouteState:
    """The state as the page's head shows it.

    Attributes:
        enabled: The tenant's switch.
        since: When it last changed between on, off and another version; None if never.
        platform_sender: Whose name mail carries that goes through the platform.
        trouble: Why the own server did not take the last message it was given, or None when it did.
    """

    enabled: bool
    active: Version | None
    draft: Version | None
    since: datetime | None
    platform_sender: str
    trouble: Trouble | None = None

    @property
    def sends(self) -> bool:
        """Whether the tenant's own server is in use."""
        return self.enabled and self.active is not None

    @property
    def title(self) -> str:
        if self.sends:
            return "Active, failing" if self.trouble else "Active"
        return "Turned off" if self.active else "Off"

    @property
    def sentence(self) -> str:
        if self.active is None:
            return f"Mail goes through the platform as {self.platform_sender}."
        if not self.enabled:
            return f"Turned off: mail goes through the platform as {self.platform_sender}."
        proof = "" if self.active.proof is Proof.PROVEN else " No test has shown yet that it works."
        settings = self.active.settings
        trouble = ""
        if self.trouble:
            trouble = (
                f" It did not take the last message, at {self.trouble.at:%H:%M} UTC: {self.trouble.said}. "
                f"{_UNTAKEN[settings.fallback]}"
            )
        return f"Mail goes through {settings.endpoint} as {settings.from_address}.{proof}{trouble}"

    @property
    def draft_title(self) -> str:
        if self.draft is None:
            return ""
        return {
            Proof.PROVEN: "Draft, tested",
            Proof.FAILED: "Draft, test failed",
            Proof.UNTESTED: "Draft, not tested",
        }[self.draft.proof]

    @property
    def meanwhile(self) -> str:
        """What carries the mail while a draft is not active."""
        if self.sends and self.active:
            return f"version {self.active.number} goes on sending"
        return f"mail goes on through the platform as {self.platform_sender}"
