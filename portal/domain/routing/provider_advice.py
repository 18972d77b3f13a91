"""What a tenant admin should know of the big providers when a test fails.

Facts from the providers' own documentation, looked at in November 2026. They serve as hints after a failure; nothing is
refused because of them.
"""

from dataclasses import dataclass
from typing import Final

from portal.domain.routing.smtp_route import Endpoint, TlsMode


@dataclass(frozen=True, slots=True)
class ProviderAdvice:
    """Hints for one provider, each a whole sentence or empty.

    Attributes:
        hosts: Domains; a server is the provider's when its name ends so.
        username: What goes into the username field.
        only_username: The one username the provider takes, where it is the same for all customers.
        password: What goes into the password field.
        sender: Which From addresses are accepted.
        limits: What is known of its limits.
        starttls_ports: The first is the one to recommend.
        tls_ports: Empty where the provider has no port with TLS from the first byte.
    """

    name: str
    hosts: tuple[str, ...]
    username: str
    password: str
    sender: str
    only_username: str | None = None
    limits: str = ""
    starttls_ports: tuple[int, ...] = (587,)
    tls_ports: tuple[int, ...] = (465,)

    def is_at(self, host: str) -> bool:
        return any(host == known or host.endswith(f".{known}") for known in self.hosts)

    def speaks(self, endpoint: Endpoint) -> bool:
        """Whether it serves this port in this mode."""
        ports = self.tls_ports if endpoint.tls is TlsMode.IMPLICIT else self.starttls_ports
        return endpoint.tls is not TlsMode.NONE and endpoint.port in ports

    @property
    def ports(self) -> str:
        starttls = f"port {_listed(self.starttls_ports)} with STARTTLS"
        tls = f" and port {_listed(self.tls_ports)} with SSL/TLS" if self.tls_ports else ""
        return f"{self.name} uses {starttls}{tls}."


def advice_for(host: str) -> ProviderAdvice | None:
    """The provider a server belongs to, or None for all others."""
    return next((provider for provider in _PROVIDERS if provider.is_at(host)), None)


def _listed(ports: tuple[int, ...]) -> str:
    return " or ".join(map(str, ports))


