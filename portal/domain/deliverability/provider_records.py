"""What the big providers want published, and whose domain stands in MAIL FROM when they send (DELIVERABILITY 3.9).

Facts from the providers' documentation, or, where ``is_hearsay``, from guides by others. Providers change: what is said
because of this table says as of when, and nothing is red because of it alone.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

AS_OF: Final = "November 2026"


@dataclass(frozen=True, slots=True)
class ProviderRecords:
    """The conventions of one provider.

    Attributes:
        hosts: Patterns of its servers' names, where * stands for anything.
        include: The domain of its SPF record; "" where none is needed or none is known.
        own_return_path: It puts a domain of its own into MAIL FROM unless one has been set up there.
        return_path_alias: Below which domain the target of a Return-Path lies that has been set up as an alias (CNAME);
            its SPF record is the provider's own. "" where there is no such alias or it is not known.
        selectors: Those it usually signs with; empty where they differ for every customer.
        all_selectors: All of them must be there, because it changes from one to the other by itself.
        is_hearsay: The row does not come from the provider's own documentation.
    """

    name: str
    hosts: tuple[str, ...]
    include: str = ""
    own_return_path: bool = False
    return_path_alias: str = ""
    selectors: tuple[str, ...] = ()
    all_selectors: bool = False
    is_hearsay: bool = False


def provider_records(host: str) -> ProviderRecords | None:
    """The provider a server belongs to; None for all others.

    Args:
        host: Lower-case, without the root's dot.
    """
    return next(
        (row for row in PROVIDER_RECORDS if any(fnmatchcase(host, pattern) for pattern in row.hosts)),
        None,
    )


PROVIDER_RECORDS: Final = (
    ProviderRecords(
        "SendGrid",
        ("smtp.sendgrid.net",),
        "sendgrid.net",
        own_return_path=True,
        return_path_alias="sendgrid.net",
        selectors=("s1", "s2"),
    ),
    ProviderRecords("Amazon SES", ("email-smtp.*.amazonaws.com",), "amazonses.com", own_return_path=True),
    ProviderRecords(
        "Postmark",
        ("smtp.postmarkapp.com", "smtp-broadcasts.postmarkapp.com"),
        own_return_path=True,
        return_path_alias="mtasv.net",
    ),
    ProviderRecords(
        "Mailgun",
        ("smtp.mailgun.org", "smtp.eu.mailgun.org"),
        "mailgun.org",
        selectors=("mx", "k1", "pic", "smtp", "mailo", "pdk1", "pdk2"),
    ),
    ProviderRecords(
        "Microsoft 365",
        ("smtp.office365.com",),
        "spf.protection.outlook.com",
        selectors=("selector1", "selector2"),
        all_selectors=True,
    ),
    ProviderRecords("Google", ("smtp.gmail.com", "smtp-relay.gmail.com"), "_spf.google.com", selectors=("google",)),
    ProviderRecords("Brevo", ("smtp-relay.brevo.com",), own_return_path=True, selectors=("brevo1", "brevo2", "mail")),
    ProviderRecords(
        "Mailjet",
        ("in.mailjet.com", "in-v3.mailjet.com"),
        "spf.mailjet.com",
        own_return_path=True,
        selectors=("mailjet",),
    ),
    ProviderRecords(
        "Mandrill", ("smtp.mandrillapp.com",), "spf.mandrillapp.com", own_return_path=True, selectors=("mte1", "mte2")
    ),
    ProviderRecords(
        "Fastmail",
        ("smtp.fastmail.com",),
        "spf.messagingengine.com",
        selectors=("fm1", "fm2", "fm3"),
        is_hearsay=True,
    ),
    ProviderRecords(
        "SMTP2GO",
        ("mail.smtp2go.com", "mail-*.smtp2go.com"),
        own_return_path=True,
        return_path_alias="smtp2go.net",
        is_hearsay=True,
    ),
    ProviderRecords("ZeptoMail", ("smtp.zeptomail.*",), "zeptomail.net", own_return_path=True),
    ProviderRecords("Resend", ("smtp.resend.com",), own_return_path=True, selectors=("resend",), is_hearsay=True),
)

COMMON_SELECTORS: Final = ("default", "dkim", "mail", "smtp", "key1", "x")
"""Those that mail servers suggest when they are set up."""

PROVIDERS_SELECTORS: Final = ("google", "selector1", "selector2", "s1", "s2", "k1")
"""Those of widespread providers: a key there may well be for another service than the one that is checked."""
