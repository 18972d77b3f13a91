"""What an answer means at each stage, whoever gives it (FAILURES section 2).

Rows are asked from top to bottom and the first that fits decides. The groups stand in the order of ``classify()``:
no reply at all, words, enhanced code, stage and code, default. What is certain without any rule, e.g. that 250 to the
dot is success, ``classify()`` knows itself.
"""

from typing import Final

from portal.domain.routing.fault_rules import Rule
from portal.domain.routing.fault_traits import Fault

_CONTENT: Final = "data body dot"
_TRANSACTION: Final = "mail rcpt data body dot"

NO_SUCH_NAME: Final = Rule.of(
    Fault.ROUTE_TEMP,
    stage="resolve",
    code="none",
    words="no such host|nxdomain|name or service not known|nodename nor servname|no address *|host not found"
    "|non-existent domain|does not exist|unknown host|no a*|null mx|not contain an answer",
)
"""A name that is not there: a mistake of the admin, or a zone that is just being changed."""

_NO_REPLY: Final = (
    Rule.of(
        Fault.ROUTE_PERM,
        stage="resolve connect",
        code="none",
        words="address not allowed|not allowed|forbidden*|*policy|private address*|not a public address",
    ),
    NO_SUCH_NAME,
    Rule.of(
        Fault.ROUTE_PERM,
        code="none",
        words="wrong version number|wrong_version_number|record layer failure|unknown protocol|http request"
        "|packet length too long|server speaks tls *|speaks clear text",
    ),
    Rule.of(
        Fault.ROUTE_CERT,
        stage="connect starttls tls",
        code="none",
        words="certificate*|certificate_verify_failed|self-signed|self signed|unable to get * issuer|hostname mismatch"
        "|host name mismatch|hostname * doesn't match|tls version*|protocol version|protocol_version|tlsv1_alert*"
        "|unsupported protocol|unsupported_protocol|no protocols available|handshake fail*|tls handshake fail*"
        "|handshake_failure|sslv3_alert*|no shared cipher|no_shared_cipher|key too small|md too weak"
        "|unknown ca|unknown_ca|untrusted",
    ),
    Rule.of(
        Fault.ROUTE_PERM,
        code="none",
        words="starttls not offered|starttls * not supported|no starttls|starttls missing|auth not offered"
        "|auth * not supported|no auth|auth missing|mechanism missing"
        "|no usable auth mechanism*|no suitable authentication method*|no supported authentication *",
    ),
    Rule.of(Fault.MSG_PERM, code="none", words="message larger than *|message too large|smtputf8 not *"),
    Rule.of(
        Fault.ROUTE_PROTOCOL,
        code="none",
        words="not smtp|not an smtp *|garbage|*over limits|endless|line too long|reply too long|bytes ahead of time"
        "|bytes after *|reply code does not fit *|unexpected reply|invalid reply|malformed reply|bad response*",
    ),
    Rule.of(Fault.ROUTE_TEMP, code="none"),
)

_SENDING_LIMIT: Final = (
    "sending limit*|send limit|sending rate|sending quota|send quota|daily * limit*|daily * quota|hourly * limit*"
    "|hourly * quota|monthly * limit|maximum credits|credit* exceeded|relay limit|messages per *|message rate"
    "|rate limit*|rate-limit*|ratelimit*|rate exceeded|throttling failure|too many messages|too many connections"
    "|too much mail|too many concurrent|too many errors|sending too *|limit exceeded * try again"
)
_TOO_FAST: Final = (
    "too many*|too fast|too quickly|too much mail|slow down|rate|rate-*|ratelimit*|rates|throttl*|concurren*|quota*"
    "|credit|credits|limit exceeded|exceeded * limit"
)
_RELAY_OR_CLIENT: Final = (
    "relay access denied|relaying denied|relay denied|relaying * not *|relay not *|not * to relay|unable to relay"
    "|cannot relay|no relaying|do not relay|client host|helo command rejected"
    "|allowed rcpthosts|permission* to submit"
)
_NOT_THIS_SENDER: Final = (
    "sender address rejected|not owned by|*sendasdenied*|send as|send as denied|send * on behalf|send mail as"
    "|sender * not verified|sender verif*|verified sender|sender identity|sender signature*|sender rejected"
    "|sender denied|sender * not allowed|sender * not authorized|invalid sender|to send from|not allowed to send as"
    "|unauthenticated email|unauthenticated mail"
)

