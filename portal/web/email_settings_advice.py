"""What the Email SMTP page says beside its fields before anybody presses a button."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.provider_preset import ProviderPreset
from portal.domain.routing.provider_presets import preset_at
from portal.domain.routing.settings_advice import Advice, TypedSettings, Weight, advice_on
from portal.web.forms.email_settings import EmailSettingsForm

_KEPT: Final = (
    "Stored encrypted. Leave empty to keep it; enter it again when host, port, encryption or username change."
)
_NEW: Final = "It is stored encrypted and never shown again."
_AGAIN: Final = "Type the password again: host, port, encryption or username differ from what it was saved with."


def advice_beside(form: EmailSettingsForm, kept: EmailSettings | None) -> dict[str, Any]:
    """What the templates need to know of the fields as they stand.

    Args:
        kept: The settings that a stored password belongs to; None where none is stored.

    Returns:
        ``advice`` and ``hints`` by field, ``provider`` the host belongs to or None, ``password_needed`` whether the
        stored one cannot be kept.
    """
    fields = {name: str(form[name].data or "").strip() for name in TypedSettings.FIELDS}
    typed = TypedSettings.of(**fields)
    needed = kept is not None and _is_elsewhere(typed, kept)
    found = list(advice_on(typed))
    if needed and not form.remove_password.data:
        found.append(Advice("password", Weight.HINT, _AGAIN))
    provider = preset_at(typed.host)
    return {
        "advice": _by_field(found),
        "hints": _hints(form, provider, is_stored=kept is not None),
        "provider": provider,
        "password_needed": needed,
    }


def _hints(form: EmailSettingsForm, provider: ProviderPreset | None, *, is_stored: bool) -> Mapping[str, str]:
    """What goes into the fields that each provider understands in its own way."""
    storage = _KEPT if is_stored else _NEW
    if provider is None:
        username, sender = form.username.description, form.from_address.description
        return {"username": username, "password": storage, "from_address": sender}
    known = provider.hints
    return {"username": known.username, "password": f"{known.password} {storage}", "from_address": known.sender}


def _is_elsewhere(typed: TypedSettings, kept: EmailSettings) -> bool:
    here = (typed.host, typed.port, typed.security, typed.username or None)
    return here != kept.destination


def _by_field(found: Sequence[Advice]) -> Mapping[str, Sequence[Advice]]:
    return {field: [advice for advice in found if advice.field == field] for field in {a.field for a in found}}
