"""What a message's state means for who waits for it, and what to do."""

from dataclasses import dataclass
from typing import Final

from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.smtp_route import Via
from portal.storage.attempts import AttemptRow
from portal.storage.messages import MessageRow, MessageState


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence on what happened, and steps in their order; none where nothing needs to be done."""

    meaning: str
    steps: tuple[str, ...] = ()

    @property
    def is_about_settings(self) -> bool:
        """Whether the page Email SMTP is where to go next."""
        return any("Email SMTP" in step for step in self.steps)


_TEST: Final = "Test the connection on the page Email SMTP: it names the cause and, where it is certain, the remedy."
_AGAIN: Final = "Have the message sent again where it came from; by itself it is not tried any more."
_ASK_OPERATOR: Final = "Ask the operator of this platform: it is the platform's server, not yours."

_BY_FAULT: Final = {
    Fault.ROUTE_AUTH: Advice(
        "Your server refused the sign-in: the username or the password is not right, or no longer.",
        ("Enter the username and password your provider shows you, on the page Email SMTP.", _TEST),
    ),
    Fault.ROUTE_CERT: Advice(
        "Your server's certificate is not trusted, so nothing was sent to it.",
        ("Ask the server's administrator to install a valid certificate for the host you have entered.", _TEST),
    ),
    Fault.ROUTE_SENDER: Advice(
        "Your server does not let this account send from your From address.",
        (
            "Have the From address or its domain verified at your provider, or enter one on Email SMTP that is.",
            _TEST,
        ),
    ),
    Fault.ROUTE_PERM: Advice(
        "Your server refuses to take mail from us at all.",
        ("Read the server's words below; your provider's support can say what is behind them.", _TEST),
    ),
    Fault.ROUTE_PROTOCOL: Advice(
        "What answers at your server's address is not a mail server, or not the one you mean.",
        ("Check host, port and encryption on the page Email SMTP.", _TEST),
    ),
    Fault.ROUTE_TEMP: Advice(
        "Your server was not reached, or could not take mail at that moment.",
        ("If it happens again, look whether the server is up and lets this platform in.", _TEST),
    ),
    Fault.RATE: Advice(
        "Your server asked for less mail at a time, or its quota is used up.",
        ("Look up your plan's limit at your provider, and enter it on the page Email SMTP.",),
    ),
    Fault.RCPT_PERM: Advice(
        "The server refused this recipient: the address does not exist, or takes no mail.",
        ("Look for a typing mistake in the address, and ask the person for the right one.",),
    ),
    Fault.RCPT_TEMP: Advice(
        "The recipient's mailbox could not take mail: it may be full, or protects itself against strangers.",
        ("If it stays so, tell the person by another way.",),
    ),
    Fault.MSG_PERM: Advice(
        "The server refused the message itself: its content, size or form. No other recipient would change that.",
        ("Read the server's words below.", "Tell whoever makes this kind of message, or ask your provider's support."),
    ),
    Fault.AMBIGUOUS: Advice(
        "The connection broke at the very end, so the server may have taken the message without saying so.",
        ("Ask the recipient before it is sent again: it may be there already.",),
    ),
}
_PLATFORM: Final = Advice("The platform's own server could not take the message.", (_ASK_OPERATOR,))
_OF_RECIPIENT_OR_MESSAGE: Final = frozenset({Fault.RCPT_PERM, Fault.RCPT_TEMP, Fault.MSG_PERM, Fault.AMBIGUOUS})


def advice_for(row: MessageRow, last: AttemptRow | None, last_on_own: AttemptRow | None) -> Advice | None:
    """What to tell about a message.

    Args:
        last: Its latest attempt.
        last_on_own: The latest over the tenant's own server.

    Returns:
        None where there is nothing to add to its state: it waits for its first attempt, or all went as it was meant to.
    """
    match MessageState(row.state):
        case MessageState.SENT:
            return _sent(last_on_own) if row.via != Via.TENANT and last_on_own else None
        case MessageState.FAILED:
            return _of_attempt(last) or Advice("It could not be made into a mail; the last sentence below says why.")
        case MessageState.EXPIRED:
            return _expired(last)
        case MessageState.QUARANTINED:
            return Advice(
                "It was set aside: Waypost stopped three times while it had this message in hand. "
                "A copy may have been sent.",
                ("Ask the operator of this platform to look at it.",),
            )
        case MessageState.CANCELLED:
            return Advice("It was cancelled before it was sent.")
        case _:
            return _of_attempt(last)


def _of_attempt(attempt: AttemptRow | None) -> Advice | None:
    if attempt is None or attempt.fault == Fault.OK:
        return None
    fault = Fault(attempt.fault)
    if attempt.via != Via.TENANT and fault not in _OF_RECIPIENT_OR_MESSAGE:
        return _PLATFORM
    return _BY_FAULT[fault]


def _sent(last_on_own: AttemptRow) -> Advice | None:
    cause = _of_attempt(last_on_own)
    return Advice(f"The platform has sent it instead. {cause.meaning}", cause.steps) if cause else None


def _expired(last: AttemptRow | None) -> Advice:
    cause = _of_attempt(last)
    ended = "Its lifetime ended before a server took it: mail that comes too late is worth nothing to its reader."
    if cause is None:
        return Advice(ended, (_AGAIN, "If that happens often, ask the operator whether the worker keeps up."))
    return Advice(f"{ended} {cause.meaning}", (*cause.steps, _AGAIN))