_PROVIDERS: Final = (
    ProviderAdvice(
        "SendGrid",
        ("sendgrid.net",),
        "At SendGrid the username is the word apikey, the same for everybody.",
        "The password is a SendGrid API key with the permission Mail Send; it begins with SG.",
        "Verify this address as a single sender in SendGrid, or authenticate its domain there.",
        only_username="apikey",
        limits="SendGrid also refuses when the credits of your plan are used up: look at your plan.",
        starttls_ports=(587, 25, 2525),
    ),
    ProviderAdvice(
        "Postmark",
        ("postmarkapp.com",),
        "At Postmark the username is the server's API token, the same as the password.",
        "The password is the Server API token, found in the server's API Tokens.",
        "Add this address as a Sender Signature in Postmark, or verify its domain there.",
        starttls_ports=(587, 25, 2525),
        tls_ports=(),
    ),
    ProviderAdvice(
        "Mailgun",
        ("mailgun.org",),
        "At Mailgun the username is a full SMTP login such as postmaster@ and your sending domain.",
        "The password is that login's SMTP password, not the API key.",
        "Use an address of the domain this login belongs to. A sandbox domain reaches authorized recipients only.",
        starttls_ports=(587, 25, 2525),
    ),
    ProviderAdvice(
        "Amazon SES",
        ("amazonaws.com",),
        "Amazon SES has SMTP user names of its own; an AWS access key does not work.",
        "SMTP credentials belong to one region: create them in the region this host names.",
        "Verify this address or its domain in the same region. While the account is in the sandbox, every recipient "
        "must be verified too.",
        limits="In the sandbox Amazon SES allows 200 messages a day and one a second; ask for production access.",
        starttls_ports=(587, 25, 2587),
        tls_ports=(465, 2465),
    ),
    ProviderAdvice(
        "Microsoft 365",
        ("office365.com", "outlook.com"),
        "At Microsoft 365 the username is the mailbox's sign-in address (UPN).",
        "Sending with a password needs Authenticated SMTP switched on for the mailbox, and no security defaults or "
        "policies that forbid it. From the end of December 2026 Microsoft switches passwords off unless your "
        "administrator switches them on again.",
        "The From must be the mailbox itself, or the mailbox needs the Send As permission for it.",
        limits="Microsoft 365 allows 30 messages a minute and three connections for each mailbox.",
        starttls_ports=(587, 25),
        tls_ports=(),
    ),
    ProviderAdvice(
        "Google Workspace relay",
        ("smtp-relay.gmail.com",),
        "At Google's relay the username is the full address of a Workspace user.",
        "The password is an app password of that user; the account's own password is not accepted.",
        "Use an address of a domain of your Workspace account, and allow the relay in the admin console.",
        limits="Google counts 10,000 messages a day for each user of the relay.",
        starttls_ports=(587, 25),
    ),
    ProviderAdvice(
        "Gmail",
        ("gmail.com", "googlemail.com"),
        "At Gmail the username is the full address.",
        "The password is an app password, which needs 2-Step Verification; the account's own password is not accepted.",
        "Gmail sends in the account's own name or in one entered under Send mail as; any other From is rewritten.",
        limits="Gmail allows 500 messages a day, Workspace 2,000.",
    ),
    ProviderAdvice(
        "Brevo",
        ("brevo.com",),
        "At Brevo the username is the SMTP login from the SMTP & API page.",
        "The password is an SMTP key, not an API key.",
        "Authenticate the domain of this address in Brevo.",
        limits="Brevo's free plan allows 300 messages a day.",
        starttls_ports=(587, 2525),
    ),
    ProviderAdvice(
        "Resend",
        ("resend.com",),
        "At Resend the username is the word resend, the same for everybody.",
        "The password is an API key of Resend.",
        "Verify the domain of this address in Resend.",
        only_username="resend",
        starttls_ports=(587, 25, 2587),
        tls_ports=(465, 2465),
    ),
    ProviderAdvice(
        "Mailjet",
        ("mailjet.com",),
        "At Mailjet the username is the API key.",
        "The password is the secret key that belongs to the API key.",
        "Validate this address or its domain in Mailjet.",
        limits="Mailjet's free plan allows 200 messages a day.",
        starttls_ports=(587, 25, 2525),
    ),
    ProviderAdvice(
        "SparkPost",
        ("sparkpostmail.com",),
        "At SparkPost the username is SMTP_Injection.",
        "The password is an API key with the permission Send via SMTP.",
        "Verify the domain of this address as a sending domain in SparkPost.",
        starttls_ports=(587, 2525),
        tls_ports=(),
    ),
    ProviderAdvice(
        "SMTP2GO",
        ("smtp2go.com",),
        "At SMTP2GO the username is an SMTP user, which is not the account's sign-in.",
        "The password is that SMTP user's.",
        "Add this address or its domain under Verified Senders in SMTP2GO.",
        starttls_ports=(587, 2525, 8025, 25, 80),
        tls_ports=(465, 8465, 443),
    ),
    ProviderAdvice(
        "Zoho Mail",
        ("zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.jp", "zoho.com.cn"),
        "At Zoho the username is the full address, and the host must be that of your account's region.",
        "With two-factor sign-in the password is an app password.",
        "The From must be your own address or one of its aliases.",
    ),
    ProviderAdvice(
        "Fastmail",
        ("fastmail.com",),
        "At Fastmail the username is the full address.",
        "The password is an app password with access to SMTP.",
        "The From must be one of your own addresses or aliases.",
    ),
    ProviderAdvice(
        "Mandrill",
        ("mandrillapp.com",),
        "At Mandrill the username may be anything; the account's address is usual.",
        "The password is an API key of Mandrill.",
        "Verify the domain of this address as a sending domain in Mandrill.",
        starttls_ports=(587, 25, 2525),
    ),
)
