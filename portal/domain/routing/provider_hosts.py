"""Where the big providers' servers are: the one table for their presets, their advice and what their replies mean.

A server is a provider's when its name is one of these or ends in a dot and one of these.
"""

from collections.abc import Iterable
from typing import Final

SENDGRID: Final = ("sendgrid.net",)
POSTMARK: Final = ("postmarkapp.com",)
MAILGUN_EU: Final = ("eu.mailgun.org",)
MAILGUN: Final = ("mailgun.org",)
SES: Final = ("amazonaws.com",)
MICROSOFT: Final = ("office365.com", "outlook.com")
GOOGLE_RELAY: Final = ("smtp-relay.gmail.com",)
GMAIL: Final = ("gmail.com", "googlemail.com")
GOOGLE: Final = (*GMAIL, "google.com")
BREVO: Final = ("brevo.com", "sendinblue.com")
RESEND: Final = ("resend.com",)
MAILJET: Final = ("mailjet.com",)
SPARKPOST_EU: Final = ("eu.sparkpostmail.com",)
SPARKPOST: Final = ("sparkpostmail.com",)
SMTP2GO: Final = ("smtp2go.com",)
ZOHO: Final = ("zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.jp", "zoho.com.cn", "zoho.sa", "zohocloud.ca")
FASTMAIL: Final = ("fastmail.com", "messagingengine.com")
MANDRILL: Final = ("mandrillapp.com",)


def is_at(host: str, domains: Iterable[str]) -> bool:
    """Whether a host, in the form of ``parse_host()``, lies in one of these domains."""
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
