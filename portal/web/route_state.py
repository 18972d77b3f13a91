"""Where a tenant's mail goes at this moment, told honestly."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.platform_quota import Quota, Use

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


@dataclass(frozen=True, slots=True)
class Outage:
    """The own server is known to fail, so that messages do not ask it.

    Attributes:
        next_trial: When it is tried again by itself.
    """

    since: datetime
    next_trial: datetime


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
        outage: Set while messages pass the own server by, or wait for it.
        used: What the tenant has used of the platform's sender in this hour, security mail apart.
    """

    enabled: bool
    active: Version | None
    draft: Version | None
    since: datetime | None
    platform_sender: str
    trouble: Trouble | None
    outage: Outage | None
    used: Use
    quota: Quota

    @property
    def sends(self) -> bool:
        """Whether the tenant's own server is in use."""
        return self.enabled and self.active is not None

    @property
    def is_failing(self) -> bool:
        return self.sends and bool(self.trouble or self.outage)

    @property
    def title(self) -> str:
        if self.sends:
            return "Active, failing" if self.is_failing else "Active"
        return "Turned off" if self.active else "Off"

    @property
    def sentence(self) -> str:
        if self.active is None:
            return f"Mail goes through the platform as {self.platform_sender}."
        if not self.enabled:
            return f"Turned off: mail goes through the platform as {self.platform_sender}."
        if self.outage:
            return self._failing_sentence(self.active.settings, self.outage)
        proof = "" if self.active.proof is Proof.PROVEN else " No test has shown yet that it works."
        settings = self.active.settings
        trouble = ""
        if self.trouble:
            trouble = (
                f" It did not take the last message, at {self.trouble.at:%H:%M} UTC: {self.trouble.said}. "
                f"{_UNTAKEN[settings.fallback]}"
            )
        return f"Mail goes through {settings.endpoint} as {settings.from_address}.{proof}{trouble}"

    def _failing_sentence(self, settings: EmailSettings, outage: Outage) -> str:
        since = f"since {_time(outage.since)}, because {settings.endpoint} has been failing"
        where = {
            FallbackPolicy.ALWAYS: f"Mail goes through the platform as {self.platform_sender} {since}.",
            FallbackPolicy.SECURITY: (
                f"Security mail goes through the platform as {self.platform_sender} {since}; the rest is held."
            ),
            FallbackPolicy.NEVER: f"Mail is held {since}.",
        }[settings.fallback]
        said = f" The last message met: {self.trouble.said}." if self.trouble else ""
        return f"{where}{said} The server is tried again by itself, next at {_time(outage.next_trial)}."

    @property
    def usage(self) -> str:
        """How much of the platform's sender is used up in this hour; empty where there is nothing to tell."""
        if not self.sends:
            return f"{self.used.own:,} of {self.quota.platform_hourly:,} messages this hour"
        if self.used.fallback:
            return f"{self.used.fallback:,} of {self.quota.fallback_hourly:,} messages this hour"
        return ""

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


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
