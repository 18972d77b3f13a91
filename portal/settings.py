"""What an operator sets by environment or ``.env`` (CONTRACT: settings)."""

import os
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, PlainValidator, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from portal.domain.mail.addresses import check_display_name, parse_address
from portal.domain.mail.host_names import parse_domain
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import Credentials, Endpoint, TlsMode
from portal.domain.secret import Secret

_PREFIX: Final = "PORTAL_"
_SCHEMES: Final = {"smtp+starttls": TlsMode.STARTTLS, "smtps": TlsMode.IMPLICIT, "smtp": TlsMode.NONE}
_SHORTEST_SECRET_KEY: Final = 32


class BadSettingsError(Exception):
    """The installation cannot start as it is set; the text says what to change, and shows no value."""


def _secret(value: object) -> Secret:
    return value if isinstance(value, Secret) else Secret(str(value).strip())


def _parts(value: object) -> object:
    """Split ``a, b`` at its commas; other values are left to the field's own validation."""
    return [part for raw in value.split(",") if (part := raw.strip())] if isinstance(value, str) else value


SecretText = Annotated[Secret, PlainValidator(_secret)]
Ports = Annotated[frozenset[int], NoDecode, BeforeValidator(_parts)]
Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts)]


class _FromNamedFiles(PydanticBaseSettingsSource):
    """``PORTAL_SECRET_KEY_FILE=path`` sets ``PORTAL_SECRET_KEY`` to what the file holds."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the base class's signature
        variables = {**dotenv_values(".env"), **os.environ}
        path = variables.get(f"{_PREFIX}{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            name = f"{_PREFIX}{field_name.upper()}_FILE"
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise BadSettingsError(f"{name} names a file that cannot be read: {why}.") from None

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """All settings of an installation. ``load()`` reads them; the fields' names are CONTRACT's without PORTAL_."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    database_url: SecretText = Secret("sqlite:///instance/waypost.db")
    secret_key: SecretText
    vault_keys: SecretText
    base_url: str = "http://127.0.0.1:5000"
    platform_name: str = "Waypost"
    platform_smtp_url: SecretText
    platform_from: str
    platform_dkim_domain: str | None = None
    platform_dkim_selector: str | None = None
    platform_dkim_key: SecretText | None = None
    platform_hourly_limit: int = Field(default=300, gt=0)
    fallback_hourly_limit: int = Field(default=1000, gt=0)
    allowed_smtp_networks: Texts = ()
    allowed_smtp_ports: Ports = frozenset({25, 465, 587, 2465, 2525, 2587})
    allow_plaintext: bool = False
    ca_file: str | None = None
    dns_servers: Texts = ()
    ehlo_name: str | None = None
    worker_lease_seconds: float = Field(default=15, gt=0)
    worker_connections: int = Field(default=200, gt=0)
    route_connections: int = Field(default=4, gt=0)
    platform_connections: int = Field(default=20, gt=0)
    metrics_listen: str = "0"
    retention_days: int = Field(default=90, ge=0)
    trusted_proxies: int = Field(default=0, ge=0)
    smtp_timeout_resolve: float | None = Field(default=None, gt=0)
    smtp_timeout_connect: float | None = Field(default=None, gt=0)
    smtp_timeout_banner: float | None = Field(default=None, gt=0)
    smtp_timeout_ehlo: float | None = Field(default=None, gt=0)
    smtp_timeout_starttls: float | None = Field(default=None, gt=0)
    smtp_timeout_tls: float | None = Field(default=None, gt=0)
    smtp_timeout_auth: float | None = Field(default=None, gt=0)
    smtp_timeout_mail: float | None = Field(default=None, gt=0)
    smtp_timeout_rcpt: float | None = Field(default=None, gt=0)
    smtp_timeout_data: float | None = Field(default=None, gt=0)
    smtp_timeout_body: float | None = Field(default=None, gt=0)
    smtp_timeout_dot: float | None = Field(default=None, gt=0)
    smtp_timeout_quit: float | None = Field(default=None, gt=0)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FromNamedFiles(settings_cls), dotenv_settings

    @field_validator("secret_key")
    @classmethod
    def _is_strong(cls, key: Secret) -> Secret:
        if len(key.reveal()) < _SHORTEST_SECRET_KEY:
            raise ValueError(
                f"must be at least {_SHORTEST_SECRET_KEY} random characters: ./run keys generate --secret-key"
            )
        return key

    @field_validator("allowed_smtp_networks")
    @classmethod
    def _are_networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            ip_network(text)
        return texts

    @field_validator("platform_smtp_url")
    @classmethod
    def _is_smtp_url(cls, url: Secret) -> Secret:
        try:
            parts = urlsplit(url.reveal())
            is_whole = parts.port != 0 and not (parts.path.strip("/") or parts.query or parts.fragment)
        except ValueError:
            is_whole = False
        if not is_whole or parts.scheme not in _SCHEMES or not parts.hostname:
            # Not a word of it is repeated: a password with a slash in it looks like a port that is no number.
            raise ValueError(
                "must read smtp+starttls://, smtps:// or smtp:// and then user:password@host:port, "
                "with / ? # @ and : in the password percent-encoded"
            ) from None
        if parts.username and parts.scheme == "smtp":
            raise ValueError("has a password but no encryption: use smtp+starttls:// or smtps://")
        return url

    @field_validator("platform_from")
    @classmethod
    def _is_address(cls, address: str) -> str:
        return parse_address(address)

    @field_validator("platform_name")
    @classmethod
    def _is_display_name(cls, name: str) -> str:
        check_display_name(name)
        return name

    @field_validator("ehlo_name")
    @classmethod
    def _is_host_name(cls, name: str | None) -> str | None:
        return parse_domain(name) if name else None

    @field_validator("dns_servers")
    @classmethod
    def _are_servers(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for host, port in map(_host_and_port, texts):
            ip_address(host)
            if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError("must list address:port, separated by commas")
        return texts

    @field_validator("metrics_listen")
    @classmethod
    def _is_listening_address(cls, text: str) -> str:
        host, port = _listening_address(text)
        try:
            ip_address(host)
        except ValueError:
            port = ""
        if not port.isascii() or not port.isdigit() or int(port[:6]) > 65535:
            raise ValueError("must be a port, or address:port with an IP address; port 0 turns it off")
        return text

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(text) for text in self.allowed_smtp_networks)

    @property
    def name_servers(self) -> tuple[tuple[str, int], ...] | None:
        """``(address, port)`` of each resolver, or None to use the machine's own."""
        return tuple((host, int(port)) for host, port in map(_host_and_port, self.dns_servers)) or None

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Address and port that the worker's ``/metrics`` and ``/healthz`` are asked at; None when nobody may ask."""
        host, port = _listening_address(self.metrics_listen)
        return (host, int(port)) if int(port) else None

    @property
    def platform_endpoint(self) -> Endpoint:
        parts = urlsplit(self.platform_smtp_url.reveal())
        mode = _SCHEMES[parts.scheme]
        return Endpoint(parts.hostname or "", parts.port or (25 if mode is TlsMode.NONE else mode.usual_port), mode)

    @property
    def platform_credentials(self) -> Credentials | None:
        parts = urlsplit(self.platform_smtp_url.reveal())
        if not parts.username:
            return None
        return Credentials(unquote(parts.username), Secret(unquote(parts.password or "")))

    @property
    def greeting_name(self) -> str:
        """What we call ourselves in EHLO: never the machine's own name (THREATS 15)."""
        return self.ehlo_name or self.platform_domain

    @property
    def platform_domain(self) -> str:
        return self.platform_from.rpartition("@")[2]

    @property
    def stage_timeouts(self) -> dict[SmtpStage, float]:
        """The limits an operator has moved, in seconds."""
        named = {stage: getattr(self, f"smtp_timeout_{stage.value}") for stage in SmtpStage}
        return {stage: seconds for stage, seconds in named.items() if seconds is not None}


