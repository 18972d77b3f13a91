"""The settings the demo's processes run with (CONTRACT: settings)."""

import shlex
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from portal.demo import keys
from portal.demo.folder import DemoFolder, write_whole
from portal.demo.hosts import LOOPBACK, PLATFORM, PLATFORM_FROM, PLATFORM_NAME, PLATFORM_SELECTOR
from portal.demo.ports import DemoPorts

_DEFAULT_SMTP_PORTS: Final = (25, 465, 587, 2465, 2525, 2587)


def demo_settings(folder: DemoFolder, ports: DemoPorts, *, web_port: int) -> dict[str, str]:
    """The demo's own settings, those that name its servers and keys; the keys are made when they are missing."""
    account = f"{quote(PLATFORM.username, safe='')}:{quote(PLATFORM.password, safe='')}"
    smtp_ports = sorted({*_DEFAULT_SMTP_PORTS, ports.acme_starttls, ports.acme_tls, ports.platform_starttls})
    return {
        "PORTAL_INSTANCE_DIR": str(folder.path.parent),
        "PORTAL_DATABASE_URL": f"sqlite:///{folder.database}",
        "PORTAL_SECRET_KEY": keys.secret_key(folder),
        "PORTAL_VAULT_KEYS": keys.vault_keys(folder),
        "PORTAL_BASE_URL": f"http://{LOOPBACK}:{web_port}",
        "PORTAL_PLATFORM_NAME": PLATFORM_NAME,
        "PORTAL_PLATFORM_SMTP_URL": f"smtp+starttls://{account}@{LOOPBACK}:{ports.platform_starttls}",
        "PORTAL_PLATFORM_FROM": PLATFORM_FROM,
        "PORTAL_PLATFORM_DKIM_DOMAIN": PLATFORM.domain,
        "PORTAL_PLATFORM_DKIM_SELECTOR": PLATFORM_SELECTOR,
        "PORTAL_PLATFORM_DKIM_KEY_FILE": str(folder.dkim_key),
        "PORTAL_ALLOWED_SMTP_NETWORKS": "127.0.0.0/8",
        "PORTAL_ALLOWED_SMTP_PORTS": ",".join(map(str, smtp_ports)),
        "PORTAL_CA_FILE": str(folder.ca_certificate),
        "PORTAL_DNS_SERVERS": f"{LOOPBACK}:{ports.dns}",
        "PORTAL_EHLO_NAME": PLATFORM.name,
    }


def child_environment(surroundings: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """The surroundings with the demo's settings in place of anything they say on the same matters.

    A developer's shell may hold the settings of a real installation, as values or as ``…_FILE``; the demo must
    not touch its database.
    """
    matters = {name.removesuffix("_FILE") for name in settings}
    kept = {name: value for name, value in surroundings.items() if name.removesuffix("_FILE") not in matters}
    return {**kept, **settings}


def write_settings(folder: DemoFolder, settings: Mapping[str, str]) -> None:
    """Leave the settings in the folder, one shell assignment a line, readable by their owner only."""
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in settings.items()]
    write_whole(folder.settings, "".join(lines).encode(), mode=0o600)
