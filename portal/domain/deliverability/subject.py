"""What is checked: a From address, the server it is sent through, and who signs."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Self

from portal.domain.deliverability.alignment import PublicSuffixOf, organizational_domain_by_list
from portal.domain.deliverability.dns_answers import IpAddress
from portal.domain.deliverability.dns_names import is_at_or_below, query_name, to_ascii
from portal.domain.deliverability.provider_records import ProviderRecords, provider_records


class SubjectError(ValueError):
    """Something that is no domain. The message names which; the text itself is not repeated."""


@dataclass(frozen=True, slots=True)
class PlatformKey:
    """The platform signs with a key of the tenant's domain.

    Attributes:
        selector: Where the key is to be published.
        public_key: Its SubjectPublicKeyInfo in base64, the value of ``p=``.
    """

    selector: str
    public_key: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the last real message showed, which is more than the DNS can tell.

    Attributes:
        client: The address it came from.
        selectors: Of the signatures for the From domain that verified.
    """

    client: IpAddress
    selectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """All that the checks need to know. Names are as ``query_name`` returns them.

    Attributes:
        from_domain: Of the From address.
        smtp_host: The tenant's server: a name, or an address as text.
        envelope_domain: Of MAIL FROM, where the tenant has told it or a message has shown it; else None.
        platform_key: None when the platform does not sign.
        selectors: Those the tenant's server signs with; empty when nobody has told us.
        evidence: None before the first live test.
        public_suffix_of: By the list of publicsuffix.org; None leaves that answer out.
    """

    from_domain: str
    smtp_host: str
    envelope_domain: str | None = None
    platform_key: PlatformKey | None = None
    selectors: tuple[str, ...] = ()
    evidence: Evidence | None = None
    public_suffix_of: PublicSuffixOf | None = None

    @classmethod
    def of(
        cls,
        from_domain: str,
        smtp_host: str,
        *,
        envelope_domain: str | None = None,
        platform_key: PlatformKey | None = None,
        selectors: Iterable[str] = (),
        public_suffix_of: PublicSuffixOf | None = None,
    ) -> Self:
        """Read what people type: international names, and selectors with ``._domainkey`` and the domain behind them.

        Raises:
            SubjectError: A domain or selector is none, or has a single label.
        """
        domain = _domain(from_domain, "The From address")
        return cls(
            domain,
            _host(smtp_host),
            _domain(envelope_domain, "The Return-Path") if envelope_domain else None,
            platform_key,
            tuple(dict.fromkeys(_selector(selector) for selector in selectors)),
            public_suffix_of=public_suffix_of,
        )

    @property
    def spf_domain(self) -> str:
        """Whose SPF record is asked: that of MAIL FROM, which is the From domain unless somebody knows better."""
        return self.envelope_domain or self.from_domain

    @property
    def provider(self) -> ProviderRecords | None:
        return provider_records(self.smtp_host)

    @property
    def host_address(self) -> IpAddress | None:
        """The server's address where the settings hold one instead of a name."""
        try:
            return ip_address(self.smtp_host)
        except ValueError:
            return None

    @property
    def return_path_is_the_providers(self) -> bool:
        """Whether MAIL FROM will hold a domain of the provider's, about which the tenant's SPF record says nothing."""
        return self.envelope_domain is None and self.provider is not None and self.provider.own_return_path

    def zone_of(self, name: str) -> str:
        """The domain in whose panel a record is entered: by the list where there is one, else as far as we can tell."""
        if self.public_suffix_of:
            return organizational_domain_by_list(name, self.public_suffix_of)
        return self.from_domain if is_at_or_below(name, self.from_domain) else name


def _domain(text: str, what: str) -> str:
    ascii_text = to_ascii(text.strip())
    name = query_name(ascii_text) if ascii_text is not None else None
    if name is None or "." not in name or isinstance(_address(name), IPv4Address | IPv6Address):
        raise SubjectError(f"{what} needs a full domain name.")
    return name


def _host(text: str) -> str:
    address = _address(text.strip())
    return str(address) if address else _domain(text, "The server")


def _address(text: str) -> IpAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _selector(text: str) -> str:
    """``s1`` of ``s1``, ``s1._domainkey`` and ``s1._domainkey.acme.example``."""
    name = query_name(text.strip().partition("._domainkey")[0])
    if name is None:
        raise SubjectError("A selector is the part before ._domainkey, for example s1.")
    return name
