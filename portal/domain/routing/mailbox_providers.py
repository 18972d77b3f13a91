"""Providers of mailboxes for everybody, whose domains nobody else can send for.

Their receivers' check (DMARC) expects mail from such a domain to come from the provider's own servers. Who puts such an
address into From and sends through another server is rejected or filed as spam.
"""

import re
from dataclasses import dataclass
from typing import Final

from portal.domain.routing.provider_hosts import GOOGLE, MICROSOFT, is_at

_COUNTRY: Final = r"(?:com|net|(?:co|com)\.[a-z]{2}|[a-z]{2})"


@dataclass(frozen=True, slots=True)
class MailboxProvider:
    """One provider.

    Attributes:
        domains: What stands after the @ in its addresses.
        servers: Domains of its own servers.
        submission_host: Where its customers hand mail in; empty where it offers that to few.
    """

    name: str
    domains: re.Pattern[str]
    servers: tuple[str, ...]
    submission_host: str


def mailbox_provider_of(domain: str) -> MailboxProvider | None:
    """Whose mailboxes have this domain, or None for all others.

    Args:
        domain: In the form of ``parse_domain()``.
    """
    return next((provider for provider in _PROVIDERS if provider.domains.fullmatch(domain)), None)


def is_server_of(provider: MailboxProvider, host: str) -> bool:
    return is_at(host, provider.servers)


def _one_of(*domains: str) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, domains)))


def _in_any_country(*names: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(names)})\.{_COUNTRY}")


_PROVIDERS: Final = (
    MailboxProvider("Gmail", _one_of("gmail.com", "googlemail.com"), GOOGLE, "smtp.gmail.com"),
    MailboxProvider(
        "Outlook.com", _in_any_country("outlook", "hotmail", "live", "msn"), MICROSOFT, "smtp-mail.outlook.com"
    ),
    MailboxProvider(
        "Yahoo",
        re.compile(rf"yahoo\.{_COUNTRY}|ymail\.com|rocketmail\.com"),
        ("yahoo.com", "yahoo.co.jp", "yahoodns.net"),
        "smtp.mail.yahoo.com",
    ),
    MailboxProvider("AOL", _in_any_country("aol", "aim"), ("aol.com", "yahoo.com"), "smtp.aol.com"),
    MailboxProvider(
        "iCloud Mail", _one_of("icloud.com", "me.com", "mac.com"), ("mail.me.com", "icloud.com"), "smtp.mail.me.com"
    ),
    MailboxProvider("GMX", _in_any_country("gmx"), ("gmx.net", "gmx.com"), "mail.gmx.net"),
    MailboxProvider("WEB.DE", _one_of("web.de"), ("web.de",), "smtp.web.de"),
    MailboxProvider("T-Online", _one_of("t-online.de", "magenta.de"), ("t-online.de",), "securesmtp.t-online.de"),
    MailboxProvider(
        "Proton Mail",
        _one_of("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
        ("protonmail.ch", "proton.me"),
        "",
    ),
    MailboxProvider(
        "Mail.ru", _one_of("mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru"), ("mail.ru",), "smtp.mail.ru"
    ),
    MailboxProvider(
        "Yandex Mail",
        _one_of("yandex.ru", "yandex.com", "yandex.by", "yandex.kz", "ya.ru"),
        ("yandex.ru", "yandex.com"),
        "smtp.yandex.com",
    ),
    MailboxProvider("QQ Mail", _one_of("qq.com", "foxmail.com"), ("qq.com",), "smtp.qq.com"),
    MailboxProvider("NetEase", _one_of("163.com", "126.com", "yeah.net"), ("163.com", "126.com", "yeah.net"), ""),
    MailboxProvider("mail.com", _one_of("mail.com", "email.com"), ("mail.com",), "smtp.mail.com"),
    MailboxProvider("Comcast", _one_of("comcast.net"), ("comcast.net",), "smtp.comcast.net"),
    MailboxProvider("Orange", _one_of("orange.fr", "wanadoo.fr"), ("orange.fr",), "smtp.orange.fr"),
    MailboxProvider("Free", _one_of("free.fr"), ("free.fr",), "smtp.free.fr"),
    MailboxProvider("Libero", _one_of("libero.it"), ("libero.it",), "smtp.libero.it"),
)
