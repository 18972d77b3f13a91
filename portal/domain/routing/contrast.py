"""Wrong port or wrong encryption? One bounded look at the same port in the other TLS mode tells (PAGES: rank 1)."""

from typing import Final

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import TlsMode
from portal.domain.routing.trouble import Trouble

_LIKE_WRONG_MODE: Final = {
    # A TLS port waits for our hello: who waits for its greeting meets silence, its hanging up, or a TLS alert.
    (TlsMode.STARTTLS, SmtpStage.BANNER): (
        {Trouble.TIMED_OUT, Trouble.CONNECTION_LOST, Trouble.SPEAKS_TLS},
        TlsMode.IMPLICIT,
    ),
    (TlsMode.NONE, SmtpStage.BANNER): (
        {Trouble.TIMED_OUT, Trouble.CONNECTION_LOST, Trouble.SPEAKS_TLS},
        TlsMode.IMPLICIT,
    ),
    # A clear-text port greets our hello with 220, or takes it for a rude client and hangs up, or ponders over it.
    (TlsMode.IMPLICIT, SmtpStage.TLS): (
        {Trouble.TIMED_OUT, Trouble.CONNECTION_LOST, Trouble.SPEAKS_CLEAR_TEXT},
        TlsMode.STARTTLS,
    ),
}


def contrast_for(tls: TlsMode, stage: SmtpStage, trouble: Trouble | None) -> TlsMode | None:
    """The mode to look at the same port in, when a failure may come from the wrong one; else None.

    Args:
        tls: The mode that has failed.
        stage: Where.
        trouble: How; None for a refusal in words, which is a greeting in the right mode.
    """
    troubles, other = _LIKE_WRONG_MODE.get((tls, stage), (frozenset[Trouble](), None))
    return other if trouble in troubles else None
