"""The classes of failure and what is done about each (FAILURES section 1)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """Our reading of a server's answer, or of its silence. The values are promises (CONTRACT: Python)."""

    OK = "OK"
    ROUTE_AUTH = "ROUTE_AUTH"  # credentials or mechanism refused
    ROUTE_CERT = "ROUTE_CERT"  # certificate or TLS version
    ROUTE_SENDER = "ROUTE_SENDER"  # this route may not send in this name
    ROUTE_PERM = "ROUTE_PERM"  # any other lasting refusal of us
    ROUTE_PROTOCOL = "ROUTE_PROTOCOL"  # what answers does not follow SMTP
    ROUTE_TEMP = "ROUTE_TEMP"  # not reached, or not now
    RATE = "RATE"  # too fast, or a quota is used up
    RCPT_PERM = "RCPT_PERM"  # this recipient is wrong
    RCPT_TEMP = "RCPT_TEMP"  # this recipient, not now
    MSG_PERM = "MSG_PERM"  # this content, size or syntax
    AMBIGUOUS = "AMBIGUOUS"  # the end of the content was written, no valid final reply was read

    @property
    def traits(self) -> "FaultTraits":
        return TRAITS[self]


class SameRoute(StrEnum):
    """What happens to the message on the route that failed."""

    DONE = "done"
    NO_MORE = "no more for this message"
    QUICK_RETRY = "next address, then one quick retry; bulk mail for 15 minutes"
    BACK_OFF = "back-off"
    RECIPIENT_SCHEDULE = "1, 5, 15, 30 minutes, 1 hour, up to 24 hours"
    ONE_LATE_COPY = "one retry, same Message-ID, at least 60 seconds later"


class Fallback(StrEnum):
    """When the platform's route may take over, where the tenant's policy allows it."""

    NEVER = "never"
    AT_ONCE = "at once"
    AFTER_RETRIES = "after the retries"
    AFTER_PATIENCE = "when the message's patience ends"
    AFTER_SECOND = "after a second ambiguous end"


class End(StrEnum):
    """How the message ends by this fault alone."""

    SENT = "sent"
    FAILED = "failed"
    FAILED_AFTER_SCHEDULE = "failed after the schedule"
    OPEN = "open"  # goes on, by this route or the next


class Alert(StrEnum):
    """When the tenant's admins are told."""

    NEVER = "never"
    AT_ONCE = "at once"
    WHEN_UNHEALTHY = "when unhealthy for more than 10 minutes"
    WHEN_LASTING = "when it lasts for more than 1 hour, or is a daily quota"
    APPLICATION = "as an event of the application"
    ABOVE_SHARE = "when more than 1 % in an hour"


@dataclass(frozen=True, slots=True)
class HealthRule:
    """How a fault wears a route down. Counted for each route version, so that saving the settings starts anew.

    Attributes:
        in_a_row: So many of this class in a row make the route unhealthy.
        first_probe: How long after that the route is tried again for the first time.
        last_probe: Each failed trial doubles the wait, up to this.
    """

    in_a_row: int
    first_probe: timedelta
    last_probe: timedelta


@dataclass(frozen=True, slots=True)
class FaultTraits:
    """One row of FAILURES section 1.

    Attributes:
        health: None where the fault says nothing about the route: what a recipient or a message did must never
            stop a tenant's mail (THREATS 33).
        action: What is done, as a sentence for ``explain-reply``.
    """

    same_route: SameRoute
    fallback: Fallback
    end: End
    health: HealthRule | None
    alert: Alert
    action: str

    @property
    def may_fall_back(self) -> bool:
        return self.fallback is not Fallback.NEVER

    @property
    def final(self) -> bool:
        """Whether the message is over at once."""
        return self.end in {End.SENT, End.FAILED}

    @property
    def counts_against_health(self) -> bool:
        return self.health is not None


_SLOW: Final = (timedelta(minutes=15), timedelta(hours=6))  # signing in more often could lock the account
_FAST: Final = (timedelta(minutes=1), timedelta(minutes=30))

