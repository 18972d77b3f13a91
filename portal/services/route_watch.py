"""Routes that fail: who tries them again, who is told, and what follows when they work again.

Every worker asks ``due()`` from time to time. A route's row says when somebody has to look at it; whoever locks it
does so, and the others pass it by.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal.crypto.vault import CannotOpenError, Vault
from portal.domain.ids import TenantId
from portal.domain.routing import route_alerts as alerts
from portal.domain.routing.fault_traits import TRAITS, Fault
from portal.domain.routing.smtp_route import SmtpRoute
from portal.services import credentials, route_states
from portal.services.route_alerts import RouteAlerts
from portal.services.route_states import RouteCondition
from portal.services.routes import Platform
from portal.storage import email_settings, lanes, organisations, outbox, wake_ups
from portal.storage import route_states as stored
from portal.storage.database import Database
from portal.storage.email_settings import EmailSettingsRow
from portal.storage.organisations import TenantRow
from portal.storage.route_states import RouteStateRow

_PROBE_LEASE: Final = timedelta(minutes=2)
"""How long a probe may take before another worker tries instead."""
_KEYS_MAY_BE_BACK: Final = timedelta(minutes=1)
_WAITED_FOR_THE_ROUTE: Final = tuple(
    fault for fault, traits in TRAITS.items() if traits.counts_against_health and fault is not Fault.AMBIGUOUS
)
"""How the last attempt of a message ended that need not wait longer once its route works: not those that the server
may have taken, for which FAILURES section 4 names a time."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Concerned:
    """Whose lanes are locked before any route is.

    Attributes:
        released: Tenants whose waiting messages need not wait for their route any longer.
        told: Tenants whose admins get mail.
    """

    released: frozenset[TenantId]
    told: frozenset[TenantId]

    @property
    def all(self) -> list[TenantId]:
        return sorted(self.released | self.told)


