"""Facts of the providers of mailboxes, from their own pages (``doc_url``): they send in the mailbox's name.

The first preset that fits a host counts, so that the relay stands before the domain it is a part of.
"""

from datetime import date
from typing import Final

from portal.domain.routing import provider_hosts as hosts
from portal.domain.routing.provider_preset import (
    FieldHints,
    ProviderPreset,
    RateLimits,
    Sunset,
    UsernameKind,
    implicit_tls,
    starttls,
)

_LOOKED_AT: Final = date(2026, 11, 21)

MAILBOX_SERVICES: Final = (
    ProviderPreset(
        id="microsoft-365",
        name="Microsoft 365",
        hosts=hosts.MICROSOFT,
        host="smtp.office365.com",
        services=starttls(587, 25),
        username_kind=UsernameKind.ADDRESS,
        hints=FieldHints(
            "At Microsoft 365 the username is the mailbox's sign-in address (UPN).",
            "Sending with a password needs Authenticated SMTP switched on for the mailbox, and no security defaults or "
            "policies that forbid it. Microsoft switches it off from the end of December 2026 on.",
            "The From must be the mailbox itself, or the mailbox needs the Send As permission for it.",
        ),
        limits="Microsoft 365 allows 30 messages a minute and three connections for each mailbox.",
        rates=RateLimits(per_minute=30, per_day=10_000),
        sunset=Sunset(
            date(2026, 12, 31),
            "Microsoft ends sign-in with a password: off by default after this day, and never on in new "
            "organisations. Ask your administrator whether Authenticated SMTP stays on, or plan for another provider.",
        ),
        dashboard_url="https://admin.exchange.microsoft.com/",
        doc_url="https://learn.microsoft.com/en-us/exchange/clients-and-mobile-in-exchange-online/"
        "authenticated-client-smtp-submission",
        verified_on=_LOOKED_AT,
    ),
    ProviderPreset(
        id="google-relay",
        name="Google Workspace relay",
        hosts=hosts.GOOGLE_RELAY,
        host="smtp-relay.gmail.com",
        services=(*starttls(587, 25), *implicit_tls(465)),
        username_kind=UsernameKind.ADDRESS,
        hints=FieldHints(
            "At Google's relay the username is the full address of a Workspace user.",
            "The password is an app password of that user; the account's own password is not accepted.",
            "Use an address of a domain of your Workspace account, and allow the relay in the admin console.",
        ),
        limits="Google counts 10,000 messages a day for each user of the relay.",
        rates=RateLimits(per_day=10_000),
        caveats=("The relay must first be set up in the admin console, under Gmail, Routing.",),
        dashboard_url="https://admin.google.com/",
        doc_url="https://support.google.com/a/answer/2956491",
        verified_on=_LOOKED_AT,
    ),
    ProviderPreset(
        id="gmail",
        name="Gmail",
        hosts=hosts.GMAIL,
        host="smtp.gmail.com",
        services=(*starttls(587), *implicit_tls(465)),
        username_kind=UsernameKind.ADDRESS,
        hints=FieldHints(
            "At Gmail the username is the full address.",
            "The password is an app password, which needs 2-Step Verification; the account's own password is "
            "not accepted.",
            "Gmail sends in the account's own name or in one entered under Send mail as; any other From is rewritten.",
        ),
        limits="Gmail allows 500 messages a day, Workspace 2,000.",
        dashboard_url="https://mail.google.com/",
        doc_url="https://support.google.com/a/answer/176600",
        verified_on=_LOOKED_AT,
    ),
    ProviderPreset(
        id="zoho",
        name="Zoho Mail",
        hosts=hosts.ZOHO,
        host="smtppro.zoho.{region}",
        region_example="eu",
        services=(*starttls(587), *implicit_tls(465)),
        username_kind=UsernameKind.ADDRESS,
        hints=FieldHints(
            "At Zoho the username is the full address, and the host must be that of your account's region.",
            "With two-factor sign-in the password is an app password.",
            "The From must be your own address or one of its aliases.",
        ),
        caveats=("Accounts without a paid domain use smtp.zoho instead of smtppro.zoho, with the same ending.",),
        dashboard_url="https://mail.zoho.com/",
        doc_url="https://www.zoho.com/mail/help/zoho-smtp.html",
        verified_on=_LOOKED_AT,
    ),
    ProviderPreset(
        id="fastmail",
        name="Fastmail",
        hosts=hosts.FASTMAIL,
        host="smtp.fastmail.com",
        services=(*implicit_tls(465), *starttls(587)),
        username_kind=UsernameKind.ADDRESS,
        hints=FieldHints(
            "At Fastmail the username is the full address.",
            "The password is an app password with access to SMTP.",
            "The From must be one of your own addresses or aliases.",
        ),
        dashboard_url="https://app.fastmail.com/",
        doc_url="https://www.fastmail.help/hc/en-us/articles/1500000278342",
        verified_on=_LOOKED_AT,
    ),
)
