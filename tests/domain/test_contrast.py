"""After which failures one look at the same port in the other TLS mode is worth it."""

import pytest

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.contrast import contrast_for
from portal.domain.routing.smtp_route import TlsMode
from portal.domain.routing.trouble import Trouble


@pytest.mark.parametrize(
    ("tls", "stage", "trouble", "other"),
    [
        (TlsMode.STARTTLS, "banner", Trouble.TIMED_OUT, TlsMode.IMPLICIT),
        (TlsMode.STARTTLS, "banner", Trouble.CONNECTION_LOST, TlsMode.IMPLICIT),
        (TlsMode.STARTTLS, "banner", Trouble.SPEAKS_TLS, TlsMode.IMPLICIT),
        (TlsMode.NONE, "banner", Trouble.TIMED_OUT, TlsMode.IMPLICIT),
        (TlsMode.IMPLICIT, "tls", Trouble.SPEAKS_CLEAR_TEXT, TlsMode.STARTTLS),
        (TlsMode.IMPLICIT, "tls", Trouble.TIMED_OUT, TlsMode.STARTTLS),
        (TlsMode.STARTTLS, "banner", Trouble.NOT_SMTP, None),
        (TlsMode.STARTTLS, "banner", None, None),
        (TlsMode.STARTTLS, "ehlo", Trouble.TIMED_OUT, None),
        (TlsMode.STARTTLS, "tls", Trouble.TIMED_OUT, None),
        (TlsMode.IMPLICIT, "tls", Trouble.CERTIFICATE_EXPIRED, None),
        (TlsMode.IMPLICIT, "banner", Trouble.TIMED_OUT, None),
    ],
)
def test_the_other_mode_is_looked_at_where_the_wrong_one_looks_like_this(
    tls: TlsMode, stage: str, trouble: Trouble | None, other: TlsMode | None
) -> None:
    assert contrast_for(tls, SmtpStage(stage), trouble) is other


@pytest.mark.parametrize("trouble", Trouble)
@pytest.mark.parametrize("stage", SmtpStage)
@pytest.mark.parametrize("tls", TlsMode)
def test_nothing_is_ever_tried_without_encryption(tls: TlsMode, stage: SmtpStage, trouble: Trouble) -> None:
    assert contrast_for(tls, stage, trouble) is not TlsMode.NONE
