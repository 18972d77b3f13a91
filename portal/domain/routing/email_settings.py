"""What a tenant admin sets up, and what an edit of it means."""

from dataclasses import dataclass, fields
from enum import Enum
from typing import Final, NamedTuple

from portal.domain.routing.dkim_policy import SigningChoice
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.smtp_route import AuthChoice, Endpoint, TlsMode
from portal.domain.secret import MARK, Secret


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """The email settings of a tenant, without the password (CONTRACT: settings).

    Attributes:
        host: Lower-case A-label or IP literal.
        username: None for a server that asks for no sign-in.
        envelope_from: Where bounces go; None means ``from_address``.
        ehlo_name: What to call ourselves; None means the platform's name.
        dkim_selectors: The selectors the tenant's own server signs with, as far as the admin knows them.
        rate_per_second: How many messages the server takes in that time, as its provider says; None for no limit.
        rate_per_minute: Likewise.
        rate_per_day: Likewise, in any 24 hours.
    """

    host: str
    port: int
    security: TlsMode
    from_address: str
    username: str | None = None
    from_name: str = ""
    reply_to: str | None = None
    signing: SigningChoice = SigningChoice.OWN_SERVER
    auth: AuthChoice = AuthChoice.AUTO
    ehlo_name: str | None = None
    envelope_from: str | None = None
    dkim_selectors: tuple[str, ...] = ()
    fallback: FallbackPolicy = FallbackPolicy.ALWAYS
    rate_per_second: int | None = None
    rate_per_minute: int | None = None
    rate_per_day: int | None = None

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.host, self.port, self.security)

    @property
    def destination(self) -> tuple[str, int, TlsMode, str | None]:
        """What a stored password is bound to: to change any of it the password is entered again."""
        return (self.host, self.port, self.security, self.username)


class PasswordEdit(Enum):
    """What an edit does to the stored password when it brings no new one."""

    KEEP = "keep"
    REMOVE = "remove"


class FieldProblem(NamedTuple):
    """Why a field cannot stay as it is: its CONTRACT name, and a sentence a person can act on."""

    field: str
    sentence: str


class SettingsRefusedError(Exception):
    """The edit is not saved.

    Attributes:
        problems: At least one.
    """

    def __init__(self, problems: tuple[FieldProblem, ...]) -> None:
        super().__init__(" ".join(f"{field}: {sentence}" for field, sentence in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SettingsEdit:
    """Complete settings and what becomes of the password."""

    settings: EmailSettings
    password: Secret | PasswordEdit = PasswordEdit.KEEP


KEEPS_PASSWORD_OF_OTHER_SERVER: Final = FieldProblem(
    "password",
    "Enter the password again: the stored one is bound to the host, port, encryption and username it was saved "
    "with, and is not sent anywhere else.",
)


def looks_like_mask(text: str) -> bool:
    """Whether a typed password is really the dots some program showed in its place."""
    return bool(text) and (set(text) <= set("•*●·") or text == MARK)


_NAMES: Final = tuple(f.name for f in fields(EmailSettings))


def to_json(settings: EmailSettings, *, password_set: bool, enabled: bool) -> dict[str, object]:
    """The settings as CONTRACT's JSON shows them: never the password, only whether there is one."""
    shown: dict[str, object] = {name: getattr(settings, name) for name in _NAMES}
    shown["dkim_selectors"] = list(settings.dkim_selectors)
    return shown | {"password_set": password_set, "enabled": enabled}
