"""How often a connection may be tested, also when many press the button at once; on both kinds of database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.audit_events import Actor, AuditAction
from portal.domain.ids import TenantId
from portal.domain.routing.diagnosis import Diagnosis
from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fault import Fault
from portal.domain.routing.smtp_route import Credentials, TlsMode
from portal.domain.secret import Secret
from portal.services.probe_limits import TooManyProbesError
from portal.services.probe_records import ProbeRecords
from portal.services.probe_verdict import ProbeVerdict, Subject
from portal.storage.audit_log import AuditRow
from portal.wiring import Waypost
from tests.support.portal_app import MovedClock

ADA = Actor("ada", "192.0.2.1")


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def records(waypost: Waypost, clock: MovedClock) -> ProbeRecords:
    return ProbeRecords(waypost.database, waypost.email_settings, clock)


def subject_of(tenant: TenantId, *, host: str = "smtp.acme.example", username: str | None = "ada") -> Subject:
    settings = EmailSettings(host, 587, TlsMode.STARTTLS, "ops@acme.example", username=username)
    return Subject(tenant, settings, Credentials(username, Secret("a password")) if username else None)


def verdict(*, refused: bool) -> ProbeVerdict:
    fault = Fault.ROUTE_AUTH if refused else Fault.OK
    return ProbeVerdict(0.1, (), fault, Diagnosis("Title", "Happened."), "", sign_in_refused=refused)


def run(records: ProbeRecords, subject: Subject, actor: Actor, *, refused: bool = False) -> None:
    begun = records.begin(subject, to="ada@acme.example", actor=actor)
    records.has_ended(begun.probe_id, subject, verdict(refused=refused))


def begun_at_once(records: ProbeRecords, subject: Subject, actors: list[Actor]) -> int:
    """How many of these people, who press at the same moment, begin a test."""

    def press(actor: Actor) -> int:
        try:
            records.begin(subject, to="ada@acme.example", actor=actor)
        except TooManyProbesError:
            return 0
        return 1

    with ThreadPoolExecutor(len(actors)) as threads:
        return sum(threads.map(press, actors))


def people(number: int) -> list[Actor]:
    return [Actor(f"person-{index}") for index in range(number)]


def test_a_person_tests_five_times_in_ten_minutes_and_is_told_when_again(
    records: ProbeRecords, acme: TenantId, clock: MovedClock
) -> None:
    for _ in range(5):
        run(records, subject_of(acme), ADA)
        clock.passed += timedelta(minutes=1)
    with pytest.raises(TooManyProbesError, match=r"5 times within 10 minutes\. The next one is possible in 5 min\."):
        run(records, subject_of(acme), ADA)
    run(records, subject_of(acme), Actor("bob"))
    clock.passed += timedelta(minutes=5, seconds=1)
    run(records, subject_of(acme), ADA)


def test_a_tenant_is_tested_twenty_times_in_an_hour_whoever_presses(
    records: ProbeRecords, acme: TenantId, clock: MovedClock
) -> None:
    for person in people(20):
        run(records, subject_of(acme), person)
    with pytest.raises(TooManyProbesError, match="This tenant was tested 20 times within 60 minutes"):
        run(records, subject_of(acme), ADA)
    clock.passed += timedelta(minutes=60, seconds=1)
    run(records, subject_of(acme), ADA)


def test_a_tenants_limit_holds_when_many_press_at_once(records: ProbeRecords, acme: TenantId) -> None:
    assert begun_at_once(records, subject_of(acme, username=None), people(26)) == 20


def test_a_person_runs_one_test_at_a_time_also_when_pressing_many_times(records: ProbeRecords, acme: TenantId) -> None:
    assert begun_at_once(records, subject_of(acme), [ADA] * 6) == 1


def test_five_refused_sign_ins_close_the_account_to_tests_and_say_for_how_long(
    records: ProbeRecords, acme: TenantId, clock: MovedClock
) -> None:
    for person, username in zip(people(5), ("ada", "Ada", "ADA", "ada", "aDa"), strict=True):
        run(records, subject_of(acme, username=username), person, refused=True)
    with pytest.raises(TooManyProbesError) as refusal:
        run(records, subject_of(acme), ADA, refused=True)
    assert "smtp.acme.example has refused the sign-in as ada 5 times lately." in str(refusal.value)
    assert "The next test with this username is possible in 12 min." in str(refusal.value)
    assert refusal.value.running is None
    clock.passed += timedelta(minutes=12, seconds=1)
    run(records, subject_of(acme), ADA)


@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param(lambda tenant: subject_of(tenant, host="smtp.other.example"), id="another server"),
        pytest.param(lambda tenant: subject_of(tenant, username="eve"), id="another username"),
        pytest.param(lambda tenant: subject_of(tenant, username=None), id="no sign-in"),
    ],
)
def test_refused_sign_ins_count_for_their_account_alone(
    records: ProbeRecords, acme: TenantId, elsewhere: Callable[[TenantId], Subject]
) -> None:
    for person in people(5):
        run(records, subject_of(acme), person, refused=True)
    run(records, elsewhere(acme), ADA)


def test_what_is_no_refused_sign_in_does_not_count(records: ProbeRecords, acme: TenantId) -> None:
    for index, person in enumerate(people(12)):
        subject = subject_of(acme)
        if index % 2:
            run(records, subject, person)
        else:
            begun = records.begin(subject, to="ada@acme.example", actor=person)
            records.is_interrupted(begun.probe_id, subject)


def test_passwords_cannot_be_guessed_by_many_tests_at_once(records: ProbeRecords, acme: TenantId) -> None:
    assert begun_at_once(records, subject_of(acme), people(9)) == 5


def test_refusals_are_audited_but_a_button_pressed_twice_is_not(
    records: ProbeRecords, acme: TenantId, waypost: Waypost
) -> None:
    begun = records.begin(subject_of(acme), to="ada@acme.example", actor=ADA)
    with pytest.raises(TooManyProbesError) as twice:
        records.begin(subject_of(acme), to="ada@acme.example", actor=ADA)
    assert twice.value.running == begun.probe_id
    records.has_ended(begun.probe_id, subject_of(acme), verdict(refused=False))
    for _ in range(4):
        run(records, subject_of(acme), ADA)
    with pytest.raises(TooManyProbesError) as refusal:
        run(records, subject_of(acme), ADA)
    with waypost.database.reading() as session:
        [event] = session.scalars(select(AuditRow).where(AuditRow.action == AuditAction.SMTP_TEST_REFUSED))
    assert (event.actor, event.network, event.facts) == (
        "ada",
        "192.0.2.1",
        {"endpoint": "smtp.acme.example:587", "because": str(refusal.value)},
    )
