"""What the worker does besides sending: routes on trial, alerts, seals, and what is too old to keep."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Final

import structlog

from portal.domain.routing.smtp_route import SmtpRoute
from portal.services import retention
from portal.services.audit_seals import AuditChainBrokenError, AuditSeals
from portal.services.clock import Clock
from portal.services.delivery import Delivery
from portal.services.route_watch import RouteWatch
from portal.storage.database import Database, StorageError

_WATCH_SECONDS: Final = 1.0
_RETENTION_SECONDS: Final = 3600.0
SEAL_SECONDS: Final = 60.0
_BETWEEN_SWEEPS: Final = 0.2
_SWEPT_AT_ONCE: Final = 1000

_log = structlog.get_logger()


class PeriodicTasks:
    """Belongs to one event loop; what it asks the database is asked in a thread."""

    def __init__(
        self,
        watch: RouteWatch,
        delivery: Delivery,
        seals: AuditSeals,
        database: Database,
        clock: Clock,
        executor: Executor,
        *,
        retention_days: int,
    ) -> None:
        self._watch = watch
        self._seals = seals
        self._database = database
        self._retention_days = retention_days
        self._delivery = delivery
        self._clock = clock
        self._executor = executor
        self._trials: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await asyncio.gather(
                self._repeat(self._look_at_routes, every=_WATCH_SECONDS),
                self._repeat(self._sweep, every=_RETENTION_SECONDS),
                self._repeat(self._seal, every=SEAL_SECONDS),
            )
        finally:
            for trial in self._trials:
                trial.cancel()
            await asyncio.gather(*self._trials, return_exceptions=True)

    async def _repeat(self, task: Callable[[], Awaitable[None]], *, every: float) -> None:
        while True:
            try:
                await task()
            except StorageError as error:
                _log.warning("a periodic task waits for the database", task=task.__name__, error=str(error))
            except Exception:  # noqa: BLE001 - a defect in one task must not end the others
                _log.exception("a periodic task stopped by a defect", task=task.__name__)
            await asyncio.sleep(every)

    async def _look_at_routes(self) -> None:
        loop = asyncio.get_running_loop()
        for route in await loop.run_in_executor(self._executor, lambda: self._watch.due(self._clock())):
            trial = asyncio.create_task(self._try(route))
            self._trials.add(trial)
            trial.add_done_callback(self._trials.discard)

    async def _try(self, route: SmtpRoute) -> None:
        """Sign in and say NOOP, and note how that went."""
        fault, said = await self._delivery.check(route)
        if route.tenant_id is not None:
            await self._delivery.close(route)  # the route's connections are its lane's holder's, who may be another
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(
                self._executor, lambda: self._watch.probed(route, fault=fault, said=said, now=self._clock())
            )
        except StorageError as error:
            # Its lease runs out, and the route is tried once more.
            _log.warning("a trial was not noted", route=route.key, error=str(error))

    async def _seal(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            is_full = True
            while is_full:
                is_full = await loop.run_in_executor(self._executor, self._seals.seal)
                await asyncio.sleep(_BETWEEN_SWEEPS)  # others want to write, too
        except AuditChainBrokenError as error:
            _log.error("the audit log is not sealed any more: run ./run audit verify", error=str(error))

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        swept = _SWEPT_AT_ONCE
        while swept >= _SWEPT_AT_ONCE:
            swept = await loop.run_in_executor(
                self._executor, retention.sweep, self._database, self._clock, self._retention_days, _SWEPT_AT_ONCE
            )
            await asyncio.sleep(_BETWEEN_SWEEPS)  # others want to write, too
