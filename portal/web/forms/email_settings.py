"""A tenant's own mail server, as people type it in."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

from wtforms import BooleanField, HiddenField, PasswordField, RadioField, SelectChoice, SelectField, StringField

from portal.domain.routing.email_settings import EmailSettings, FieldProblem, SettingsRefusedError
from portal.domain.routing.provider_preset import ProviderPreset
from portal.domain.routing.provider_presets import ONLY_USERNAMES
from portal.web.forms import Form
from portal.web.labels import AUTH, ENCRYPTION, FALLBACK, FIELDS, SIGNING

_TEXTS: Final = (
    "host",
    "port",
    "username",
    "from_address",
    "from_name",
    "reply_to",
    "ehlo_name",
    "envelope_from",
    "rate_per_second",
    "rate_per_minute",
    "rate_per_day",
)
_CHOICES: Final = ("security", "signing", "fallback", "auth")
_OFF: Final = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
_NUMBER: Final = _OFF | {"inputmode": "numeric"}
_REMOVE_OR_REPLACE: Final = FieldProblem(
    "password", "Either type a new password or have the stored one removed, not both."
)


def _options(labels: Mapping[Any, str]) -> list[SelectChoice]:
    return [SelectChoice(str(value), label) for value, label in labels.items()]


class EmailSettingsForm(Form):
    """Server, sign-in, sender and policy. An empty password keeps the stored one."""

    seen = HiddenField(default="0")
    """The version that was shown when somebody began to type."""
    host = StringField(FIELDS["host"], description="For example smtp.postmarkapp.com", render_kw=_OFF)
    port = StringField(FIELDS["port"], render_kw=_NUMBER, default="587")
    security = RadioField(FIELDS["security"], choices=_options(ENCRYPTION), default="starttls")
    username = StringField(
        FIELDS["username"], description="Empty for a server that asks for no sign-in.", render_kw=_OFF
    )
    password = PasswordField(FIELDS["password"], render_kw={"autocomplete": "new-password"})
    remove_password = BooleanField("Remove the stored password")
    from_address = StringField(
        FIELDS["from_address"],
        description="An address your provider has verified.",
        render_kw=_OFF | {"inputmode": "email"},
    )
    from_name = StringField(FIELDS["from_name"], description="What readers see before the address.")
    reply_to = StringField(
        FIELDS["reply_to"],
        description="Where replies go; empty for the From address.",
        render_kw=_OFF | {"inputmode": "email"},
    )
    signing = RadioField(FIELDS["signing"], choices=_options(SIGNING), default="own_server")
    fallback = RadioField(
        FIELDS["fallback"],
        choices=_options(FALLBACK),
        default="always",
    )
    auth = SelectField(FIELDS["auth"], choices=_options(AUTH), default="auto")
    ehlo_name = StringField(
        FIELDS["ehlo_name"],
        description="What we call ourselves to your server; empty for the platform's name.",
        render_kw=_OFF,
    )
    envelope_from = StringField(
        FIELDS["envelope_from"],
        description="Where bounces go (Return-Path); empty for the From address.",
        render_kw=_OFF | {"inputmode": "email"},
    )
    dkim_selectors = StringField(
        FIELDS["dkim_selectors"], description="If you know them; parted by commas.", render_kw=_OFF
    )
    rate_per_second = StringField(
        FIELDS["rate_per_second"], description="Your provider's limit. We stay below it.", render_kw=_NUMBER
    )
    rate_per_minute = StringField(
        FIELDS["rate_per_minute"], description="Likewise; empty where there is none.", render_kw=_NUMBER
    )
    rate_per_day = StringField(FIELDS["rate_per_day"], description="Likewise, in any 24 hours.", render_kw=_NUMBER)

    @classmethod
    def showing(cls, settings: EmailSettings | None, version: int) -> Self:
        """The form filled with saved settings. Never a password: there is none in them."""
        if settings is None:
            return cls(formdata=None)
        shown: dict[str, Any] = {name: getattr(settings, name) for name in (*_TEXTS, *_CHOICES)}
        shown |= {"dkim_selectors": ", ".join(settings.dkim_selectors), "seen": str(version)}
        return cls(formdata=None, data=shown)

    @classmethod
    def typed_before(cls, typed: Mapping[str, str]) -> Self:
        """The form with what ``typed`` has kept."""
        return cls(formdata=None, data=typed)

    def fill_in(self, preset: ProviderPreset) -> None:
        """Lay a provider's server over what is typed. The limits of another server say nothing about this one."""
        service, rates = preset.recommended, preset.rates
        self.host.data, self.port.data, self.security.data = preset.host, str(service.port), service.security.value
        if preset.username_value or self.username.data in ONLY_USERNAMES:
            self.username.data = preset.username_value
        for name in ("per_second", "per_minute", "per_day"):
            self[f"rate_{name}"].data = getattr(rates, name)

    @property
    def typed(self) -> dict[str, str]:
        """What was typed, as far as it may be shown again: all but the password."""
        return {name: str(self[name].data or "") for name in (*_TEXTS, *_CHOICES, "dkim_selectors", "seen")}

    def given(self) -> dict[str, object]:
        """CONTRACT's settings object. The form shows every setting, so an emptied field removes.

        Raises:
            SettingsRefusedError: The form says two things at once, which the object could not.
        """
        if self.password.data and self.remove_password.data:
            raise SettingsRefusedError((_REMOVE_OR_REPLACE,))
        given: dict[str, object] = {name: self[name].data or None for name in (*_TEXTS, *_CHOICES)}
        given["dkim_selectors"] = [name for name in re.split(r"[,\s]+", self.dkim_selectors.data or "") if name]
        if self.password.data:
            given["password"] = self.password.data
        elif self.remove_password.data:
            given["password"] = None
        return given

    @property
    def seen_version(self) -> int | None:
        """The version the page showed, 0 for none; None when a request does not say."""
        text = str(self.seen.data or "")
        return int(text) if self.seen.raw_data and text.isascii() and text.isdigit() and len(text) < 10 else None

    def show_problems(self, problems: Iterable[FieldProblem]) -> None:
        for field, sentence in problems:
            self[field].errors = [*self[field].errors, sentence]

    @property
    def problems(self) -> list[tuple[Any, str]]:
        """Each problem with its field, in the page's order."""
        return [(field, sentence) for field in self for sentence in field.errors]
