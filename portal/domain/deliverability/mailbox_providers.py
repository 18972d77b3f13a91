"""Domains in which everybody may have a mailbox: nobody but the provider can authenticate mail from them."""

import re
from typing import Final

_ANY_COUNTRY: Final = r"(?:[a-z]{2}|com|(?:co|com)\.[a-z]{2})"
_PROVIDERS: Final = (
    (re.compile(r"gmail\.com|googlemail\.com"), ("gmail.com", "googlemail.com", "google.com")),
    (
        re.compile(
            rf"hotmail\.{_ANY_COUNTRY}|msn\.com|(?:outlook|live)\.(?:com|[a-z]{{2}}|com\.[a-z]{{2}}|co\.[a-z]{{2}})"
        ),
        ("outlook.com", "office365.com"),
    ),
    (re.compile(rf"yahoo\.{_ANY_COUNTRY}|ymail\.com|rocketmail\.com"), ("yahoo.com", "yahoo.co.jp", "yahoodns.net")),
    (re.compile(r"aol\.(?:com|de|fr|co\.uk)|aim\.com"), ("aol.com", "yahoo.com")),
    (re.compile(r"icloud\.com|me\.com|mac\.com"), ("mail.me.com", "icloud.com")),
    (re.compile(r"gmx\.(?:net|de|at|ch|com|fr|es|it|co\.uk)"), ("gmx.net", "gmx.com")),
    (re.compile(r"web\.de"), ("web.de",)),
    (re.compile(r"t-online\.de"), ("t-online.de",)),
    (re.compile(r"mail\.ru|inbox\.ru|list\.ru|bk\.ru"), ("mail.ru",)),
    (re.compile(r"yandex\.(?:ru|com|by|kz)|ya\.ru"), ("yandex.ru", "yandex.com")),
    (re.compile(r"qq\.com|foxmail\.com"), ("qq.com",)),
    (re.compile(r"163\.com|126\.com|yeah\.net"), ("163.com", "126.com", "yeah.net")),
    (re.compile(r"proton\.me|protonmail\.com|pm\.me"), ("protonmail.ch", "proton.me")),
    (re.compile(r"mail\.com|email\.com"), ("mail.com",)),
    (re.compile(r"comcast\.net"), ("comcast.net",)),
    (re.compile(r"(?:orange|wanadoo)\.fr"), ("orange.fr",)),
    (re.compile(r"free\.fr"), ("free.fr",)),
    (re.compile(r"libero\.it"), ("libero.it",)),
)
"""Which domains, and below which domains the servers of the same provider are found."""


def is_mailbox_provider(domain: str) -> bool:
    """Whether everybody may have an address at this domain."""
    return any(domains.fullmatch(domain) for domains, _ in _PROVIDERS)


def sends_for(host: str, domain: str) -> bool:
    """Whether a server belongs to the provider whose mailbox domain this is."""
    return any(
        domains.fullmatch(domain) and any(host == known or host.endswith("." + known) for known in servers)
        for domains, servers in _PROVIDERS
    )
