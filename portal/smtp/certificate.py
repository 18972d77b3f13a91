"""What a refused certificate says, for the person who has to replace it (THREATS 10).

OpenSSL gives a reason and no certificate. So the same address is asked once more, believing everything, up to its
EHLO and without credentials; the connection is closed, and what it showed is told and trusted for nothing.
"""

from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import SmtpRoute
from portal.domain.routing.trouble import Trouble
from portal.smtp.anonymous_greeting import greeting_of
from portal.smtp.client_options import ClientOptions
from portal.smtp.deadlines import Deadline
from portal.smtp.errors import SubmissionError
from portal.smtp.printable_text import cut, printable

_NAMES_TOLD: Final = 3


async def explained(
    error: SubmissionError, route: SmtpRoute, peer: str, options: ClientOptions, deadline: Deadline
) -> SubmissionError:
    """The same error with the date or the names in its detail, if they can be had within the limit of *tls*."""
    if error.trouble not in (Trouble.CERTIFICATE_EXPIRED, Trouble.CERTIFICATE_NAME):
        return error
    greeting = await greeting_of(route, peer, options, deadline.sooner(options.limits.tls))
    octets = greeting.certificate if greeting else None
    detail = _detail(octets, error.trouble, datetime.now(UTC)) if octets else ""
    return SubmissionError(SmtpStage.TLS, trouble=error.trouble, detail=detail) if detail else error


def _detail(octets: bytes, trouble: Trouble, now: datetime) -> str:
    try:
        certificate = x509.load_der_x509_certificate(octets)
        if trouble is Trouble.CERTIFICATE_NAME:
            return _names(certificate)
        ended = certificate.not_valid_after_utc
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ""  # a stranger's bytes need not make sense
    # Of a chain, another certificate may be the expired one.
    return f"expired on {ended:%Y-%m-%d}" if ended < now else ""


def _names(certificate: x509.Certificate) -> str:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    told = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    return cut(printable("it is for " + ", ".join(told[:_NAMES_TOLD]))) if told else ""
