"""Where a tenant's mail goes at this moment, told honestly: the one table of states, and what each says."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.platform_quota import Quota, Use
from portal.web.local_time import local_text

_UNTAKEN: Final = {
    FallbackPolicy.ALWAYS: "What it does not take leaves through the platform.",
    FallbackPolicy.SECURITY: "Security mail that it does not take leaves through the platform, the rest is held.",
    FallbackPolicy.NEVER: "What it does not take is held and tried again.",
}


class Standing(StrEnum):
    """What carries the tenant's mail."""

    OFF = "off"  # no settings were activated yet
    TURNED_OFF = "turned_off"
    DELIVERING = "delivering"
    UNPROVEN = "unproven"  # active, and neither a test nor a message has shown that it works
    ANSWERING = "answering"  # an outage ended with a sign-in that worked; no message has been tried since
    FAILING = "failing"  # the last message met a fault of the route; the next one tries it again
    USING_PLATFORM = "using_platform"  # known to fail, and the policy lets mail through the platform
    HOLDING = "holding"  # known to fail, and mail is held


class Proof(StrEnum):
    """What a test has shown of a version of the settings."""

    PROVEN = "proven"
    FAILED = "failed"
    UNTESTED = "not tested"


class Look(NamedTuple):
    """How a state shows: its word, and the tone of its colour (templates/macros/looks.html)."""

    title: str
    tone: str


LOOKS: Final = MappingProxyType(
    {
        Standing.OFF: Look("Off", "neutral"),
        Standing.TURNED_OFF: Look("Turned off", "neutral"),
        Standing.DELIVERING: Look("Active, delivering", "good"),
        Standing.UNPROVEN: Look("Active, not proven since the last change", "caution"),
        Standing.ANSWERING: Look("Active, answering again", "caution"),
        Standing.FAILING: Look("Active, failing", "bad"),
        Standing.USING_PLATFORM: Look("Active, failing, using the platform", "bad"),
        Standing.HOLDING: Look("Active, failing, holding mail", "bad"),
    }
)
DRAFT_LOOKS: Final = MappingProxyType(
    {
        Proof.UNTESTED: Look("Draft, not tested", "caution"),
        Proof.FAILED: Look("Draft, test failed", "bad"),
        Proof.PROVEN: Look("Ready", "good"),
    }
)


@dataclass(frozen=True, slots=True)
class LastMessage:
    """How the last message that was tried over the own server fared.

    Attributes:
        is_trouble: Whether the server, or the way to it, was at fault.
        said: What it answered.
    """

    at: datetime
    is_trouble: bool
    said: str


@dataclass(frozen=True, slots=True)
class Outage:
    """The own server is known to fail, so that messages do not ask it.

    Attributes:
        next_trial: When it is tried again by itself.
    """

    since: datetime
    next_trial: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """A numbered version of the settings and what is known of it.

    Attributes:
        since: Since when ``proof`` holds: when it was tested, or else saved.
    """

    number: int
    settings: EmailSettings
    proof: Proof
    since: datetime


