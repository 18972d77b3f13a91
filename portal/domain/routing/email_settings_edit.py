"""From what was typed or sent to complete email settings, or to the problem of each field.

The web form, the command line and the API all come through ``read_edit()``, so that a value is judged alike
whoever brings it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from portal.domain.mail.addresses import check_display_name, domain_of, parse_address
from portal.domain.mail.host_names import parse_domain
from portal.domain.routing.address_rules import may_connect_to
from portal.domain.routing.dkim_policy import SigningChoice
from portal.domain.routing.email_settings import (
    EmailSettings,
    PasswordEdit,
    SettingsEdit,
    SettingsRefusedError,
)
from portal.domain.routing.email_settings_reader import SettingsReader
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.pasted_host import parse_typed_host
from portal.domain.routing.smtp_route import AuthChoice, TlsMode
from portal.domain.secret import Secret

FORBIDDEN_HOST: Final = "This address cannot be used: mail servers are reached at public addresses only."
"""The one text for every forbidden destination, so that it tells nothing about what is there (THREATS 3)."""


@dataclass(frozen=True, slots=True)
class EditRules:
    """What the operator allows.

    Attributes:
        ports: Ports a tenant's server may listen on.
        networks: Networks beyond public addresses that a host given as an address may lie in.
        clear_text: Whether tenants may choose no encryption (without a password; loopback always may).
        platform_signs_for: Whether the platform holds a DKIM key that can sign for a From domain.
    """

    ports: frozenset[int]
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    clear_text: bool = False
    platform_signs_for: Callable[[str], bool] = lambda _domain: False


def read_edit(given: Mapping[str, object], base: EmailSettings | None, rules: EditRules) -> SettingsEdit:
    """Lay an edit over what is there.

    Args:
        given: CONTRACT's settings object. An absent field keeps, ``None`` removes.
        base: What is edited, or None for the first settings of a tenant.
        rules: What the operator allows.

    Returns:
        Complete settings. Whether a kept password may go with them is decided where it is stored.

    Raises:
        SettingsRefusedError: With every problem found, not only the first.
    """
    reader = SettingsReader(given, base)
    security = reader.security()
    port = reader.port(rules.ports, security)
    host = reader.required("host", partial(parse_typed_host, port=port, security=security))
    username = reader.text("username")
    settings = EmailSettings(
        host=host,
        port=port,
        security=security,
        from_address=reader.required("from_address", parse_address),
        username=username,
        from_name=reader.text("from_name", check=_display_name) or "",
        reply_to=reader.text("reply_to", check=parse_address),
        signing=reader.choice("signing", SigningChoice, SigningChoice.OWN_SERVER),
        auth=reader.choice("auth", AuthChoice, AuthChoice.AUTO),
        ehlo_name=reader.text("ehlo_name", check=parse_domain),
        envelope_from=reader.text("envelope_from", check=parse_address),
        dkim_selectors=reader.selectors(),
        fallback=reader.choice("fallback", FallbackPolicy, FallbackPolicy.ALWAYS),
        rate_per_second=reader.count("rate_per_second"),
        rate_per_minute=reader.count("rate_per_minute"),
        rate_per_day=reader.count("rate_per_day"),
    )
    password = reader.password()
    reader.refuse_unknown()
    _judge_whole(reader, settings, password, rules)
    if reader.problems:
        raise SettingsRefusedError(tuple(reader.problems))
    return SettingsEdit(settings, password)


def _judge_whole(
    reader: SettingsReader, settings: EmailSettings, password: Secret | PasswordEdit, rules: EditRules
) -> None:
    """What no field can say alone."""
    address = _address_in(settings.host)
    if address and not may_connect_to(address, rules.networks):
        reader.problem("host", FORBIDDEN_HOST)
    if settings.security is TlsMode.NONE:
        if isinstance(password, Secret) or settings.username:
            reader.problem("security", "Unencrypted, the password could be read: choose STARTTLS or SSL/TLS.")
        elif not rules.clear_text and not (address and address.is_loopback):
            reader.problem("security", "Choose STARTTLS or SSL/TLS: this platform sends nothing unencrypted.")
    if settings.signing is SigningChoice.PLATFORM and settings.from_address:
        domain = domain_of(settings.from_address)
        if not rules.platform_signs_for(domain):
            reader.problem("signing", f"The platform holds no DKIM key for {domain}: let your own server sign.")
    if isinstance(password, Secret) and not settings.username:
        reader.problem("username", "A password needs a username. Many providers use a fixed word, such as apikey.")


def _address_in(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _display_name(value: str) -> str:
    check_display_name(value)
    return value
