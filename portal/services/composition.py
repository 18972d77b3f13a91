"""From a message and a route to what is handed to the server: From, signature and envelope depend on the route."""

from dataclasses import dataclass
from datetime import datetime

from portal.crypto.dkim_signer import DkimSigner
from portal.domain.mail.addresses import domain_of
from portal.domain.mail.message import Message
from portal.domain.mail.mime import compose
from portal.domain.routing.dkim_policy import SigningChoice
from portal.domain.routing.smtp_route import SmtpRoute


@dataclass(frozen=True, slots=True)
class Composition:
    """What MAIL, RCPT and the content will be on one route."""

    sender: str
    recipient: str
    data: bytes
    needs_smtputf8: bool

    def __repr__(self) -> str:
        return f"Composition({self.sender} -> {self.recipient}, {len(self.data)} bytes)"


def compose_for(route: SmtpRoute, message: Message, *, date: datetime, signer: DkimSigner | None) -> Composition:
    """Build and, where the platform signs, sign the message.

    Raises:
        ContentError: It cannot be composed; enqueueing has refused such messages, so this is a defect or a
            sender identity that has become impossible.
    """
    mail = compose(message, route.identity, date=date)
    signs = (
        signer is not None
        and route.signing is SigningChoice.PLATFORM
        # A key that does not speak for this From would make a signature that aligns with nothing (THREATS 42).
        and signer.covers(domain_of(route.identity.from_address))
    )
    data = signer.sign(mail.data) if signer and signs else mail.data
    return Composition(route.identity.envelope_from, message.to, data, mail.needs_smtputf8)
