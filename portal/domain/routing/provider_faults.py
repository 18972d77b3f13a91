"""What the big providers mean by their answers (FAILURES section 3). Asked before the general rows."""

from collections.abc import Iterable, Mapping
from typing import Final

from portal.domain.routing.fault_rules import Rule
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.provider_hosts import GOOGLE, MAILGUN, MICROSOFT, POSTMARK, SENDGRID, SES


def _rows(hosts: Iterable[str], *rows: tuple[Fault, Mapping[str, str]]) -> tuple[Rule, ...]:
    return tuple(Rule.of(fault, host=" ".join(hosts), **columns) for fault, columns in rows)


_STARTTLS_FIRST: Final = (Fault.ROUTE_PERM, {"code": "530", "words": "must issue * starttls"})

PROVIDER_RULES: Final = (
    *_rows(
        GOOGLE,
        _STARTTLS_FIRST,
        (Fault.ROUTE_AUTH, {"code": "535", "enhanced": "5.7.8"}),
        (Fault.ROUTE_AUTH, {"code": "534", "enhanced": "5.7.9 5.7.14"}),
        (Fault.ROUTE_AUTH, {"code": "530", "enhanced": "5.7.0"}),
        (Fault.RATE, {"code": "4xx", "words": "too many login attempts"}),
        (Fault.RATE, {"code": "450", "enhanced": "4.2.1", "words": "relay limit|sending limit"}),
        (Fault.RCPT_TEMP, {"code": "450", "enhanced": "4.2.1"}),
        (Fault.ROUTE_TEMP, {"code": "421", "enhanced": "4.7.0 4.4.5"}),
        (Fault.ROUTE_TEMP, {"code": "451", "enhanced": "4.3.0"}),
        (Fault.RATE, {"code": "550", "enhanced": "5.4.5"}),  # the daily limit of a user: a 5xx that heals
        (Fault.ROUTE_SENDER, {"code": "550", "enhanced": "5.7.26"}),
        (Fault.MSG_PERM, {"code": "552", "enhanced": "5.2.3 5.7.0"}),
        (Fault.MSG_PERM, {"code": "555", "enhanced": "5.5.2"}),
    ),
    *_rows(
        MICROSOFT,
        (Fault.ROUTE_AUTH, {"code": "535", "enhanced": "5.7.3 5.7.139"}),
        (Fault.ROUTE_AUTH, {"code": "530", "enhanced": "5.7.57"}),
        (Fault.ROUTE_AUTH, {"code": "550", "enhanced": "5.7.30"}),  # basic authentication is gone
        (Fault.ROUTE_SENDER, {"code": "5xx", "enhanced": "5.2.252 5.7.60"}),
        (Fault.ROUTE_SENDER, {"code": "5xx", "words": "*sendasdenied*"}),
        (Fault.RATE, {"code": "432", "enhanced": "4.3.2"}),  # three connections for each mailbox
        (Fault.RATE, {"code": "451", "enhanced": "4.7.500"}),
        (Fault.RATE, {"code": "550", "enhanced": "5.1.90"}),  # recipients of a day
        (Fault.ROUTE_TEMP, {"code": "452", "enhanced": "4.3.1"}),
        (Fault.ROUTE_TEMP, {"code": "451", "enhanced": "4.7.0"}),
        (Fault.ROUTE_PERM, {"code": "550", "enhanced": "5.2.251 5.2.253"}),
    ),
    *_rows(
        SES,
        (Fault.ROUTE_AUTH, {"code": "535"}),
        (Fault.RATE, {"code": "454", "words": "throttling failure"}),
        (Fault.ROUTE_TEMP, {"code": "454", "words": "temporary authentication failure"}),
        (Fault.RATE, {"code": "421", "words": "too many concurrent"}),
        # In the sandbox the address that is not verified may be the recipient's: the account is what is not ready.
        (Fault.ROUTE_SENDER, {"code": "554", "words": "not verified"}),
        (Fault.ROUTE_PERM, {"code": "554", "words": "access denied|sending suspended|sending paused"}),
        (Fault.MSG_PERM, {"code": "552", "words": "message is too long"}),
    ),
    *_rows(
        SENDGRID,
        (Fault.ROUTE_SENDER, {"words": "verified sender identity|to send from"}),
        (Fault.ROUTE_SENDER, {"code": "403"}),
        (Fault.RATE, {"words": "maximum credits exceeded|throttled"}),
    ),
    *_rows(
        POSTMARK,
        (Fault.RCPT_PERM, {"words": "inactive recipient*|recipient * inactive|marked as inactive"}),
        (Fault.RCPT_PERM, {"code": "406"}),
        (Fault.ROUTE_PERM, {"words": "pending|pending approval"}),
        (Fault.ROUTE_PERM, {"code": "412"}),
        (Fault.ROUTE_SENDER, {"words": "sender signature*"}),
        (Fault.ROUTE_SENDER, {"code": "400 401"}),
    ),
    *_rows(
        MAILGUN,
        (Fault.RATE, {"words": "limit exceeded * try again"}),
        (Fault.ROUTE_PERM, {"words": "sandbox*|authorized recipients"}),
        (Fault.ROUTE_SENDER, {"words": "domain * is not allowed to send|not allowed to send"}),
    ),
)
