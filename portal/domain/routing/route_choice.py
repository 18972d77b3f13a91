"""Which routes a message may take, in which order, and why (DESIGN sections 2 and 4)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.mail.notification_kinds import NotificationKind
from portal.domain.routing.attempt_history import NO_HISTORY, History
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.fault_traits import TRAITS, Fault, SameRoute
from portal.domain.routing.route_health import RouteHealth
from portal.domain.routing.smtp_route import SmtpRoute, Via

_REFUSED_FOR_GOOD: Final = tuple(
    fault for fault, traits in TRAITS.items() if traits.same_route is SameRoute.NO_MORE and traits.may_fall_back
)
_WHILE_PROBED: Final = timedelta(seconds=30)
"""How long a message waits for the outcome of a probe whose time has come."""


class Because(StrEnum):
    """Why a route is on the list."""

    TENANT_ROUTE = "tenant_route"
    PLATFORM_ONLY = "platform_only"  # it tells of the tenant's own route or of an account
    NO_OWN_SERVER = "no_own_server"
    TURNED_OFF = "turned_off"
    FELL_BACK = "fell_back"  # the route before it failed in this attempt
    REFUSED_BEFORE = "refused_before"  # the tenant's server has refused this message for good in an earlier attempt
    UNHEALTHY = "unhealthy"  # the tenant's server is known to fail, so it is not asked
    SAME_ROUTE_AGAIN = "same_route_again"  # this route may have taken the message already


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """The ways a tenant's mail could go at this moment.

    Attributes:
        tenant: The active version of the tenant's own server, None when there is none.
        platform: The platform's route for tenants without a server of their own.
        fallback: The platform's route with the fallback identity, where the tenant's server could not take it.
        turned_off: The tenant's toggle: off means the platform's route under every policy.
    """

    tenant: SmtpRoute | None
    platform: SmtpRoute
    fallback: SmtpRoute
    policy: FallbackPolicy
    turned_off: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A route and why it is taken."""

    route: SmtpRoute
    because: Because


def routes_to_try(
    options: RouteOptions,
    kind: NotificationKind,
    *,
    own_server_healthy: bool = True,
    history: History = NO_HISTORY,
) -> tuple[Choice, ...]:
    """The routes of one attempt in their order; never empty, at most two.

    Args:
        own_server_healthy: What the breaker says of the tenant's route version.
        history: Earlier attempts of this message: a server that refused it for good is not asked again while
            another may take it, and what the platform may have taken already goes to the platform again.
    """
    if kind.platform_only:
        return (Choice(options.platform, Because.PLATFORM_ONLY),)
    if options.tenant is None:
        return (Choice(options.platform, Because.NO_OWN_SERVER),)
    if options.turned_off:
        return (Choice(options.platform, Because.TURNED_OFF),)
    own = Choice(options.tenant, Because.TENANT_ROUTE)
    if not _may_fall_back(options, kind):
        return (own,)
    if why := _passes_over(options.tenant, history, healthy=own_server_healthy):
        return (Choice(options.fallback, why),)
    return own, Choice(options.fallback, Because.FELL_BACK)


@dataclass(frozen=True, slots=True)
class Wait:
    """A message waits without a conversation, until a time that is after now."""

    until: datetime

    @property
    def sentence(self) -> str:
        """Why, for the message's decision list."""
        return (
            "It waits because the tenant's own server has been failing and no other route may be used. "
            f"The server is tried again at {self.until:%Y-%m-%d %H:%M:%S} {self.until.tzname()}."
        )


def held_until(
    options: RouteOptions, kind: NotificationKind, own_server: RouteHealth | None, *, now: datetime
) -> Wait | None:
    """Whether a message has to wait; None when it may go.

    It waits where the tenant's server is known to fail and no other route may be used: one probe finds out whether it
    is back, not every message anew, which would lock accounts (FAILURES section 1).

    Args:
        own_server: What the breaker says of the tenant's route version; None where nothing is known.
    """
    if own_server is None or not own_server.is_open:
        return None
    if kind.platform_only or options.tenant is None or options.turned_off or _may_fall_back(options, kind):
        return None
    return Wait(max(own_server.probe_at or now, now + _WHILE_PROBED))


def _may_fall_back(options: RouteOptions, kind: NotificationKind) -> bool:
    return kind.may_fall_back and options.policy.allows(is_security_mail=kind.is_security)


def _passes_over(tenant: SmtpRoute, history: History, *, healthy: bool) -> Because | None:
    if not history.attempts:
        return None if healthy else Because.UNHEALTHY
    last = history.last
    if last and last.fault is Fault.AMBIGUOUS and last.via is not Via.TENANT:
        return Because.SAME_ROUTE_AGAIN
    on_own = history.on(tenant)
    if on_own.ending(*_REFUSED_FOR_GOOD).tries or on_own.ending(Fault.AMBIGUOUS).tries > 1:
        return Because.REFUSED_BEFORE
    return None if healthy else Because.UNHEALTHY


_SENTENCES: Final = {
    Because.TENANT_ROUTE: "Goes through {tenant}'s own server.",
    Because.PLATFORM_ONLY: "Sent through the platform, as is all mail about {tenant}'s own server or an account.",
    Because.NO_OWN_SERVER: "Sent through the platform because {tenant} has no server of its own.",
    Because.TURNED_OFF: "Sent through the platform because {tenant}'s own server is turned off.",
    Because.FELL_BACK: "Sent through the platform because {tenant}'s own server could not take it{reason}.",
    Because.REFUSED_BEFORE: "Sent through the platform because {tenant}'s own server did not take it before{reason}.",
    Because.UNHEALTHY: "Sent through the platform because {tenant}'s own server has been failing.",
    Because.SAME_ROUTE_AGAIN: "Sent through the platform again because it may have taken the message already.",
}


def sentence(because: Because, *, tenant: str, reason: str = "") -> str:
    """Why the route was taken, for the message's decision list.

    Args:
        tenant: The tenant's name.
        reason: What the other route's fault was, e.g. ``"it refused the sign-in"``; used where one route follows
            another.
    """
    return _SENTENCES[because].format(tenant=tenant, reason=f": {reason}" if reason else "")
