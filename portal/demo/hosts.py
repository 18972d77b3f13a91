"""The two mail hosts of the demo: a tenant's own, and the platform's."""

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class MailHost:
    """A submission server and the one account it knows.

    Attributes:
        name: Its host name, as in DNS and in its certificate.
        domain: Whose addresses its account may use as envelope sender.
        password: Printed on the terminal and fixed: the server listens on loopback and keeps what it is given.
    """

    name: str
    domain: str
    username: str
    password: str = field(repr=False)


ACME: Final = MailHost("smtp.acme.example", "acme.example", "acme", "acme-demo-password")
PLATFORM: Final = MailHost("mail.platform.example", "platform.example", "platform", "platform-demo-password")

PLATFORM_NAME: Final = "Northwind"
PLATFORM_FROM: Final = "no-reply@platform.example"
PLATFORM_SELECTOR: Final = "wp1"
"""Where the platform's DKIM key is published: ``wp1._domainkey.platform.example``."""

LOOPBACK: Final = "127.0.0.1"
