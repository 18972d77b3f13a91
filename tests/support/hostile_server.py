"""A row of the table of hostile servers."""

from dataclasses import dataclass

from portal.domain.mail.smtp_stage import SmtpStage as At
from portal.domain.routing.smtp_route import TlsMode
from portal.domain.routing.trouble import Trouble
from tests.support.scripted_smtp import (
    MIB,
    STEPWISE,
    Scenario,
)

ANY = (TlsMode.NONE, TlsMode.STARTTLS, TlsMode.IMPLICIT)
CLEAR = (TlsMode.NONE,)
STARTTLS = (TlsMode.STARTTLS,)
IMPLICIT = (TlsMode.IMPLICIT,)
ENCRYPTED = (TlsMode.STARTTLS, TlsMode.IMPLICIT)
CLEAR_FIRST = (TlsMode.NONE, TlsMode.STARTTLS)

FLOOD = 64 * MIB
LARGE = 16 * MIB
"""More than the buffers between two sockets hold, so that the writing of it can be interrupted."""


@dataclass(frozen=True)
class Hostile:
    """A server's behaviour and the outcome it must have.

    Attributes:
        outcome: The trouble, or the code of the reply when the reply says it all.
        uncertain: Whether the message may have been accepted.
        size: Bytes of the message that is sent.
    """

    name: str
    scenario: Scenario
    at: At
    outcome: Trouble | int
    modes: tuple[TlsMode, ...] = ANY
    uncertain: bool = False
    offers: tuple[str, ...] = STEPWISE
    mechanisms: str | None = "PLAIN LOGIN"
    size: int = 1000

    @property
    def is_before_sign_in(self) -> bool:
        """Whether it ends where no server may have heard the password."""
        stages = tuple(At)
        return stages.index(self.at) < stages.index(At.AUTH)
