"""The mail providers we know, found by their id or by a server's name."""

from typing import Final

from portal.domain.routing.provider_facts import SENDING_SERVICES
from portal.domain.routing.provider_facts_mailboxes import MAILBOX_SERVICES
from portal.domain.routing.provider_preset import REGION, ProviderPreset

_ALL: Final = (*SENDING_SERVICES, *MAILBOX_SERVICES)
PRESETS: Final = tuple(sorted(_ALL, key=lambda preset: preset.label.lower()))
"""As a list shows them."""
ONLY_USERNAMES: Final = frozenset(preset.username_value for preset in PRESETS if preset.username_value)
"""Words that presets put into the username field; at another provider they are nobody's name."""


def preset_named(preset_id: str) -> ProviderPreset | None:
    return next((preset for preset in _ALL if preset.id == preset_id), None)


def preset_at(host: str) -> ProviderPreset | None:
    """The provider a server belongs to, or None for all others.

    Args:
        host: In the form of ``parse_host()``.
    """
    return next((preset for preset in _ALL if preset.is_at(host)), None)


def with_example_region(host: str) -> str:
    """A preset's host that still waits for its region, made a name; any other text as it is."""
    preset = next((preset for preset in _ALL if preset.region_example and preset.host == host), None)
    return host.replace(REGION, preset.region_example) if preset else host
