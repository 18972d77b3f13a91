"""The answer of a change of route: from then on no worker begins a message on the old one."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import TenantId
from portal.services import cut_over
from portal.services.clock import utc_now
from portal.storage import lanes, organisations
from portal.storage.database import Database
from portal.wiring import Waypost

WORKER = "worker-1"
GIVEN = {"host": "smtp.acme.example", "from_address": "mail@acme.example"}


def hold(waypost: Waypost, tenant: TenantId, *, lease: float) -> None:
    """Take the tenant's lane as a worker does."""
    now = utc_now()
    with waypost.database.transaction() as session:
        lanes.touch(session, {tenant: now})
        at = waypost.database.time(session, utc_now)
        lanes.enter(session, WORKER, now=at, until=at + timedelta(seconds=lease))
        session.flush()
        assert lanes.take_due(session, WORKER, now=now, most=10) == [tenant]


def acknowledge_when_touched(waypost: Waypost, tenant: TenantId, *, after: float, done: list[float]) -> None:
    """What a worker does: it notices that its lane was touched, and says so once nothing begins on what it had read."""
    while True:
        with waypost.database.transaction() as session:
            touched = lanes.due_of(session, WORKER, now=utc_now())
            epoch = organisations.tenant(session, tenant).route_epoch
        if touched:
            break
        time.sleep(0.01)
    time.sleep(after)
    done.append(time.monotonic())
    with waypost.database.transaction() as session:
        lanes.acknowledge(session, WORKER, {tenant: epoch})


@contextmanager
def running(act: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join(20)


def activate(waypost: Waypost, tenant: TenantId) -> bool:
    version = waypost.email_settings.save_draft(tenant, GIVEN, actor=COMMAND_LINE)
    return waypost.email_settings.activate(tenant, version, actor=COMMAND_LINE, untested=True)


def disable(waypost: Waypost, tenant: TenantId) -> bool:
    return waypost.email_settings.disable(tenant, actor=COMMAND_LINE)


def prove(waypost: Waypost, tenant: TenantId) -> bool:
    settings = waypost.email_settings
    version = settings.save_draft(tenant, GIVEN, actor=COMMAND_LINE)
    epoch = settings.route_epoch(tenant)
    return settings.record_proof(tenant, version, actor=COMMAND_LINE, activates=True, since_epoch=epoch)


@pytest.mark.parametrize("change", [activate, prove, disable])
def test_a_lane_that_nobody_holds_is_not_waited_for(
    waypost: Waypost, acme: TenantId, change: Callable[[Waypost, TenantId], bool]
) -> None:
    began = time.monotonic()

    assert change(waypost, acme)

    assert time.monotonic() - began < waypost.email_settings.cut_over_seconds / 2


@pytest.mark.parametrize("change", [activate, prove])
def test_a_change_answers_when_the_holder_has_acknowledged_it_and_not_before(
    waypost: Waypost, acme: TenantId, change: Callable[[Waypost, TenantId], bool]
) -> None:
    hold(waypost, acme, lease=60)
    acknowledged: list[float] = []

    with running(lambda: acknowledge_when_touched(waypost, acme, after=0.1, done=acknowledged)):
        assert change(waypost, acme)
        answered = time.monotonic()

    assert acknowledged[0] < answered < acknowledged[0] + 1


def test_who_switches_a_second_time_is_not_answered_before_the_first(waypost: Waypost, acme: TenantId) -> None:
    assert activate(waypost, acme)
    hold(waypost, acme, lease=60)
    acknowledged: list[float] = []
    answered: list[float] = []

    def switch_off() -> None:
        assert waypost.email_settings.disable(acme, actor=COMMAND_LINE)
        answered.append(time.monotonic())

    with (
        running(lambda: acknowledge_when_touched(waypost, acme, after=0.3, done=acknowledged)),
        running(switch_off),
        running(switch_off),
    ):
        pass

    assert len(answered) == 2
    assert acknowledged[0] < min(answered)


def test_a_dead_holder_is_waited_for_until_its_lease_has_run_out(waypost: Waypost, acme: TenantId) -> None:
    hold(waypost, acme, lease=0.5)
    began = time.monotonic()

    assert cut_over.wait(waypost.database, utc_now, acme, 1, seconds=10)

    assert 0.4 < time.monotonic() - began < 5


def test_a_holder_that_lives_and_does_not_look_makes_the_answer_uncertain(
    waypost: Waypost, acme: TenantId, capsys: pytest.CaptureFixture[str]
) -> None:
    hold(waypost, acme, lease=60)

    assert not cut_over.wait(waypost.database, utc_now, acme, 1, seconds=0.2)

    assert "a change of route was not acknowledged" in capsys.readouterr().out


def test_an_epoch_that_is_acknowledged_already_is_not_waited_for(waypost: Waypost, acme: TenantId) -> None:
    hold(waypost, acme, lease=60)
    with waypost.database.transaction() as session:
        lanes.acknowledge(session, WORKER, {acme: 7})

    assert cut_over.wait(waypost.database, utc_now, acme, 7, seconds=0)
    assert not cut_over.wait(waypost.database, utc_now, acme, 8, seconds=0)


def test_a_database_that_cannot_be_asked_makes_the_answer_uncertain_and_no_error(tmp_path: Path) -> None:
    a_folder_is_no_database = Database.at(f"sqlite:///{tmp_path}")

    assert not cut_over.wait(a_folder_is_no_database, utc_now, TenantId("acme"), 1, seconds=0.1)
