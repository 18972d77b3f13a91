"""Which events of the audit log somebody asks for, as the page's address says it.

What makes no sense filters nothing, and is told beside its field.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from ipaddress import ip_address
from typing import Any, Final

from portal.domain.audit_events import AuditAction
from portal.storage.audit_log import AuditFilter
from portal.web.audit_labels import ACTIONS, GROUPS

NAMES: Final = ("event", "person", "from", "to", "network")
_YEARS: Final = range(2000, 3000)
_LONGEST: Final = 100
"""Characters of a parameter that are looked at and shown again."""


@dataclass(frozen=True, slots=True)
class AskedFilter:
    """The filters as they were asked for, and what they come to.

    Attributes:
        typed: By the parameter's name, as it came; "" for what was not asked.
        problems: By the parameter's name: why it filters nothing.
    """

    typed: Mapping[str, str]
    wanted: AuditFilter
    problems: Mapping[str, str]

    @property
    def in_force(self) -> dict[str, Any]:
        """What filters: the parameters of the addresses that go on from here."""
        return {name: text for name, text in self.typed.items() if text and name not in self.problems}


def read_filter(given: Mapping[str, str], *, actors: Collection[str], zone: tzinfo) -> AskedFilter:
    """Read the page's parameters.

    Args:
        given: The parameters of the address.
        actors: Who may be asked for: everybody in this tenant's log. Nobody else is looked for, let alone named.
        zone: In which the days of ``from`` and ``to`` begin.
    """
    typed = {name: given.get(name, "").strip()[:_LONGEST] for name in NAMES}
    problems: dict[str, str] = {}
    actions: frozenset[str] = frozenset()
    if event := typed["event"]:
        actions = _actions(event)
        if not actions:
            problems["event"] = "There is no such event, so that all are shown."
    if typed["person"] and typed["person"] not in actors:
        problems["person"] = "Nobody of that name has done anything here, so that everybody is shown."
    days: dict[str, date] = {}
    for name in ("from", "to"):
        if typed[name]:
            try:
                days[name] = _day(typed[name])
            except ValueError:
                problems[name] = "This is not a day, and was left out. Write it like 2026-11-20."
    if "from" in days and "to" in days and days["to"] < days["from"]:
        problems["to"] = "The last day lies before the first, and was left out."
        del days["to"]
    network = None
    if typed["network"]:
        try:
            network = _network(typed["network"])
        except ValueError:
            problems["network"] = "This is not an IP address, and was left out. Write it whole, like 203.0.113.7."
    wanted = AuditFilter(
        actions=actions,
        actor=(typed["person"] or None) if "person" not in problems else None,
        network=network,
        since=_midnight(days["from"], zone) if "from" in days else None,
        until=_midnight(days["to"] + timedelta(days=1), zone) if "to" in days else None,
    )
    return AskedFilter(typed, wanted, problems)


def _actions(event: str) -> frozenset[str]:
    """The events of a group, or the one of this name; none when there is neither."""
    if group := GROUPS.get(event):
        return frozenset(group.actions)
    return frozenset({AuditAction(event)}) if event in ACTIONS else frozenset()


def _network(text: str) -> str:
    if not text.isprintable():  # the zone of an IPv6 address may be anything, and PostgreSQL takes no NUL
        raise ValueError("no address of ours")
    return str(ip_address(text))


def _day(text: str) -> date:
    day = date.fromisoformat(text)
    if day.year not in _YEARS:
        raise ValueError("not a year of ours")
    return day


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)
