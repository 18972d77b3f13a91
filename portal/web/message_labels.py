"""Messages in people's words: kinds, states, ways, and what a fault means for who has to mend it."""

from dataclasses import dataclass
from typing import Final

from portal.domain.routing.fault_traits import Fault
from portal.storage.message_log import Way
from portal.storage.messages import MessageState
from portal.storage.traffic import Outcome

KINDS: Final = {
    "otp": "Sign-in code",
    "magic_link": "Sign-in link",
    "recovery": "Account recovery",
    "password_reset": "Password reset",
    "verification": "Address verification",
    "email_change": "Change of address",
    "security_alert": "Security alert",
    "invitation": "Invitation",
    "user_invitation": "Invitation of a user",
    "audit_invitation": "Invitation to an audit",
    "notification": "Notification",
    "stage_assignment": "Stage assignment",
    "reminder": "Reminder",
    "form_submission": "Form submission",
    "autoresponder": "Automatic reply",
    "comment": "Comment",
    "task": "Task",
    "rights_request": "Rights request",
    "digest": "Digest",
    "probe": "Connection test",
    "route_alert": "Alert about your server",
    "account_recovery": "New password for an account",
    "account_alert": "Alert about an account",
}
OUTCOMES: Final = {
    Outcome.SENT: "Sent the usual way",
    Outcome.FALLBACK: "Sent through the fallback",
    Outcome.FAILED: "Failed",
    Outcome.WAITING: "Waiting",
}
WAYS: Final = {
    Way.OWN: "Own server",
    Way.PLATFORM: "Platform",
    Way.FALLBACK: "Fallback",
}

NOT_TAKEN: Final = {
    "resolve": "while looking up the host",
    "connect": "while connecting",
    "banner": "at the greeting",
    "ehlo": "at the greeting (EHLO)",
    "starttls": "when asked for encryption (STARTTLS)",
    "tls": "at the encryption (TLS)",
    "auth": "at the sign-in",
    "mail": "at the sender (MAIL FROM)",
    "rcpt": "at the recipient (RCPT TO)",
    "data": "before the message (DATA)",
    "body": "while the message was sent",
    "dot": "at the end of the message",
    "quit": "at the goodbye (QUIT)",
}
"""Where an attempt ended, by its stage."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a state shows itself: a picture, a tone and words, so that none of them stands alone."""

    icon: str
    tone: str
    words: str


LOOKS: Final = {
    MessageState.QUEUED: Look("clock", "busy", "Waiting to be sent"),
    MessageState.WAITING: Look("clock", "busy", "Waiting to be tried again"),
    MessageState.SENDING: Look("loader", "busy", "Being sent"),
    MessageState.SENT: Look("circle-check", "good", "Sent"),
    MessageState.FAILED: Look("circle-x", "bad", "Failed"),
    MessageState.EXPIRED: Look("clock-x", "bad", "Expired"),
    MessageState.CANCELLED: Look("ban", "neutral", "Cancelled"),
    MessageState.QUARANTINED: Look("alert-triangle", "bad", "Set aside"),
}
SCHEDULED: Final = Look("calendar-time", "neutral", "To be sent later")

IN_SHORT: Final = {
    Fault.OK: "accepted",
    Fault.ROUTE_AUTH: "sign-in refused",
    Fault.ROUTE_CERT: "certificate not trusted",
    Fault.ROUTE_SENDER: "From address refused",
    Fault.ROUTE_PERM: "your server refused us",
    Fault.ROUTE_PROTOCOL: "no mail server's answer",
    Fault.ROUTE_TEMP: "your server could not take it",
    Fault.RATE: "too fast for your server",
    Fault.RCPT_PERM: "recipient refused",
    Fault.RCPT_TEMP: "recipient not ready",
    Fault.MSG_PERM: "message refused",
    Fault.AMBIGUOUS: "no answer at the end",
}
"""A fault in the few words that a figure has room for."""