_WORDS: Final = (
    Rule.of(Fault.ROUTE_PERM, words="must issue * starttls|starttls is required|starttls required|starttls first"),
    # --- too fast, or used up
    Rule.of(Fault.RATE, stage="banner ehlo auth mail", code="4xx", words=_TOO_FAST),
    Rule.of(Fault.RCPT_TEMP, stage="rcpt", code="4xx 552", words="too many recipients"),
    Rule.of(Fault.RCPT_TEMP, stage="rcpt", code="4xx", words="receiving *|greylist*|graylist*|greylisting|mailbox *"),
    Rule.of(Fault.RATE, stage="rcpt", code="4xx", words=_SENDING_LIMIT),
    Rule.of(
        Fault.RCPT_TEMP,
        stage=_CONTENT,
        code="4xx",
        words="greylist*|graylist*|receiving *|mailbox *|over quota|recipient*|user * quota",
    ),
    Rule.of(Fault.RATE, stage=_CONTENT, code="4xx", words=_TOO_FAST),
    Rule.of(Fault.RATE, stage="mail", code="5xx", words=_SENDING_LIMIT),
    # A recipient's own limits have 5.1 and 5.2 codes.
    Rule.of(Fault.RATE, stage="rcpt", code="5xx", enhanced="5.4 5.5 5.7 none", words=_SENDING_LIMIT),
    Rule.of(
        Fault.MSG_PERM,
        stage=_CONTENT,
        code="5xx",
        words="message size|size limit|size exceeds *|message * too large|message * too big|message * too long"
        "|mailbox * full|mailbox * quota|over quota|mailbox quota",
    ),
    Rule.of(Fault.RATE, stage=_CONTENT, code="5xx", words=_SENDING_LIMIT + "|quota|quotas|throttl*"),
    # --- a temporary complaint about us, which Postfix utters at RCPT
    Rule.of(
        Fault.ROUTE_TEMP,
        stage="rcpt",
        code="4xx",
        words=_RELAY_OR_CLIENT + "|sender address rejected|temporary authentication failure",
    ),
    # --- this sender, not us as such
    Rule.of(
        Fault.RCPT_PERM, stage="rcpt", code="5xx", words="send to *|sending to *|send mail to *|send messages to *"
    ),
    Rule.of(Fault.ROUTE_SENDER, stage="mail", code="5xx", words=_NOT_THIS_SENDER),
    Rule.of(Fault.ROUTE_SENDER, stage="rcpt", code="5xx", enhanced="5.7 5.1.7 5.1.8 none", words=_NOT_THIS_SENDER),
    Rule.of(Fault.MSG_PERM, stage=_CONTENT, code="5xx", words="send to this *|send to the *|send to recipient*"),
    Rule.of(
        Fault.ROUTE_SENDER,
        stage=_CONTENT,
        code="5xx",
        words=_NOT_THIS_SENDER
        + "|not verified|unverified *|not allowed to send|not authorized to send|not authorised to send"
        "|not permitted to send|permission* to send|sender * not *",
    ),
    # --- us
    Rule.of(
        Fault.ROUTE_AUTH,
        stage=_TRANSACTION,
        code="5xx",
        words="authentication required|authentication is required|not authenticated|must authenticate first",
    ),
    Rule.of(
        Fault.ROUTE_PERM,
        stage="mail",
        code="5xx",
        words=_RELAY_OR_CLIENT + "|blocked using|blacklist*|blocklist*|banned|access denied",
    ),
    Rule.of(
        Fault.ROUTE_PERM,
        stage="rcpt",
        code="5xx",
        enhanced="5.7 none",
        words=_RELAY_OR_CLIENT + "|blocked using|blacklist*|blocklist*|banned",
    ),
    Rule.of(
        Fault.ROUTE_PERM,
        stage=_CONTENT,
        code="5xx",
        # "blocked" and "banned" are said of a message's content here.
        words=_RELAY_OR_CLIENT + "|access denied|sending suspended|sending paused|account * suspended"
        "|account * disabled|account * blocked|sandbox",
    ),
    Rule.of(Fault.ROUTE_SENDER, stage="mail", code="550 553 501", words="sender|from|identity|send as"),
)

