"""The steps of one SMTP attempt, in the order they happen."""

from enum import StrEnum


class SmtpStage(StrEnum):
    """Where an attempt stands. The values are promises (CONTRACT: stages)."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "ehlo"
    STARTTLS = "starttls"  # the command and its reply, in clear text
    TLS = "tls"  # the handshake
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # the command and its 354; with CHUNKING this stage does not occur
    BODY = "body"  # while the content is being written
    DOT = "dot"  # content written to its end: CRLF.CRLF, or BDAT LAST; waiting for the final reply
    QUIT = "quit"
