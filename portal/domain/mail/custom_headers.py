"""Which headers an application may add to its message, and what may stand in them."""

import re
from typing import Final

from portal.domain.mail.header_text import HeaderTextError, check_header_text

_LONGEST_NAME: Final = 50  # leaves room for an encoded word beside it on the first line
_NAME: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|-(?=[A-Za-z0-9]))*")  # narrower than RFC 5322 section 3.6.8

_OURS: Final = frozenset(
    {
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "bcc",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "return-path",
        "auto-submitted",
        "apparently-to",
        "envelope-to",
        "delivered-to",
        "x-original-to",
        "delivery-date",
        "received",
        "received-spf",
        "dkim-signature",
        "domainkey-signature",
        "authentication-results",
        "encrypted",
        "lines",
        "status",
        "x-status",
        "xref",
    }
)
_OURS_BY_PREFIX: Final = ("content-", "resent-", "arc-", "original-", "x-ms-exchange-organization-")

# Each names an address to which somebody's server sends another copy, a receipt or the bounces.
_FURTHER_RECIPIENTS: Final = frozenset(
    {
        "disposition-notification-to",  # RFC 8098
        "return-receipt-to",
        "x-confirm-reading-to",
        "errors-to",
        "generate-delivery-report",
        "x-smtpapi",  # SendGrid: a list of recipients in JSON
        "x-mc-bccaddress",  # Mandrill
        "x-mailgun-recipient-variables",
        "x-bcc",
        "x-cc",
        "x-to",
        "x-envelope-to",
        "x-rcpt-to",
    }
)

# Programs read these by machine: an encoded word or a fold inside them breaks them (RFC 2369, RFC 8058).
_NEVER_FOLDED_PREFIX: Final = "list-"
_ONE_CLICK: Final = "List-Unsubscribe=One-Click"
_URI_LIST: Final = re.compile(r"<(?:https?|mailto):[!-;=?-~]+>(?:, ?<(?:https?|mailto):[!-;=?-~]+>)*")
_MESSAGE_IDS: Final = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>(?: <[!-;=?-~]+@[!-;=?-~]+>)*")
_GRAMMARS: Final = {
    "list-unsubscribe": _URI_LIST,
    "list-unsubscribe-post": re.compile(re.escape(_ONE_CLICK)),
    "list-help": _URI_LIST,
    "list-archive": _URI_LIST,
    "in-reply-to": _MESSAGE_IDS,
    "references": _MESSAGE_IDS,
}


def is_never_folded(name: str) -> bool:
    """Whether the value of this header goes out on one line, byte for byte as it came in."""
    return name.lower().startswith(_NEVER_FOLDED_PREFIX)


def problem_of_headers(headers: tuple[tuple[str, str], ...]) -> str | None:
    """What is wrong with the custom headers of a message, as a sentence without their values; None when all is well."""
    seen: set[str] = set()
    for name, value in headers:
        problem = _problem_of_name(name) or _problem_of_value(name, value)
        if problem:
            return problem
        if name.lower() in seen:
            return f"The header {name} is there twice."
        seen.add(name.lower())
    if "list-unsubscribe-post" in seen and "list-unsubscribe" not in seen:
        return "List-Unsubscribe-Post needs a List-Unsubscribe beside it."
    return None


def _problem_of_name(name: str) -> str | None:
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        return "The name of a header has letters, digits and single hyphens, at most 50 in all."
    lower = name.lower()
    if lower in _OURS or lower.startswith(_OURS_BY_PREFIX):
        return f"The header {name} is set by the platform and the mail servers, not by an application."
    if lower in _FURTHER_RECIPIENTS:
        return f"The header {name} is refused: it can bring the message to further recipients."
    return None


def _problem_of_value(name: str, value: str) -> str | None:
    try:
        check_header_text(value)
    except HeaderTextError as error:
        return f"The header {name}: {error}"
    if not value or value != value.strip():
        return f"The header {name}: its value is empty, or begins or ends with a space."
    if is_never_folded(name) and not value.isascii():
        return f"The header {name} takes plain ASCII only."
    grammar = _GRAMMARS.get(name.lower())
    if grammar and not grammar.fullmatch(value):
        return f"The header {name} is not in the form its standard asks for."
    return None
