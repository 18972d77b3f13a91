"""Mail servers that are broken in the ways admins meet, and what the portal must say of each. Data: add a row."""

import dataclasses
from dataclasses import dataclass
from typing import Final

from portal.domain.routing.smtp_route import TlsMode
from tests.support.certificates import Certificate
from tests.support.scripted_smtp import Pause, Reset, Scenario, Silence

HOST: Final = "smtp.acme.example"  # resolves to the loopback
INSIDE: Final = "inside.acme.example"  # resolves to a private address
ZONE: Final = f"{HOST}. A 127.0.0.1\n{INSIDE}. A 10.1.2.3\n"


@dataclass(frozen=True)
class Broken:
    """A server and the settings it meets; then what the page must tell.

    Attributes:
        listens: False for a port where nothing does.
        typed: Fields of the form besides the usual ones.
        cause: Words of the title; ``{port}`` stands for the server's.
        happened: Words of what happened.
        remedy: Words of what to do.
        field: The field it concerns; None where no field is at fault.
        fix: What *Apply fix* fills in, where that is certain.
        hears_password: Whether the server gets as far as the sign-in.
    """

    name: str
    cause: str
    happened: str
    remedy: str
    field: str | None
    scenario: Scenario = dataclasses.field(default_factory=dict)
    tls: TlsMode = TlsMode.STARTTLS
    shown: Certificate = Certificate.GOOD
    mechanisms: str = "PLAIN LOGIN"
    listens: bool = True
    typed: dict[str, str] = dataclasses.field(default_factory=dict)
    fix: dict[str, str] = dataclasses.field(default_factory=dict)
    hears_password: bool = False


BROKEN_SERVERS: Final = (
    Broken(
        "STARTTLS chosen, the port begins with TLS",
        "Port {port} answered in TLS, but you chose STARTTLS",
        "This port expects an encrypted connection from the first byte",
        "Choose SSL/TLS for port {port}.",
        "security",
        tls=TlsMode.IMPLICIT,
        fix={"security": "tls", "port": "{port}"},
    ),
    Broken(
        "SSL/TLS chosen, the port begins in clear text",
        "Port {port} answered in clear text, but you chose SSL/TLS",
        "begin in clear text and encrypt with STARTTLS",
        "Choose STARTTLS for port {port}.",
        "security",
        typed={"security": "tls"},
        fix={"security": "starttls", "port": "{port}"},
    ),
    Broken(
        "wrong port, nothing listens",
        f"{HOST} accepts no connections on port {{port}}",
        "nothing listens on this port",
        "587 with STARTTLS or 465 with SSL/TLS",
        "port",
        listens=False,
    ),
    Broken(
        "wrong port, another service",
        f"There is no mail server on port {{port}} of {HOST}",
        "not in the language of mail servers",
        "web and IMAP servers do not send mail",
        "port",
        {"banner": "* OK IMAP4rev1 ready"},
        tls=TlsMode.NONE,
    ),
    Broken(
        "expired certificate",
        f"The certificate of {HOST} has expired",
        "no longer valid: expired on 2020-02-29",
        "administrator to renew it",
        None,
        shown=Certificate.EXPIRED,
    ),
    Broken(
        "certificate for another name",
        f"The certificate is not for {HOST}",
        "another name: it is for mail.hoster.example",
        "Enter the name the certificate is for",
        "host",
        shown=Certificate.OTHER_NAME,
    ),
    Broken(
        "self-signed certificate",
        f"The certificate of {HOST} is self-signed",
        "nobody can tell it from an impostor",
        "install a valid certificate",
        "host",
        shown=Certificate.SELF_SIGNED,
    ),
    Broken(
        "sender refused",
        f"{HOST} does not let you send as no-reply@acme.example",
        "The sign-in worked, but the server refuses this sender",
        "Use a From address that belongs to the account",
        "from_address",
        {"mail": "553 5.7.1 Sender address rejected: not owned by user acme-mailer"},
        hears_password=True,
    ),
    Broken(
        "sign-in refused",
        "The username or password was not accepted",
        "refused the sign-in as acme-mailer",
        "Enter the password again",
        "password",
        {"auth": "535 5.7.8 Error: authentication failed"},
        hears_password=True,
    ),
    Broken(
        "LOGIN only, PLAIN chosen",
        f"{HOST} does not offer the sign-in method you chose",
        "other ways to sign in: offered: LOGIN",
        "found automatically",
        "auth",
        mechanisms="LOGIN",
        typed={"auth": "plain"},
        fix={"auth": "auto"},
    ),
    Broken(
        "quota used up",
        f"The sending limit at {HOST} is used up",
        "The settings are right, but the account may not send more",
        "Wait until the limit starts anew",
        None,
        {"dot": "550 5.4.5 Daily user sending limit exceeded"},
        hears_password=True,
    ),
    Broken(
        "greylisting",
        f"{HOST} lets first messages wait (greylisting)",
        "only at the second try",
        "Test again in five to ten minutes",
        None,
        {"rcpt": "450 4.7.1 Greylisted, see you in 5 minutes"},
        hears_password=True,
    ),
    Broken(
        "silence",
        f"{HOST} stays silent on port {{port}}",
        "the server did not greet us in time",
        "Check the port",
        "port",
        {"banner": Silence()},
        tls=TlsMode.NONE,
    ),
    Broken(
        "reset",
        f"{HOST} hangs up at once",
        "closed it without a greeting",
        "Check the port",
        "port",
        {"banner": (Pause(0.5), Reset())},  # not before the connection stands at our end, too
        tls=TlsMode.NONE,
    ),
    Broken(
        "private address",
        "This host is not allowed",
        "Only mail servers on the public internet may be used",
        "Enter the public name of your mail server",
        "host",
        typed={"host": INSIDE},
    ),
)
