"""What happens to a route: attempts with mail and trials, second by second, and its health after them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.route_health import RouteHealth

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)
HEALTHY = RouteHealth()


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Mail:
    """An attempt with mail, so many seconds after the start."""

    second: float
    fault: Fault
    said: str = ""
    new_connection: bool = True


@dataclass(frozen=True)
class Probe:
    """A trial that ends in the second in which it has begun."""

    second: float
    fault: Fault
    said: str = ""
    carried_mail: bool = False


def each_second(*faults: Fault) -> tuple[Mail, ...]:
    return tuple(Mail(second, fault) for second, fault in enumerate(faults))


def lived(*events: Mail | Probe, health: RouteHealth = HEALTHY) -> RouteHealth:
    for event in events:
        now = at(event.second)
        match event:
            case Mail(_, fault, said, new):
                health = health.after(fault, now, said, new_connection=new)
            case Probe(_, fault, said, carried_mail):
                assert health.probe_is_due(now), f"no trial is due in second {event.second}"
                health = health.begin_probe(now, LEASE).after_probe(fault, now, said, carried_mail=carried_mail)
    return health
