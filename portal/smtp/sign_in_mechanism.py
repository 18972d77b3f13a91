"""SASL PLAIN and LOGIN: what to say, and in which of the two (RFC 4954, RFC 4616)."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final

from portal.domain.routing.smtp_route import AuthChoice, Credentials
from portal.smtp.capabilities import Capabilities

_COMMAND_OCTETS: Final = 512
"""A longer command line may be refused (RFC 5321 section 4.5.3.1.4), so a long token goes in a line of its own."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The words of one sign-in. It is made once: a second mechanism would be a second wrong password (STACK).

    Attributes:
        mechanism: ``PLAIN`` or ``LOGIN``.
        command: The AUTH line, without its end.
        answers: To the challenges, one each, in order; a challenge beyond them is not answered.
    """

    mechanism: str
    command: bytes = field(repr=False)
    answers: tuple[bytes, ...] = field(repr=False)


def sign_in_with(credentials: Credentials, choice: AuthChoice, offered: Capabilities) -> SignIn | None:
    """Choose the mechanism and compose what is said, or None when no usable mechanism is offered."""
    mechanism = _mechanism(credentials, choice, offered)
    username, password = sasl_octets(credentials.username), sasl_octets(credentials.password.reveal())
    if mechanism == "LOGIN":
        return SignIn("LOGIN", b"AUTH LOGIN", (b64encode(username), b64encode(password)))
    if mechanism == "PLAIN":
        response = b64encode(b"\0" + username + b"\0" + password)
        command = b"AUTH PLAIN " + response
        if len(command) + 2 > _COMMAND_OCTETS:
            return SignIn("PLAIN", b"AUTH PLAIN", (response,))
        return SignIn("PLAIN", command, ())
    return None


def sasl_octets(text: str) -> bytes:
    """UTF-8. A lone surrogate, which JSON can bring, is no reason to fail anywhere but at the server."""
    return text.encode("utf-8", "surrogatepass")


def _mechanism(credentials: Credentials, choice: AuthChoice, offered: Capabilities) -> str | None:
    wanted = {AuthChoice.AUTO: ("PLAIN", "LOGIN"), AuthChoice.PLAIN: ("PLAIN",), AuthChoice.LOGIN: ("LOGIN",)}
    # NUL parts the fields of PLAIN, so a name that holds one would sign in as somebody else (RFC 4616 section 2).
    has_nul = "\0" in credentials.username or "\0" in credentials.password.reveal()
    for mechanism in wanted.get(choice, ()):
        if mechanism in offered.mechanisms and not (mechanism == "PLAIN" and has_nul):
            return mechanism
    return None
