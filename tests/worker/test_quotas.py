"""How much goes where in which time: the platform's quota, the provider's cap, and a server that says "too fast"."""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from portal.domain.ids import MessageId
from tests.support.certificates import Certificates
from tests.support.installation import eventually
from tests.support.neighbours import hand_in
from tests.support.onlookers import peak_of, times_said
from tests.support.scripted_smtp import Pause
from tests.support.story import Story, story

AN_HOUR = timedelta(hours=1)
"""Seconds by which the way to the server may draw together what left apart, on a machine that is busy."""


@pytest.fixture
def frugal(tmp_path: Path, certificates: Certificates) -> Iterator[Story]:
    """Acme on a platform that sends five messages an hour for it, and takes three over from its own server."""
    with story(tmp_path, certificates, platform_hourly_limit="5", fallback_hourly_limit="3") as it:
        to_the_next_hour = AN_HOUR - (it.clock() - it.clock().replace(minute=0, second=0, microsecond=0))
        it.clock.shift += to_the_next_hour + timedelta(minutes=20)  # far from the hour's end, which lets mail go
        yield it


def test_what_exceeds_the_platforms_quota_waits_for_the_next_hour_and_its_lifetime_with_it(frugal: Story) -> None:
    ids = hand_in(frugal.waypost, "acme", 7, "reminder")
    lifetime = {message: frugal.row(message).expires_at for message in ids}

    reports = {message: frugal.settled(message) for message in ids}
    code = frugal.settled(frugal.send("otp"))

    held = [message for message in ids if reports[message]["state"] == "waiting"]
    next_hour = frugal.clock().replace(minute=0, second=0, microsecond=0) + AN_HOUR
    assert (len(held), len(frugal.platform.messages)) == (2, 6)
    assert (code["state"], code["via"]) == ("sent", "platform")
    why = f"It waits until {next_hour:%H:%M} UTC: what the platform sends in an hour for Acme is used up (5 messages)."
    for message in held:
        assert reports[message]["decision"][-1] == why
        row = frugal.row(message)
        assert row.due_at == next_hour
        assert timedelta(minutes=39) < row.expires_at - lifetime[message] <= timedelta(minutes=40)

    frugal.clock.shift += timedelta(minutes=41)
    eventually(lambda: {frugal.report(message)["state"] for message in ids} == {"sent"}, what="the next hour's mail")


def test_what_the_platform_takes_over_from_the_tenants_own_server_has_a_budget_of_its_own(frugal: Story) -> None:
    frugal.acme_has_a_server({"mail": "553 5.7.1 sender address rejected: not owned by user"})

    reports = [frugal.settled(message) for message in hand_in(frugal.waypost, "acme", 5, "reminder")]
    code = frugal.settled(frugal.send("otp"))

    held = [report["decision"][-1] for report in reports if report["state"] == "waiting"]
    assert len(held) == 2
    assert all("what the platform takes over in an hour from Acme's own server is used up (3 m" in why for why in held)
    assert (code["state"], code["via"]) == ("sent", "platform")


@pytest.mark.parametrize("cap", [{"rate_per_minute": 12}, {"rate_per_day": 4}], ids=["a minute", "a day"])
def test_a_server_gets_no_more_than_its_providers_cap(acme: Story, cap: dict[str, int]) -> None:
    server = acme.acme_has_a_server(given=cap)
    (most,) = cap.values()
    hand_in(acme.waypost, "acme", most + 3, "reminder")
    eventually(lambda: len(server.messages) >= most, what="as many as may be")

    time.sleep(1.5)

    assert len(server.messages) == most


def test_what_a_cap_a_second_holds_up_takes_its_time_and_arrives(acme: Story) -> None:
    server = acme.acme_has_a_server(given={"rate_per_second": 5})
    began = time.monotonic()

    ids = hand_in(acme.waypost, "acme", 20, "reminder")
    eventually(lambda: len(server.messages) == len(ids), what="all of it")

    # A busy machine can only make it longer: five at once, and three seconds for the other fifteen.
    assert time.monotonic() - began > 2.9


def test_mail_without_the_patience_to_wait_for_a_providers_limit_takes_the_next_route_at_once(acme: Story) -> None:
    server = acme.acme_has_a_server(given={"rate_per_day": 1})
    acme.settled(acme.send())

    reports = [acme.settled(acme.send(kind)) for kind in ("otp", "reminder")]

    assert [(report["state"], report["via"]) for report in reports] == [("sent", "platform")] * 2
    assert any("the limit set for it is used up" in step for step in reports[0]["decision"])
    assert len(server.messages) == 1


def test_where_no_other_route_may_be_used_it_waits_for_the_limit_and_says_so(acme: Story) -> None:
    server = acme.acme_has_a_server(given={"rate_per_day": 1, "fallback": "never"})
    acme.settled(acme.send())

    report = acme.settled(waiting := acme.send())

    assert report["state"] == "waiting"
    assert "the limit set for the tenant's server is used up" in report["decision"][-1]
    due_at = acme.row(waiting).due_at
    assert due_at is not None
    assert due_at - acme.clock() > timedelta(hours=20)
    assert len(server.messages) == 1


@pytest.mark.parametrize(
    "words", ["450 4.2.1 you are sending too quickly", "421 4.7.0 too many messages, slow down", "452 4.7.1 throttled"]
)
def test_a_server_that_says_too_fast_is_left_alone_then_asked_by_half_as_many_and_gets_all_of_the_mail(
    acme: Story, words: str
) -> None:
    server = acme.acme_has_a_server({"bdat": (Pause(0.1), "250 2.0.0 ok")})
    ids = hand_in(acme.waypost, "acme", 40, "reminder")
    eventually(lambda: len(server.messages) >= 4, what="the first messages")

    server.scenario["mail"] = words
    eventually(lambda: "RATE" in classes(acme, ids), what="the server's word to be heard")
    time.sleep(0.5)  # for those who were told the same at the same time
    server.scenario.pop("mail")
    asked = times_said(server, "MAIL")
    time.sleep(1)
    assert times_said(server, "MAIL") == asked

    refused = times_said(server, "BDAT") - len(server.messages)
    with peak_of(lambda: times_said(server, "BDAT") - len(server.messages) - refused) as under_way:
        acme.clock.shift += timedelta(seconds=7)
        codes = hand_in(acme.waypost, "acme", 10, "otp")  # the last connection is theirs alone
        eventually(lambda: len(server.messages) == 50, what="all of it")

    assert under_way.value == acme.waypost.settings.route_connections // 2
    assert {acme.settled(message)["via"] for message in (*ids, *codes)} == {"tenant"}
    assert set(classes(acme, ids)) == {"OK", "RATE"}
    assert acme.audited("email.route_unhealthy") == []


def classes(acme: Story, ids: Sequence[MessageId]) -> list[str]:
    return [attempt["class"] for message in ids for attempt in acme.report(message)["attempts"]]
