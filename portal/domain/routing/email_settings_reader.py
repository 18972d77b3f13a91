"""Reads email settings field by field, whoever typed or sent them, and collects what is wrong with them."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, TypeVar

from portal.domain.mail.addresses import AddressError
from portal.domain.mail.host_names import HostError
from portal.domain.routing.email_settings import EmailSettings, FieldProblem, PasswordEdit, looks_like_mask
from portal.domain.routing.smtp_route import TlsMode
from portal.domain.secret import Secret

_Choice = TypeVar("_Choice", bound=StrEnum)

_LONGEST_TEXT: Final = 320
_LONGEST_PASSWORD: Final = 1024
_HIGHEST_RATE: Final = 100_000_000
_MOST_SELECTORS: Final = 10
_SELECTOR: Final = re.compile(r"[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?")  # RFC 6376 section 3.1: one or more DNS labels
_FIELDS: Final = frozenset(EmailSettings.__dataclass_fields__) | {"password", "use_ssl", "use_starttls"}


class _RefusedError(ValueError):
    """A field cannot be what was given; the text is for a person."""


class SettingsReader:
    """Takes fields from the object and collects what is wrong with them."""

    def __init__(self, given: Mapping[str, object], base: EmailSettings | None) -> None:
        self.given = given
        self.base = base
        self.problems: list[FieldProblem] = []

    def problem(self, field: str, sentence: str) -> None:
        self.problems.append(FieldProblem(field, sentence))

    def _raw(self, field: str, *, longest: int = _LONGEST_TEXT) -> str | None:
        value = self.given[field]
        if value is None:
            return None
        if not isinstance(value, str):
            self.problem(field, "Give a text.")
            return None
        if len(value) > longest:
            self.problem(field, f"This is longer than {longest} characters.")
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
            self.problem(field, str(refused))
            return None

    def required(self, field: str, check: Callable[[str], str]) -> str:
        before = len(self.problems)
        value = self.text(field, check=check)
        if value is None and len(self.problems) == before:
            self.problem(field, "Fill this in.")
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
            self.problem(field, f"Choose one of: {', '.join(of)}.")
            return absent

    def security(self) -> TlsMode:
        if "use_ssl" not in self.given and "use_starttls" not in self.given:
            return self.choice("security", TlsMode, TlsMode.STARTTLS)
        base = self.base.security if self.base else TlsMode.NONE
        use_ssl = self.given.get("use_ssl", base is TlsMode.IMPLICIT)
        use_starttls = self.given.get("use_starttls", base is TlsMode.STARTTLS)
        if "security" in self.given or not all(isinstance(flag, bool | None) for flag in (use_ssl, use_starttls)):
            self.problem("security", "Give either security, or use_ssl and use_starttls as true or false.")
        elif use_ssl and use_starttls:
            self.problem("security", "SSL and STARTTLS exclude each other: choose one.")
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
            self.problem("port", "A port is a number from 1 to 65535; 587 and 465 are usual.")
            return 587
        if value not in allowed:
            ports = ", ".join(str(port) for port in sorted(allowed))
            self.problem("port", f"This port cannot be used here. Mail servers take submissions on: {ports}.")
        return value

    def count(self, field: str) -> int | None:
        if field not in self.given:
            kept = getattr(self.base, field, None)
            return kept if isinstance(kept, int) else None
        value = self.given[field]
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            value = int(value.strip()[:10])
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _HIGHEST_RATE:
            self.problem(field, f"Give a number from 1 to {_HIGHEST_RATE:,}, or leave it empty for no limit.")
            return None
        return value

    def selectors(self) -> tuple[str, ...]:
        if "dkim_selectors" not in self.given:
            return self.base.dkim_selectors if self.base else ()
        value = self.given["dkim_selectors"]
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or len(value) > _MOST_SELECTORS:
            self.problem("dkim_selectors", f"Give a list of at most {_MOST_SELECTORS} selectors.")
            return ()
        named = tuple(str(selector).strip().lower() for selector in value)
        for selector in named:
            if len(selector) > 63 or not _SELECTOR.fullmatch(selector):
                self.problem("dkim_selectors", f"«{selector[:63]}» is not a selector: use letters, digits and hyphens.")
        return named

    def refuse_unknown(self) -> None:
        """A misspelt field would otherwise be kept as it was, without a word."""
        for field in sorted(set(self.given) - _FIELDS):
            self.problem(field[:64], "There is no such setting.")

    def password(self) -> Secret | PasswordEdit:
        if "password" not in self.given:
            return PasswordEdit.KEEP
        value = self.given["password"]
        if value is None:
            return PasswordEdit.REMOVE
        # A password is taken as it is: white space at its ends may belong to it.
        if not isinstance(value, str) or not value or len(value) > _LONGEST_PASSWORD:
            self.problem("password", "Give the password as a text; leave it out to keep the stored one.")
        elif looks_like_mask(value):
            self.problem("password", "These are the dots that stand for a password, not a password.")
        elif any(
            ord(character) < 32 or ord(character) == 127 or "\ud800" <= character <= "\udfff" for character in value
        ):
            self.problem("password", "A password cannot hold line breaks or control characters. Paste it again.")
        else:
            return Secret(value)
        return PasswordEdit.KEEP


def _plain_text(value: str) -> str:
    if any(not character.isprintable() for character in value):
        raise _RefusedError("Take out the line breaks and invisible characters.")
    return value
