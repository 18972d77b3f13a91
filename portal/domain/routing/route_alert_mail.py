"""What a tenant's admins read when their server fails, and when it works again (THREATS 41)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from portal.domain.mail.content import Content
from portal.domain.mail.smtp_reply import MalformedReplyError, SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.diagnosis import Diagnosis, diagnose
from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.trouble import Trouble

_LONGEST_NAME: Final = 100
_LONGEST_QUOTE: Final = 300

_USUAL_STAGES: Final = {
    Fault.ROUTE_AUTH: SmtpStage.AUTH,
    Fault.ROUTE_CERT: SmtpStage.TLS,
    Fault.ROUTE_TEMP: SmtpStage.CONNECT,
}
"""Where a class of fault shows when no attempt is on record; at MAIL otherwise."""
_WITHOUT_WORDS: Final = {
    Fault.ROUTE_CERT: Trouble.CERTIFICATE,
    Fault.ROUTE_TEMP: Trouble.TIMED_OUT,
}

_MEANWHILE: Final = {
    FallbackPolicy.ALWAYS: "What your server does not take leaves through the platform, in the platform's name.",
    FallbackPolicy.SECURITY: (
        "Security mail such as sign-in codes leaves through the platform, in the platform's name. Everything else "
        "waits and is tried again until its lifetime ends, three days for most mail; then it fails, with a record."
    ),
    FallbackPolicy.NEVER: (
        "All mail waits and is tried again until its lifetime ends: a sign-in code expires after ten minutes, most "
        "other mail after three days; then it fails, with a record."
    ),
}
_MEANWHILE_SLOWER: Final = {
    FallbackPolicy.ALWAYS: (
        "Mail goes on through your server, more slowly. What has waited half an hour, security mail one minute, "
        "leaves through the platform, in the platform's name."
    ),
    FallbackPolicy.SECURITY: (
        "Mail goes on through your server, more slowly. Security mail that has waited a minute leaves through the "
        "platform, in the platform's name."
    ),
    FallbackPolicy.NEVER: "Mail goes on through your server, more slowly, and waits for its turn.",
}

_FAILURE: Final = """\
{opening}

What happened
{title}. {what_happened}
{answer}Since {since} (settings version {version}).

What to do
{steps}
Settings and test: {url}

What happens to mail meanwhile
{meanwhile}

{next_trial}You are told once a day at most while this goes on, and once more when it is over.
"""

_RECOVERY: Final = """\
The mail server {endpoint} takes {tenant}'s mail again, since {at}.

Mail goes through it again as usual, and what was waiting for it is being sent. There is nothing you need to do.

Settings: {url}
"""


@dataclass(frozen=True, slots=True)
class AlertedRoute:
    """The route an alert is about.

    Attributes:
        tenant: The tenant's name.
        url: Of the tenant's Email SMTP page.
    """

    tenant: str
    version: int
    settings: EmailSettings
    url: str

    @property
    def short_name(self) -> str:
        return self.tenant[:_LONGEST_NAME]


@dataclass(frozen=True, slots=True)
class Failure:
    """What is to be told.

    Attributes:
        stage: Where the last attempt failed; None when no attempt of this class is on record.
        said: What the server answered to it, or what happened instead; None likewise.
        next_trial: When the server is tried again by itself; None where every message tries it.
    """

    fault: Fault
    since: datetime
    stage: SmtpStage | None = None
    said: str | None = None
    next_trial: datetime | None = None


def failure_content(route: AlertedRoute, failure: Failure) -> Content:
    """The mail about a server that does not take mail, or asks for less of it."""
    slower = failure.fault is Fault.RATE
    told = _diagnosis(route, failure)
    host = route.settings.host
    # Only a reply is quoted: what happened instead of one is told in words already.
    reply = _reply_in(failure.said)
    answer = f"The server answered: «{str(reply)[:_LONGEST_QUOTE]}»\n" if reply else ""
    steps = told.what_to_do or ("Look at the settings and test the connection.",)
    text = _FAILURE.format(
        opening=(
            f"The mail server {route.settings.endpoint} asks for fewer messages than {route.tenant} sends."
            if slower
            else f"The mail server {route.settings.endpoint} does not take {route.tenant}'s mail."
        ),
        title=told.title,
        what_happened=told.what_happened,
        answer=answer,
        since=_time(failure.since),
        version=route.version,
        steps="\n".join(f"- {step}" for step in steps),
        url=route.url,
        meanwhile=(_MEANWHILE_SLOWER if slower else _MEANWHILE)[route.settings.fallback],
        next_trial=(
            f"The server is tried again by itself, next at {_time(failure.next_trial)}. " if failure.next_trial else ""
        ),
    )
    subject = f"mail server {host} asks for fewer messages" if slower else f"mail server {host} does not take your mail"
    return Content(subject=f"{route.short_name}: {subject}", text=text)


def recovery_content(route: AlertedRoute, at: datetime) -> Content:
    """The mail about a server that takes mail again after its admins were told that it did not."""
    text = _RECOVERY.format(endpoint=route.settings.endpoint, tenant=route.tenant, at=_time(at), url=route.url)
    return Content(subject=f"{route.short_name}: mail server {route.settings.host} works again", text=text)


def _diagnosis(route: AlertedRoute, failure: Failure) -> Diagnosis:
    host = route.settings.host
    if failure.fault is Fault.AMBIGUOUS:
        return Diagnosis(
            f"{host} does not confirm the messages it is given",
            "Messages were handed over whole, and the server closed the connection or fell silent. Each may have "
            "arrived, so the server is asked once more at most.",
            ("Ask the server's administrator; the server's log names the reason.",),
        )
    reply = _reply_in(failure.said)
    trouble, detail = _trouble_in(failure.said) if not reply else (None, "")
    if reply is None and trouble is None:
        trouble = _WITHOUT_WORDS.get(failure.fault)
    return diagnose(
        stage=failure.stage or _USUAL_STAGES.get(failure.fault, SmtpStage.MAIL),
        fault=failure.fault,
        reply=reply,
        trouble=trouble,
        detail=detail,
        endpoint=route.settings.endpoint,
        from_address=route.settings.from_address,
        username=route.settings.username,  # as it is stored: a token that serves as both stays a mark
    )


def _reply_in(said: str | None) -> SmtpReply | None:
    try:
        return SmtpReply.parse(said) if said else None
    except MalformedReplyError:
        return None


def _trouble_in(said: str | None) -> tuple[Trouble | None, str]:
    """What happened instead of a reply, and the fact beside it, as ``SubmissionError.said`` has joined them."""
    fitting = [trouble for trouble in Trouble if said and f"{said} ".startswith(f"{trouble} ")]
    if said is None or not fitting:
        return None, ""
    trouble = max(fitting, key=len)
    return trouble, said[len(trouble) :].strip()


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