@dataclass(frozen=True, slots=True)
class RouteState:
    """The state as the page's head shows it.

    Attributes:
        changed_at: When the route was last changed: activated, turned on or off; or when the tenant came to be.
        platform_sender: Whom readers see on mail through the platform.
        let_in_at: When the last outage ended: by a trial that could sign in, or by mail that was accepted.
        waiting: How many messages wait to be sent; counted up to ``most_counted``.
    """

    enabled: bool
    active: Version | None
    draft: Version | None
    changed_at: datetime
    platform_sender: str
    last: LastMessage | None
    outage: Outage | None
    used: Use
    quota: Quota
    let_in_at: datetime | None = None
    waiting: int = 0
    most_counted: int = 1000

    @property
    def standing(self) -> Standing:
        if self.active is None:
            return Standing.OFF
        if not self.enabled:
            return Standing.TURNED_OFF
        if self.outage:
            is_carried = self.active.settings.fallback is FallbackPolicy.ALWAYS
            return Standing.USING_PLATFORM if is_carried else Standing.HOLDING
        if self.last and self.last.is_trouble:
            is_older = self.let_in_at is not None and self.last.at < self.let_in_at
            return Standing.ANSWERING if is_older else Standing.FAILING
        if self.last:
            return Standing.DELIVERING
        return Standing.DELIVERING if self.active.proof is Proof.PROVEN else Standing.UNPROVEN

    @property
    def look(self) -> Look:
        return LOOKS[self.standing]

    @property
    def title(self) -> str:
        return self.look.title

    @property
    def sends(self) -> bool:
        """Whether the tenant's own server is in use."""
        return self.enabled and self.active is not None

    @property
    def is_failing(self) -> bool:
        return self.look.tone == "bad"

    @property
    def since(self) -> datetime:
        """Since when the state is what it is."""
        if self.sends and self.outage:
            return self.outage.since
        if self.standing is Standing.ANSWERING and self.let_in_at:
            return self.let_in_at
        if self.standing is Standing.FAILING and self.last:
            return self.last.at
        return self.changed_at

    @property
    def sentence(self) -> str:
        """What happens to mail now."""
        if self.active is None:
            return f"Mail goes through the platform as {self.platform_sender}."
        if not self.enabled:
            return f"Turned off: mail goes through the platform as {self.platform_sender}."
        if self.outage:
            return self._outage_sentence(self.active.settings, self.outage)
        settings = self.active.settings
        return f"Mail goes through {settings.endpoint} as {settings.from_address}. {self._news(settings)}".rstrip()

    def _news(self, settings: EmailSettings) -> str:
        """What is known of the own server while messages ask it."""
        if self.standing is Standing.UNPROVEN:
            return "No test has shown yet that it works, and it has accepted no message yet."
        if self.standing is Standing.ANSWERING and self.let_in_at:
            return (
                f"It failed, and let us sign in again at {local_text(self.let_in_at)}: the next message will show "
                f"whether it takes mail. {_UNTAKEN[settings.fallback]}"
            )
        if self.last is None:
            return ""
        at = local_text(self.last.at)
        if self.last.is_trouble:
            return f"It did not take the last message, at {at}: {self.last.said}. {_UNTAKEN[settings.fallback]}"
        return f"The last message was accepted at {at}."

    def _outage_sentence(self, settings: EmailSettings, outage: Outage) -> str:
        since = f"since {local_text(outage.since)}, because {settings.endpoint} has been failing"
        where = {
            FallbackPolicy.ALWAYS: f"Mail goes through the platform as {self.platform_sender} {since}.",
            FallbackPolicy.SECURITY: (
                f"Security mail goes through the platform as {self.platform_sender} {since}; the rest is held."
            ),
            FallbackPolicy.NEVER: f"Mail is held {since}.",
        }[settings.fallback]
        said = f" The last message met: {self.last.said}." if self.last and self.last.is_trouble else ""
        return f"{where}{said} The server is tried again by itself, next at {local_text(outage.next_trial)}."

    @property
    def usage(self) -> str:
        """How much of the platform's sender is used up in this hour; empty where there is nothing to tell."""
        if not self.sends:
            return f"{self.used.own:,} of {self.quota.platform_hourly:,} messages this hour"
        if self.used.fallback:
            return f"{self.used.fallback:,} of {self.quota.fallback_hourly:,} messages this hour"
        return ""

    @property
    def what_waits(self) -> str:
        """The queue, within a sentence about a change of the route."""
        if not self.waiting:
            return "what waits (nothing at the moment)"
        more = " or more" if self.waiting >= self.most_counted else ""
        return f"what waits ({self.waiting:,}{more} {'message' if self.waiting == 1 else 'messages'} at the moment)"

    @property
    def draft_look(self) -> Look | None:
        return DRAFT_LOOKS[self.draft.proof] if self.draft else None

    @property
    def draft_title(self) -> str:
        return self.draft_look.title if self.draft_look else ""

    @property
    def meanwhile(self) -> str:
        """What carries the mail while a draft is not active."""
        if self.sends and self.active:
            return f"version {self.active.number} goes on sending"
        return f"mail goes on through the platform as {self.platform_sender}"
