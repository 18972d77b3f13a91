"""The sentences of a diagnosis, by what happened (PAGES: Test connection).

In the texts ``{host}``, ``{port}``, ``{mode}``, ``{from_address}`` and ``{username}`` stand for the admin's own;
``{detail}`` is empty or begins with a colon.
"""

from dataclasses import dataclass
from typing import Final

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that can go wrong: how it is named, told and mended, and the form field it belongs to."""

    title: str
    what_happened: str
    what_to_do: tuple[str, ...]
    field: str | None = None


_ASK_AGAIN: Final = "Test again in a few minutes."
_RIGHT_PORT: Final = "Check the port: 587 with STARTTLS or 465 with SSL/TLS is usual for sending with a sign-in."
_FIREWALL: Final = (
    "If the server is your own, look whether a firewall lets this platform in; its administrator can tell you."
)
_NEW_CERTIFICATE: Final = "Ask the server's administrator to install a valid certificate for {host}."

TIMED_OUT: Final = {
    SmtpStage.CONNECT: Case(
        "{host} does not answer on port {port}",
        "No connection came about in time. A firewall may be dropping it, or the port is not the right one.",
        (_RIGHT_PORT, _FIREWALL),
        "port",
    ),
    SmtpStage.BANNER: Case(
        "{host} stays silent on port {port}",
        "The connection came about, but the server did not greet us in time.",
        (_RIGHT_PORT, _ASK_AGAIN),
        "port",
    ),
    SmtpStage.TLS: Case(
        "{host} does not finish the encryption handshake",
        "The server on port {port} began the TLS handshake and then stayed silent.",
        ("Check whether port {port} is meant for {mode}.", _ASK_AGAIN),
        "security",
    ),
}
"""By stage; at every other stage ``TOO_SLOW``."""

TOO_SLOW: Final = Case(
    "{host} is too slow",
    "The server began the conversation and then did not answer in time.",
    (_ASK_AGAIN, "If it stays so, ask the server's administrator whether it is overloaded or delays strangers."),
)

LOST: Final = {
    SmtpStage.CONNECT: Case(
        "{host} breaks off the connection",
        "The connection to port {port} was cut before the server said anything.",
        (_RIGHT_PORT, _FIREWALL),
        "port",
    ),
    SmtpStage.BANNER: Case(
        "{host} hangs up at once",
        "The server took the connection and closed it without a greeting. Servers do so to addresses they do not "
        "want, and when the port expects another encryption than {mode}.",
        (_RIGHT_PORT, _FIREWALL),
        "port",
    ),
    SmtpStage.TLS: Case(
        "{host} hangs up during the encryption handshake",
        "The server closed the connection before it was encrypted.",
        ("Check whether port {port} is meant for {mode}.", _ASK_AGAIN),
        "security",
    ),
    SmtpStage.AUTH: Case(
        "{host} hung up at the sign-in",
        "The server closed the connection while we signed in. Some servers do so when they do not accept the "
        "username or password.",
        ("Enter username and password again.", _ASK_AGAIN),
        "password",
    ),
}
"""By stage; at every other stage ``HUNG_UP``."""

HUNG_UP: Final = Case(
    "{host} broke off the conversation",
    "The server closed the connection before it had accepted the message.",
    (_ASK_AGAIN, "If it stays so, ask the server's administrator; the server's log names the reason."),
)

SPEAKS_TLS: Final = Case(
    "Port {port} answered in TLS, but you chose {mode}",
    "This port expects an encrypted connection from the first byte, which is called SSL/TLS here.",
    ("Choose SSL/TLS for port {port}.", "Or ask your provider for its STARTTLS port; 587 is usual."),
    "security",
)

SPEAKS_CLEAR_TEXT: Final = Case(
    "Port {port} answered in clear text, but you chose {mode}",
    "This port does not begin with TLS. Such ports begin in clear text and encrypt with STARTTLS.",
    ("Choose STARTTLS for port {port}.", "Or ask your provider for its SSL/TLS port; 465 is usual."),
    "security",
)

SILENT_AT_TLS_PORT: Final = Case(
    "{host} stays silent on port {port}",
    "The connection came about, but the server did not greet us in time. On port {port} most servers expect SSL/TLS; "
    "we tried that, too, and were not greeted.",
    (_RIGHT_PORT, _ASK_AGAIN),
    "port",
)

OTHER_MECHANISM: Final = Case(
    "{host} does not offer the sign-in method you chose",
    "The server offers other ways to sign in{detail}.",
    ("Set the sign-in method to be found automatically.",),
    "auth",
)

PLAIN_AFTER_STARTTLS: Final = Case(
    "{host} offers STARTTLS and does not do it",
    "The server agreed to encrypt and then went on in clear text.",
    ("Try port 465 with SSL/TLS.", "Tell the server's administrator that STARTTLS on port {port} does not work."),
    "security",
)

BY_TROUBLE: Final = {
    Trouble.NO_SUCH_HOST: Case(
        "There is no server called {host}",
        "The name has no address in the DNS.",
        (
            "Compare the host with your provider's instructions, letter by letter.",
            "If the name has only just been created, wait some minutes and test again.",
        ),
        "host",
    ),
    Trouble.LOOKUP_FAILED: Case(
        "{host} could not be looked up",
        "The name servers gave no answer. That does not mean that the name is wrong.",
        (_ASK_AGAIN, "If it stays so, ask whoever runs the DNS of this name."),
    ),
    # One text for every address that is not allowed, so that the answer maps nobody's network (THREATS 3).
    Trouble.FORBIDDEN_ADDRESS: Case(
        "This host is not allowed",
        "Only mail servers on the public internet may be used. Nothing was sent there.",
        (
            "Enter the public name of your mail server.",
            "If this one is right, ask the platform's operator to allow it.",
        ),
        "host",
    ),
    Trouble.CONNECTION_REFUSED: Case(
        "{host} accepts no connections on port {port}",
        "The server refused the connection: nothing listens on this port, or a firewall turns this platform away.",
        (_RIGHT_PORT, _FIREWALL),
        "port",
    ),
    Trouble.UNREACHABLE: Case(
        "{host} cannot be reached",
        "There is no way through the network to this server at the moment.",
        ("Check the host.", _ASK_AGAIN, _FIREWALL),
        "host",
    ),
    Trouble.NOT_SMTP: Case(
        "There is no mail server on port {port} of {host}",
        "Something answered there, but not in the language of mail servers (SMTP).",
        ("Check host and port; web and IMAP servers do not send mail.", _RIGHT_PORT),
        "port",
    ),
    Trouble.OVER_LIMITS: Case(
        "{host} answers without end",
        "The answer was longer than any mail server's, so the connection was closed.",
        ("Check host and port.", _RIGHT_PORT),
        "port",
    ),
    Trouble.WRONG_CODE: Case(
        "{host} does not keep to the rules of SMTP",
        "The server gave an answer that does not belong to the question.",
        ("Check host and port.", "Tell the server's administrator what the server said."),
        "host",
    ),
    Trouble.UNASKED_BYTES: Case(
        "Something interferes with the connection to {host}",
        "Answers arrived before they were asked for. That is how a connection is tampered with, so it was closed.",
        (
            "Try port 465 with SSL/TLS, which is encrypted from the first byte.",
            "Tell the server's administrator; a filter between us and the server may be at fault.",
        ),
        "security",
    ),
    Trouble.NO_STARTTLS: Case(
        "{host} offers no STARTTLS on port {port}",
        "You chose STARTTLS, but the server does not offer to encrypt this connection.",
        (
            "Try port 465 with SSL/TLS, or port 587 with STARTTLS.",
            "If the server used to offer it, a firewall with mail inspection may be hiding it.",
        ),
        "security",
    ),
    Trouble.NO_AUTH: Case(
        "{host} offers no sign-in on port {port}",
        "A username is set, but the server does not ask anybody to sign in on this port.",
        (
            "Use the port for submission: 587 with STARTTLS or 465 with SSL/TLS. Port 25 often has no sign-in.",
            "If the server knows you by your address alone, remove username and password.",
        ),
        "port",
    ),
    Trouble.NO_USABLE_MECHANISM: Case(
        "{host} offers no sign-in with username and password",
        "The server offers other ways to sign in than PLAIN and LOGIN{detail}.",
        (
            "If you have chosen one way to sign in, let it be found automatically.",
            "Ask your provider how to allow programs to sign in with a password, often called an app password.",
        ),
        "username",
    ),
    Trouble.NO_SMTPUTF8: Case(
        "{host} cannot send to or from this address",
        "The address has letters beyond ASCII before the @, which this server does not support (SMTPUTF8).",
        ("Use an address with plain letters, or a server that supports SMTPUTF8.",),
        "from_address",
    ),
    Trouble.CERTIFICATE: Case(
        "The certificate of {host} is not trusted",
        "The server showed a certificate that no authority known here stands for{detail}.",
        (
            "If a company's own authority has issued it, ask the platform's operator to add that authority.",
            "Otherwise ask the server's administrator to send the intermediate certificates too (often missing).",
        ),
        "host",
    ),
    Trouble.CERTIFICATE_EXPIRED: Case(
        "The certificate of {host} has expired",
        "The server showed a certificate that is no longer valid{detail}.",
        ("Ask the server's administrator to renew it.", "Test again after that; nothing needs to be changed here."),
    ),
    Trouble.CERTIFICATE_NAME: Case(
        "The certificate is not for {host}",
        "The server showed a certificate for another name{detail}.",
        ("Enter the name the certificate is for, if it is your provider's.", _NEW_CERTIFICATE),
        "host",
    ),
    Trouble.CERTIFICATE_SELF_SIGNED: Case(
        "The certificate of {host} is self-signed",
        "The server vouches for itself, so nobody can tell it from an impostor{detail}.",
        (_NEW_CERTIFICATE, "If it is meant to be so, ask the platform's operator to add this certificate."),
        "host",
    ),
    Trouble.TLS_VERSION: Case(
        "{host} speaks no modern encryption",
        "TLS 1.2 or later is needed, and the server does not offer it.",
        ("Ask the server's administrator to switch on TLS 1.2 or 1.3.",),
        "host",
    ),
    Trouble.TLS_FAILED: Case(
        "The encryption with {host} failed",
        "Server and platform found no common way to encrypt{detail}.",
        ("Check whether port {port} is meant for {mode}.", "Ask the server's administrator to allow TLS 1.2 or 1.3."),
        "security",
    ),
    Trouble.SPEAKS_CLEAR_TEXT: SPEAKS_CLEAR_TEXT,
    Trouble.SPEAKS_TLS: SPEAKS_TLS,
    Trouble.TOO_LARGE: Case(
        "The message is too large for {host}",
        "The server announced that it takes smaller messages only{detail}.",
        ("Ask the server's administrator to allow larger messages.",),
    ),
}