def _host_and_port(text: str) -> tuple[str, str]:
    """``192.0.2.1``, ``192.0.2.1:5353``, ``2001:db8::1`` or ``[2001:db8::1]:5353``, the port being 53 unless given."""
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        host, port = text, "53"
    return host.removeprefix("[").removesuffix("]"), port


def _listening_address(text: str) -> tuple[str, str]:
    """``9090`` (this machine only), ``0.0.0.0:9090`` or ``[::]:9090``."""
    host, colon, port = text.strip().rpartition(":")
    return (host.removeprefix("[").removesuffix("]") if colon else "127.0.0.1"), port


def load(**overrides: Any) -> Settings:
    """Read the settings of this installation.

    Args:
        overrides: Values by field name that go before the environment's.

    Raises:
        BadSettingsError: Something is absent or wrong; the text names each setting and shows no value.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise BadSettingsError(" ".join(_sentences(error.errors()))) from None


def _sentences(problems: Iterable[Any]) -> Iterable[str]:
    for problem in problems:
        name = _PREFIX + "_".join(str(part) for part in problem["loc"][:1]).upper()
        if problem["type"] == "missing":
            yield f"Set {name}."
        else:
            yield f"{name} {problem['msg'].removeprefix('Value error, ').rstrip('.')}."
