"""What can happen to an attempt without the server saying so in a reply."""

from enum import StrEnum


class Trouble(StrEnum):
    """The value is the ``text`` that ``fault.classify()`` judges when there is no reply code."""

    NO_SUCH_HOST = "no such host"  # NXDOMAIN, or neither A nor AAAA
    LOOKUP_FAILED = "name lookup failed"  # SERVFAIL, time-out, lame: says nothing about the name
    FORBIDDEN_ADDRESS = "address not allowed"  # the address guard; no packet left
    CONNECTION_REFUSED = "connection refused"
    UNREACHABLE = "network unreachable"
    TIMED_OUT = "timed out"
    CONNECTION_LOST = "connection lost"  # EOF or reset
    NOT_SMTP = "not SMTP"  # garbage instead of a reply
    OVER_LIMITS = "reply over limits"  # endless line, reply or session
    WRONG_CODE = "reply code does not fit the command"
    UNASKED_BYTES = "bytes ahead of time"  # a reply before its command, or bytes behind the 220 to STARTTLS
    NO_STARTTLS = "STARTTLS not offered"
    NO_AUTH = "AUTH not offered"
    NO_USABLE_MECHANISM = "no usable AUTH mechanism offered"
    NO_SMTPUTF8 = "SMTPUTF8 not offered"  # the address needs it, the server cannot
    CERTIFICATE = "certificate not trusted"
    CERTIFICATE_EXPIRED = "certificate expired"
    CERTIFICATE_NAME = "certificate is for another name"
    CERTIFICATE_SELF_SIGNED = "certificate is self-signed"
    TLS_VERSION = "TLS version not supported"
    TLS_FAILED = "TLS handshake failed"
    SPEAKS_CLEAR_TEXT = "wrong version number"  # OpenSSL's words: a clear-text server met our TLS hello
    SPEAKS_TLS = "server speaks TLS from the first byte"  # a TLS server met our clear text
    TOO_LARGE = "message larger than the server's SIZE"