@dataclass(frozen=True, slots=True)
class RouteWatch:
    """Looks after routes that are not well."""

    database: Database
    vault: Vault
    platform: Platform
    alerts: RouteAlerts

    def due(self, now: datetime, *, most: int = 20) -> list[SmtpRoute]:
        """Do what is due about routes, and hand out those whose trial begins now.

        Admins are told of failures and recoveries, what waited for a route that works again is let go, and what is
        known of a version that was replaced or turned off is forgotten.

        Returns:
            Routes for the caller to try: sign in, say NOOP, and tell ``probed()`` within two minutes. After that
            another worker tries.
        """
        concerned = self._concerned(now, most)
        if concerned is None:
            return []
        with self.database.transaction() as session:
            # Lanes are locked before messages, both before routes, and a route that is locked is passed by: whoever
            # writes an outcome holds messages while waiting for a route.
            if concerned.all:
                lanes.touch(session, dict.fromkeys(concerned.all, now))
            for tenant_id in sorted(concerned.released):
                outbox.try_again_now(session, tenant_id, ended_with=_WAITED_FOR_THE_ROUTE, now=now)
                wake_ups.announce(session, tenant_id)
            rows = stored.to_look_at(session, now=now, most=most)
            looked_at = [self._look_at(session, row, concerned, now) for row in rows]
            return [route for route in looked_at if route is not None]

    def probed(self, route: SmtpRoute, *, fault: Fault, said: str, now: datetime) -> RouteCondition:
        """Note how a trial has ended.

        What follows of a recovery is done by the next ``due()`` of any worker, for which the route is due at once.

        Args:
            fault: OK when sign-in and NOOP have worked.
            said: The server's words, or what happened instead of any.

        Returns:
            What is known from now on.
        """
        with self.database.transaction() as session:
            return route_states.record_probe(session, route, fault=fault, said=said, now=now)

    def _concerned(self, now: datetime, most: int) -> _Concerned | None:
        """Who is concerned by what is due, read without a lock; None when nothing is due."""
        with self.database.reading() as session:
            rows = stored.due_to_look_at(session, now=now, most=most)
            if not rows:
                return None
            found = [(TenantId(row.tenant_id), RouteCondition.of(row)) for row in rows if row.tenant_id is not None]
        return _Concerned(
            frozenset(tenant_id for tenant_id, known in found if known.recovery and known.recovery.releases),
            frozenset(tenant_id for tenant_id, known in found if _is_to_be_told(known, now)),
        )

    def _look_at(self, session: Session, row: RouteStateRow, concerned: _Concerned, now: datetime) -> SmtpRoute | None:
        known = RouteCondition.of(row)
        if row.tenant_id is None:
            return self._look_at_platform(row, known, now)
        tenant_id = TenantId(row.tenant_id)
        tenant = organisations.tenant(session, tenant_id)
        version = email_settings.version(session, tenant_id, row.version)
        if version is None or tenant.active_version != row.version:
            session.delete(row)
            return None
        if not tenant.smtp_enabled:
            # To turn it on again is a new beginning; that its admins were told today still holds.
            route_states.write(row, RouteCondition(known.key, told=known.told), now)
            return None
        if tenant_id in concerned.all:
            known = self._told(session, tenant, version, known, now)
        if tenant_id in concerned.released and known.recovery:
            known = replace(known, recovery=None)
        return self._on_trial(session, row, version, known, now)

    def _told(
        self, session: Session, tenant: TenantRow, version: EmailSettingsRow, known: RouteCondition, now: datetime
    ) -> RouteCondition:
        while (fault := alerts.alert_due(known.health, known.pace, known.told, now)) is not None:
            self.alerts.tell_of_failure(session, tenant, version, known, fault=fault, now=now)
            known = replace(known, told={**known.told, fault: now})
        if known.recovery and known.recovery.tell:
            self.alerts.tell_of_recovery(session, tenant, version, recovered_at=known.recovery.at, now=now)
            releases = known.recovery.releases
            known = replace(known, recovery=replace(known.recovery, tell=False) if releases else None)
        return known

    def _on_trial(
        self, session: Session, row: RouteStateRow, version: EmailSettingsRow, known: RouteCondition, now: datetime
    ) -> SmtpRoute | None:
        """Take the route's trial, if one is due."""
        tried = replace(known, health=known.health.begin_probe(now, _PROBE_LEASE))
        route: SmtpRoute | None = None
        if tried.health is not known.health:
            try:
                password = credentials.open_for(session, self.vault, version)
            except CannotOpenError as error:
                # The installation's keys are at fault, not the route: it stays as it is until they are back.
                _log.error("a route cannot be tried", route=known.key, error=str(error))
                route_states.write(row, known, now)
                row.look_at = now + _KEYS_MAY_BE_BACK
                return None
            route = self.platform.tenant_route(
                TenantId(row.tenant_id or ""), version.version, version.settings, password
            )
        route_states.write(row, tried, now)
        return route

    def _look_at_platform(self, row: RouteStateRow, known: RouteCondition, now: datetime) -> SmtpRoute | None:
        """The operator is told by the log: mail about the route that carries such mail would not arrive."""
        while (fault := alerts.alert_due(known.health, known.pace, known.told, now)) is not None:
            _log.error("the platform's own mail server does not take mail as it should", fault=fault.value)
            known = replace(known, told={**known.told, fault: now})
        if known.recovery and known.recovery.tell:
            _log.warning("the platform's own mail server takes mail again", since=known.recovery.at.isoformat())
        tried = replace(known, health=known.health.begin_probe(now, _PROBE_LEASE), recovery=None)
        route_states.write(row, tried, now)
        return None if tried.health is known.health else self.platform.route(self.platform.identity)


def _is_to_be_told(known: RouteCondition, now: datetime) -> bool:
    if known.recovery and known.recovery.tell:
        return True
    return alerts.alert_due(known.health, known.pace, known.told, now) is not None
