"""What the overview shows: the figures of the last 24 hours, in words that explain them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from sqlalchemy.orm import Session

from portal.domain.ids import TenantId
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.platform_quota import Budget
from portal.storage import traffic
from portal.storage.messages import MessageState
from portal.storage.traffic import HOUR, Hour, Outcome, Refusal, Waiting
from portal.web.local_time import zone, zone_name
from portal.web.message_labels import IN_SHORT
from portal.web.route_state import RouteState
from portal.web.traffic_chart import Chart, chart_of

_HOURS: Final = 24
_LONGEST_WORDS: Final = 60
_FEW: Final = 3
_BAD_RECIPIENTS: Final = ("bad recipient", "bad recipients")
_REJECTED: Final = ("rejected", "rejected")
_BY_FAULT: Final[Mapping[Fault | None, tuple[str, str]]] = {
    Fault.RCPT_PERM: _BAD_RECIPIENTS,
    Fault.RCPT_TEMP: _BAD_RECIPIENTS,
    Fault.MSG_PERM: _REJECTED,
}
_BY_STATE: Final = {
    MessageState.EXPIRED: ("expired", "expired"),
    MessageState.QUARANTINED: ("set aside", "set aside"),
    MessageState.CANCELLED: ("cancelled", "cancelled"),
}
_OTHERS: Final = ("for another reason", "for other reasons")


@dataclass(frozen=True, slots=True)
class Share:
    """How much of an hour's quota is used."""

    used: int
    limit: int
    budget: Budget

    @property
    def shown(self) -> int:
        """For a bar, which cannot be more than full."""
        return min(self.used, self.limit)


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of one tenant.

    Attributes:
        hours: The last 24 by the clock, the one now running among them.
        failures: Messages that ended without being sent, by state and last fault.
        timed: How many messages, the newest of those sent, the next two are about.
        median: Seconds until a server accepted a message, and ``p95`` for 95 of 100; None when none was sent.
        refusal: Why the newest message that fell back did so, where that is on record.
        has_mail: Whether there was ever a message.
    """

    hours: tuple[Hour, ...]
    failures: Mapping[tuple[MessageState, Fault | None], int]
    timed: int
    median: float | None
    p95: float | None
    refusal: Refusal | None
    waiting: Waiting
    has_mail: bool
    state: RouteState

    @classmethod
    def read(cls, session: Session, tenant_id: TenantId, state: RouteState, *, now: datetime) -> Self:
        since = now.replace(minute=0, second=0, microsecond=0) - (_HOURS - 1) * HOUR
        until = since + _HOURS * HOUR
        hours = traffic.hours(session, tenant_id, since=since, count=_HOURS)
        sent = sum(hour.outcomes[Outcome.SENT] + hour.outcomes[Outcome.FALLBACK] for hour in hours)
        timed = min(sent, traffic.MOST_TIMED)
        middle, late = -(-timed // 2), -(-timed * 95 // 100)
        seconds = (
            traffic.seconds_to_accept(session, tenant_id, since=since, until=until, places={middle, late})
            if sent
            else {}
        )
        any_failed = any(hour.outcomes[Outcome.FAILED] for hour in hours)
        fell_back = any(hour.outcomes[Outcome.FALLBACK] for hour in hours)
        return cls(
            hours=hours,
            failures=traffic.failures(session, tenant_id, since=since, until=until) if any_failed else {},
            timed=timed,
            median=seconds.get(middle),
            p95=seconds.get(late),
            refusal=traffic.last_refusal(session, tenant_id, since=since, until=until) if fell_back else None,
            waiting=traffic.waiting(session, tenant_id),
            has_mail=traffic.has_any(session, tenant_id),
            state=state,
        )

    def total(self, outcome: Outcome) -> int:
        return sum(hour.outcomes[outcome] for hour in self.hours)

    @property
    def since(self) -> datetime:
        return self.hours[0].start

    @property
    def fallback(self) -> int:
        return self.total(Outcome.FALLBACK)

    @property
    def sent(self) -> int:
        """All that was accepted, whichever way."""
        return self.total(Outcome.SENT) + self.fallback

    @property
    def failed(self) -> int:
        return self.total(Outcome.FAILED)

    @property
    def first_try_note(self) -> str:
        if not self.sent:
            return "nothing yet"
        # Rounded down: 100 % is said only when it is true.
        tenths = sum(hour.first_try for hour in self.hours) * 1000 // self.sent
        return "all on the first try" if tenths == 1000 else f"{tenths / 10:.1f} % on the first try"

    @property
    def fallback_note(self) -> str:
        """When, and why in short."""
        first = min((hour.fallback_since for hour in self.hours if hour.fallback_since), default=None)
        last = max((hour.fallback_until for hour in self.hours if hour.fallback_until), default=None)
        if first is None or last is None:
            return "your own server took everything" if self.state.sends else "your own server is not in use"
        why = self.refusal.said if self.refusal and not self.refusal.answered else None
        if self.refusal and why is None:
            why = IN_SHORT[self.refusal.fault]
        return f"{_span(first, last)}, {(why or 'your server was failing')[:_LONGEST_WORDS]}"

    @property
    def failed_note(self) -> str:
        """How many of them for which reason, the most frequent first."""
        if not self.failed:
            return "nothing was lost"
        counted: Counter[tuple[str, str]] = Counter()
        for (state, fault), messages in self.failures.items():
            counted[_BY_STATE.get(state) or _BY_FAULT.get(fault, _OTHERS)] += messages
        return ", ".join(
            f"{messages:,} {one if messages == 1 else many}" for (one, many), messages in counted.most_common(_FEW)
        )

    @property
    def share(self) -> Share:
        """Of the platform's sender, in this hour: as a fallback, or as the way all mail goes."""
        budget = Budget.FALLBACK if self.state.sends else Budget.OWN
        return Share(self.state.used.of(budget), self.state.quota.limit(budget), budget)

    @property
    def chart(self) -> Chart:
        return chart_of(self.hours)


def duration(seconds: float) -> str:
    """A time somebody waited, as exactly as it matters: ``0.38 s``, ``12.4 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = timedelta(seconds=round(seconds))
    minutes, rest = divmod(int(whole.total_seconds()), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _span(first: datetime, last: datetime) -> str:
    start, end = (f"{at.astimezone(zone()):%H:%M}" for at in (first, last))
    return f"{start} {zone_name(last)}" if start == end else f"{start}–{end} {zone_name(last)}"