_ENHANCED: Final = (
    Rule.of(Fault.RATE, stage=f"auth {_TRANSACTION}", code="432", enhanced="4.3.2"),
    Rule.of(
        Fault.ROUTE_AUTH, stage="auth", enhanced="4.7.12 5.7.3 5.7.8 5.7.9 5.7.12 5.7.13 5.7.14 5.7.30 5.7.57 5.7.139"
    ),
    Rule.of(Fault.ROUTE_PERM, stage="auth", enhanced="5.5.6 5.7.11"),
    Rule.of(Fault.ROUTE_AUTH, stage=_TRANSACTION, enhanced="5.7.57"),
    Rule.of(Fault.ROUTE_SENDER, stage=_TRANSACTION, enhanced="5.7.26 5.7.27 5.7.60"),
    Rule.of(Fault.ROUTE_SENDER, stage="mail", code="550 553 501", enhanced="5.1.7 5.1.8 5.7.1"),
    Rule.of(Fault.MSG_PERM, stage=_TRANSACTION, enhanced="5.3.4 5.6"),
    Rule.of(Fault.RCPT_TEMP, stage="rcpt", enhanced="5.5.3"),  # too many recipients, said for good
    Rule.of(Fault.RCPT_PERM, stage="rcpt", enhanced="5.1.1 5.1.2 5.1.3 5.1.6 5.1.10 5.2.1 5.2.2"),
    Rule.of(Fault.ROUTE_SENDER, stage="rcpt", enhanced="5.1.7 5.1.8"),
    Rule.of(Fault.ROUTE_TEMP, stage="rcpt", enhanced="4.3"),  # RFC 3463 section 3.4: the system, not the mailbox
    Rule.of(Fault.RCPT_TEMP, stage=_CONTENT, enhanced="4.2.1 4.2.2"),
)

_STAGE_AND_CODE: Final = (
    Rule.of(Fault.ROUTE_AUTH, stage="auth", code="432 525 530 534 535"),
    Rule.of(Fault.ROUTE_PERM, stage="auth", code="500 501 502 503 504 538"),
    Rule.of(Fault.ROUTE_AUTH, stage="auth", code="5xx"),
    Rule.of(Fault.ROUTE_AUTH, stage=_TRANSACTION, code="530 535"),
    Rule.of(Fault.MSG_PERM, stage="mail", code="552"),
    Rule.of(Fault.ROUTE_SENDER, stage="mail", code="553"),  # RFC 5321 section 4.2.3: mailbox name not allowed
    Rule.of(Fault.ROUTE_TEMP, stage="rcpt", code="421 454"),
    Rule.of(Fault.RCPT_TEMP, stage="rcpt", code="4xx"),
    Rule.of(Fault.ROUTE_PERM, stage="rcpt", code="500 502 503 504 521"),
    Rule.of(Fault.RCPT_PERM, stage="rcpt", code="5xx"),
    Rule.of(Fault.ROUTE_PERM, stage="data", code="500 502 503"),
    Rule.of(Fault.MSG_PERM, stage=_CONTENT, code="5xx"),
)

_DEFAULT: Final = (
    Rule.of(Fault.ROUTE_PERM, code="5xx"),
    Rule.of(Fault.ROUTE_TEMP),
)

RULES: Final = _NO_REPLY + _WORDS + _ENHANCED + _STAGE_AND_CODE + _DEFAULT
