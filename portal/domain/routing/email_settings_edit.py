"""From what was typed or sent to complete email settings, or to the problem of each field.

The web form, the command line and the API all come through ``read_edit()``, so that a value is judged alike
whoever brings it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeVar

from portal.domain.mail.addresses import AddressError, check_display_name, domain_of, parse_address
from portal.domain.mail.host_names import HostError, parse_domain, parse_host
from portal.domain.routing.address_rules import may_connect_to
from portal.domain.routing.dkim_policy import SigningChoice
from portal.domain.routing.email_settings import (
    EmailSettings,
    FieldProblem,
    PasswordEdit,
    SettingsEdit,
    SettingsRefusedError,
    looks_like_mask,
)
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.smtp_route import AuthChoice, TlsMode
from portal.domain.secret import Secret

_Choice = TypeVar("_Choice", bound=StrEnum)

FORBIDDEN_HOST: Final = "This address cannot be used: mail servers are reached at public addresses only."
"""The one text for every forbidden destination, so that it tells nothing about what is there (THREATS 3)."""

_LONGEST_TEXT: Final = 320
_LONGEST_PASSWORD: Final = 1024
_MOST_SELECTORS: Final = 10
_SELECTOR: Final = re.compile(r"[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?")  # RFC 6376 section 3.1: one or more DNS labels
_FIELDS: Final = frozenset(EmailSettings.__dataclass_fields__) | {"password", "use_ssl", "use_starttls"}


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


class _RefusedError(ValueError):
    """A field cannot be what was given; the text is for a person."""


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
    reader = _Reader(given, base)
    security = reader.security()
    host = reader.required("host", parse_host)
    port = reader.port(rules.ports, security)
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
    )
    password = reader.password()
    reader.refuse_unknown()
    reader.judge_whole(settings, password, rules)
    if reader.problems:
        raise SettingsRefusedError(tuple(reader.problems))
    return SettingsEdit(settings, password)


class _Reader:
    """Takes fields from the object and collects what is wrong with them."""

    def __init__(self, given: Mapping[str, object], base: EmailSettings | None) -> None:
        self.given = given
        self.base = base
        self.problems: list[FieldProblem] = []

    def _problem(self, field: str, sentence: str) -> None:
        self.problems.append(FieldProblem(field, sentence))

    def _raw(self, field: str, *, longest: int = _LONGEST_TEXT) -> str | None:
        value = self.given[field]
        if value is None:
            return None
        if not isinstance(value, str):
            self._problem(field, "Give a text.")
            return None
        if len(value) > longest:
            self._problem(field, f"This is longer than {longest} characters.")
            return None
        return value.strip() or None

    def text(self, field: str, *, check: Callable[[str], str] | None = None) -> str | None:
        if field not in self.given:
            kept = getattr(self.base, field, None)
            return kept if isinstance(kept, str) else None
        value = self._raw(field)
        if value is None:
            return None
        try:
            return (check or _plain_text)(value)
        except (HostError, AddressError, _RefusedError) as refused:
            self._problem(field, str(refused))
            return None

    def required(self, field: str, check: Callable[[str], str]) -> str:
        before = len(self.problems)
        value = self.text(field, check=check)
        if value is None and len(self.problems) == before:
            self._problem(field, "Fill this in.")
        return value or ""

    def choice(self, field: str, of: type[_Choice], absent: _Choice) -> _Choice:
        if field not in self.given:
            kept = getattr(self.base, field, absent)
            return kept if isinstance(kept, of) else absent
        value = self.given[field]
        if value is None:
            return absent
        try:
            return of(str(value))
        except ValueError:
            self._problem(field, f"Choose one of: {', '.join(of)}.")
            return absent

    def security(self) -> TlsMode:
        if "use_ssl" not in self.given and "use_starttls" not in self.given:
            return self.choice("security", TlsMode, TlsMode.STARTTLS)
        base = self.base.security if self.base else TlsMode.NONE
        use_ssl = self.given.get("use_ssl", base is TlsMode.IMPLICIT)
        use_starttls = self.given.get("use_starttls", base is TlsMode.STARTTLS)
        if "security" in self.given or not all(isinstance(flag, bool | None) for flag in (use_ssl, use_starttls)):
            self._problem("security", "Give either security, or use_ssl and use_starttls as true or false.")
        elif use_ssl and use_starttls:
            self._problem("security", "SSL and STARTTLS exclude each other: choose one.")
        if use_ssl:
            return TlsMode.IMPLICIT
        return TlsMode.STARTTLS if use_starttls else TlsMode.NONE

    def port(self, allowed: frozenset[int], security: TlsMode) -> int:
        value = self.given.get("port", self.base.port if self.base else None)
        if value is None:
            value = security.usual_port
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            value = int(value.strip()[:6])
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 65535:
            self._problem("port", "A port is a number from 1 to 65535; 587 and 465 are usual.")
            return 587
        if value not in allowed:
            ports = ", ".join(str(port) for port in sorted(allowed))
            self._problem("port", f"This port cannot be used here. Mail servers take submissions on: {ports}.")
        return value

    def selectors(self) -> tuple[str, ...]:
        if "dkim_selectors" not in self.given:
            return self.base.dkim_selectors if self.base else ()
        value = self.given["dkim_selectors"]
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or len(value) > _MOST_SELECTORS:
            self._problem("dkim_selectors", f"Give a list of at most {_MOST_SELECTORS} selectors.")
            return ()
        named = tuple(str(selector).strip().lower() for selector in value)
        for selector in named:
            if len(selector) > 63 or not _SELECTOR.fullmatch(selector):
                self._problem(
                    "dkim_selectors", f"«{selector[:63]}» is not a selector: use letters, digits and hyphens."
                )
        return named

    def refuse_unknown(self) -> None:
        """A misspelt field would otherwise be kept as it was, without a word."""
        for field in sorted(set(self.given) - _FIELDS):
            self._problem(field[:64], "There is no such setting.")

    def password(self) -> Secret | PasswordEdit:
        if "password" not in self.given:
            return PasswordEdit.KEEP
        value = self.given["password"]
        if value is None:
            return PasswordEdit.REMOVE
        # A password is taken as it is: white space at its ends may belong to it.
        if not isinstance(value, str) or not value or len(value) > _LONGEST_PASSWORD:
            self._problem("password", "Give the password as a text; leave it out to keep the stored one.")
        elif looks_like_mask(value):
            self._problem("password", "These are the dots that stand for a password, not a password.")
        elif any(
            ord(character) < 32 or ord(character) == 127 or "\ud800" <= character <= "\udfff" for character in value
        ):
            self._problem("password", "A password cannot hold line breaks or control characters. Paste it again.")
        else:
            return Secret(value)
        return PasswordEdit.KEEP

    def judge_whole(self, settings: EmailSettings, password: Secret | PasswordEdit, rules: EditRules) -> None:
        """What no field can say alone."""
        address = _address_in(settings.host)
        if address and not may_connect_to(address, rules.networks):
            self._problem("host", FORBIDDEN_HOST)
        if settings.security is TlsMode.NONE:
            if isinstance(password, Secret) or settings.username:
                self._problem("security", "Unencrypted, the password could be read: choose STARTTLS or SSL/TLS.")
            elif not rules.clear_text and not (address and address.is_loopback):
                self._problem("security", "Choose STARTTLS or SSL/TLS: this platform sends nothing unencrypted.")
        if settings.signing is SigningChoice.PLATFORM and settings.from_address:
            domain = domain_of(settings.from_address)
            if not rules.platform_signs_for(domain):
                self._problem("signing", f"The platform holds no DKIM key for {domain}: let your own server sign.")
        if isinstance(password, Secret) and not settings.username:
            self._problem("username", "A password needs a username. Many providers use a fixed word, such as apikey.")


def _address_in(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _plain_text(value: str) -> str:
    if any(not character.isprintable() for character in value):
        raise _RefusedError("Take out the line breaks and invisible characters.")
    return value


def _display_name(value: str) -> str:
    check_display_name(value)
    return value
