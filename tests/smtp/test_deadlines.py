from dataclasses import asdict

import pytest

from portal.domain.mail.smtp_stage import SmtpStage
from portal.smtp.deadlines import Deadline, StageLimits


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_every_stage_has_a_limit() -> None:
    assert set(asdict(StageLimits())) == {*map(str, SmtpStage), "attempt"}


LIMITS = [
    ("resolve", 5),
    ("connect", 10),
    ("tls", 10),
    ("banner", 30),
    ("ehlo", 30),
    ("auth", 30),
    ("rcpt", 30),
    ("data", 60),
    ("dot", 300),
    ("quit", 2),
]


@pytest.mark.parametrize(("stage", "seconds"), LIMITS)
def test_the_limits_are_those_of_the_design(stage: str, seconds: float) -> None:
    assert StageLimits().seconds_for(SmtpStage(stage), content_bytes=1 << 30) == seconds


def test_a_body_may_take_a_second_more_for_every_64_kib() -> None:
    assert StageLimits().seconds_for(SmtpStage.BODY, content_bytes=640 * 1024) == 70


def test_a_stage_can_be_given_another_limit() -> None:
    assert StageLimits(banner=1.5).seconds_for(SmtpStage.BANNER) == 1.5


def test_a_deadline_is_absolute() -> None:
    clock = Clock()
    deadline = Deadline.after(10, clock)
    clock.now += 4
    assert (deadline.remaining(), deadline.has_passed) == (6, False)
    assert deadline.sooner(100) is deadline
    assert deadline.sooner(2).remaining() == 2
    clock.now += 7

    assert (deadline.remaining(), deadline.has_passed) == (0, True)
    assert deadline.sooner(2).has_passed