TRAITS: Final = {
    Fault.OK: FaultTraits(
        SameRoute.DONE, Fallback.NEVER, End.SENT, None, Alert.NEVER, "The message is sent. Nothing more is done."
    ),
    Fault.ROUTE_AUTH: FaultTraits(
        SameRoute.NO_MORE,
        Fallback.AT_ONCE,
        End.OPEN,
        HealthRule(2, *_SLOW),
        Alert.AT_ONCE,
        "The sign-in is not tried again for this message; the platform takes over at once if the policy allows it.",
    ),
    Fault.ROUTE_CERT: FaultTraits(
        SameRoute.NO_MORE,
        Fallback.AT_ONCE,
        End.OPEN,
        HealthRule(1, *_SLOW),
        Alert.AT_ONCE,
        "The connection is not trusted, so nothing is sent over it; "
        "the platform takes over at once if the policy allows it.",
    ),
    Fault.ROUTE_SENDER: FaultTraits(
        SameRoute.NO_MORE,
        Fallback.AT_ONCE,
        End.OPEN,
        HealthRule(2, *_SLOW),
        Alert.AT_ONCE,
        "The server does not let us send in this name; the platform takes over at once if the policy allows it.",
    ),
    Fault.ROUTE_PERM: FaultTraits(
        SameRoute.NO_MORE,
        Fallback.AT_ONCE,
        End.OPEN,
        HealthRule(2, *_SLOW),
        Alert.AT_ONCE,
        "The server will not have us; the platform takes over at once if the policy allows it.",
    ),
    Fault.ROUTE_PROTOCOL: FaultTraits(
        SameRoute.NO_MORE,
        Fallback.AT_ONCE,
        End.OPEN,
        HealthRule(3, *_SLOW),
        Alert.AT_ONCE,
        "What answers there does not follow SMTP; the platform takes over at once if the policy allows it.",
    ),
    Fault.ROUTE_TEMP: FaultTraits(
        SameRoute.QUICK_RETRY,
        Fallback.AFTER_RETRIES,
        End.OPEN,
        HealthRule(5, *_FAST),
        Alert.WHEN_UNHEALTHY,
        "Tried once more after 2 seconds (bulk mail: for 15 minutes); "
        "then the platform takes over if the policy allows it.",
    ),
    Fault.RATE: FaultTraits(
        SameRoute.BACK_OFF,
        Fallback.AFTER_PATIENCE,
        End.OPEN,
        None,
        Alert.WHEN_LASTING,
        "Sent more slowly on the same route; the platform takes over only when the message's patience ends "
        "(security mail 60 seconds, other mail 30 minutes) and the policy allows it.",
    ),
    Fault.RCPT_PERM: FaultTraits(
        SameRoute.NO_MORE,
        Fallback.NEVER,
        End.FAILED,
        None,
        Alert.NEVER,
        "The message fails for this recipient. No other route would change that.",
    ),
    Fault.RCPT_TEMP: FaultTraits(
        SameRoute.RECIPIENT_SCHEDULE,
        Fallback.NEVER,
        End.FAILED_AFTER_SCHEDULE,
        None,
        Alert.NEVER,
        "Tried again on the same route after 1, 5, 15 and 30 minutes, 1 hour and so on for up to 24 hours; "
        "then it fails for this recipient.",
    ),
    Fault.MSG_PERM: FaultTraits(
        SameRoute.NO_MORE,
        Fallback.NEVER,
        End.FAILED,
        None,
        Alert.APPLICATION,
        "The message fails, because the server refused its content, size or form.",
    ),
    Fault.AMBIGUOUS: FaultTraits(
        SameRoute.ONE_LATE_COPY,
        Fallback.AFTER_SECOND,
        End.OPEN,
        HealthRule(5, *_FAST),
        Alert.ABOVE_SHARE,
        "The server may have accepted it: tried once more on the same route, with the same Message-ID, "
        "at least 60 seconds later.",
    ),
}
