"""Asking a server how it greets: no credentials, no message, and every certificate is believed.

What it shows is told to people and trusted for nothing. For reading a certificate that was refused, and for telling
whether a port speaks the other TLS mode.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address

from portal.domain.routing.smtp_route import AuthChoice, SmtpRoute, TlsMode
from portal.smtp.client_options import ClientOptions
from portal.smtp.deadlines import Deadline
from portal.smtp.dialing import dial
from portal.smtp.driver import Driver
from portal.smtp.errors import SubmissionError
from portal.smtp.stage_report import StageReporter
from portal.smtp.tls import inspecting_context


@dataclass(frozen=True, slots=True)
class Greeting:
    """How a mail server greeted.

    Attributes:
        certificate: In DER, unverified; None in clear text.
        transcript: What was said.
    """

    certificate: bytes | None
    transcript: tuple[str, ...]


async def greeting_of(
    route: SmtpRoute, peer: str, options: ClientOptions, deadline: Deadline, *, tls: TlsMode | None = None
) -> Greeting | None:
    """Connect once more to an address that was judged for this route, go on to the EHLO that counts, and leave.

    Not less far than the EHLO, because nothing is told of a peer that has not shown to be a mail server (THREATS 3).

    Args:
        peer: The judged address; no name is looked up again.
        deadline: For all of it; each stage has its own limit besides.
        tls: Another mode than the route's, on the same port.

    Returns:
        None when it is no mail server in that mode, or none that answers in time.
    """
    endpoint = replace(route.endpoint, tls=tls or route.endpoint.tls)
    anonymous = replace(route, endpoint=endpoint, credentials=None, auth=AuthChoice.NONE)
    with suppress(SubmissionError):
        wire = await dial(endpoint, [ip_address(peer)], options.limits.connect, deadline)
        driver = Driver(anonymous, wire, options.limits, StageReporter(None))
        try:
            await driver.greet(inspecting_context(), deadline)
            greeting = Greeting(driver.channel.certificate_octets, driver.conversation.transcript.lines)
            with suppress(SubmissionError):
                await driver.run(driver.conversation.quit, deadline.sooner(options.limits.quit))
            return greeting
        finally:
            driver.channel.abort()
    return None
