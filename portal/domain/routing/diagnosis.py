"""What a test of the connection says to the person who has to mend it (CONTRACT: probe; PAGES: Test connection)."""

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing import diagnosis_cases as cases
from portal.domain.routing import diagnosis_replies as replies
from portal.domain.routing.diagnosis_cases import Case
from portal.domain.routing.fault_rules import Said, words_of
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.provider_preset import ProviderPreset
from portal.domain.routing.provider_presets import preset_at
from portal.domain.routing.smtp_route import AuthChoice, Endpoint, TlsMode
from portal.domain.routing.trouble import Trouble

Fix = Mapping[str, str | int]

_NO_FIX: Final[Fix] = MappingProxyType({})
_MODES: Final = {TlsMode.STARTTLS: "STARTTLS", TlsMode.IMPLICIT: "SSL/TLS", TlsMode.NONE: "no encryption"}
_USUALLY_TLS: Final = frozenset({465, 2465, 8465})
"""Ports where TLS begins with the first byte. A server there waits for us, so that STARTTLS meets silence."""
_BEFORE_SIGN_IN: Final = (
    SmtpStage.RESOLVE,
    SmtpStage.CONNECT,
    SmtpStage.BANNER,
    SmtpStage.EHLO,
    SmtpStage.STARTTLS,
    SmtpStage.TLS,
)
_NO_SIGN_IN_TRIED: Final = (Trouble.NO_AUTH, Trouble.NO_USABLE_MECHANISM, Trouble.NO_STARTTLS)
_CHOSEN: Final = (AuthChoice.PLAIN, AuthChoice.LOGIN)
_DOOR: Final = (SmtpStage.CONNECT, SmtpStage.BANNER, SmtpStage.TLS)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong and what to do.

    Attributes:
        title: The cause in a few words, without a full stop.
        what_happened: One to three sentences; says that no password was sent where one was set and was not.
        what_to_do: Steps in their order; empty when all is well.
        field: The form field it belongs to: ``host``, ``port``, ``security``, ``username``, ``password``, ``auth``
            or ``from_address``; None for none.
        fix: New values of form fields that certainly mend it, for a button; empty where it is not certain.
    """

    title: str
    what_happened: str
    what_to_do: tuple[str, ...] = ()
    field: str | None = None
    fix: Fix = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Finding:
    """What the test found, and the settings it was made with."""

    stage: SmtpStage
    fault: Fault
    reply: SmtpReply | None
    trouble: Trouble | None
    endpoint: Endpoint
    username: str | None
    provider: ProviderPreset | None
    answers_in: TlsMode | None
    offers_another_mechanism: bool


def diagnose(  # noqa: PLR0913  what is known of a test, by its names; a bundle would only be taken apart again
    *,
    stage: SmtpStage | None,
    fault: Fault,
    reply: SmtpReply | None,
    trouble: Trouble | None,
    detail: str,
    endpoint: Endpoint,
    from_address: str,
    username: str | None,
    auth: AuthChoice = AuthChoice.AUTO,
    answers_in: TlsMode | None = None,
) -> Diagnosis:
    """Name cause, remedy and form field of a test's end.

    Args:
        stage: Where it failed; None when it did not.
        fault: Its class; ``OK`` when the test message was accepted.
        reply: The server's answer, if it was one that failed the test.
        trouble: What happened instead of an answer.
        detail: A fact for people such as ``"expired on 2026-01-01"``; may be empty.
        from_address: The From of the settings tested.
        username: None when no sign-in is set.
        auth: How it was to be signed in.
        answers_in: What the contrast has shown: the other TLS mode, in which the same port has greeted us. None when
            it has not, or was not asked.
    """
    if stage is None or fault is Fault.OK:
        return Diagnosis(
            f"{endpoint.host} accepted the test message",
            f"Every step worked, from looking up the name to handing over a message from {from_address}. "
            "Whether it arrives, your inbox will show.",
        )
    finding = _Finding(
        stage=stage,
        fault=fault,
        reply=reply,
        trouble=trouble,
        endpoint=endpoint,
        username=username,
        provider=preset_at(endpoint.host),
        answers_in=answers_in,
        offers_another_mechanism=auth in _CHOSEN and _offers_any(_CHOSEN, detail),
    )
    case = _case(finding)
    words = {
        "host": endpoint.host,
        "port": str(endpoint.port),
        "mode": _MODES[endpoint.tls],
        "from_address": from_address,
        "username": username or "nobody",
        "detail": f": {detail}" if detail else "",
    }
    return Diagnosis(
        case.title.format_map(words),
        " ".join((case.what_happened.format_map(words), *_reassurance(finding))),
        (*_from_provider(case, finding), *(step.format_map(words) for step in case.what_to_do)),
        case.field,
        _fix(case, finding),
    )


def _case(finding: _Finding) -> Case:
    if finding.fault is Fault.AMBIGUOUS:
        return replies.AMBIGUOUS
    if finding.answers_in:
        return cases.SPEAKS_TLS if finding.answers_in is TlsMode.IMPLICIT else cases.SPEAKS_CLEAR_TEXT
    if finding.trouble is Trouble.NO_USABLE_MECHANISM and finding.offers_another_mechanism:
        return cases.OTHER_MECHANISM
    if finding.trouble:
        return _case_of_trouble(finding.trouble, finding.stage, finding.endpoint)
    code = finding.reply.code if finding.reply else None
    said = Said(
        finding.stage,
        code,
        finding.reply.enhanced if finding.reply else None,
        words_of(finding.reply.text if finding.reply else ""),
        finding.endpoint.host,
    )
    fitting = (case for rule, case in replies.BY_REPLY if rule.fault is finding.fault and rule.fits(said))
    return next(fitting, replies.PROTOCOL)


def _case_of_trouble(trouble: Trouble, stage: SmtpStage, endpoint: Endpoint) -> Case:
    if trouble is Trouble.TIMED_OUT:
        if stage is SmtpStage.BANNER and endpoint.tls is not TlsMode.IMPLICIT and endpoint.port in _USUALLY_TLS:
            return cases.SILENT_AT_TLS_PORT
        return cases.TIMED_OUT.get(stage, cases.TOO_SLOW)
    if trouble is Trouble.CONNECTION_LOST:
        return cases.LOST.get(stage, cases.HUNG_UP)
    if trouble is Trouble.SPEAKS_CLEAR_TEXT and endpoint.tls is TlsMode.STARTTLS:
        return cases.PLAIN_AFTER_STARTTLS
    return cases.BY_TROUBLE[trouble]


def _offers_any(mechanisms: Collection[AuthChoice], detail: str) -> bool:
    """Whether the detail of *no usable mechanism*, ``offered: LOGIN, NTLM``, names one of these."""
    offered = detail.removeprefix("offered: ").split(", ")
    return any(mechanism.upper() in offered for mechanism in mechanisms)


def _reassurance(finding: _Finding) -> tuple[str, ...]:
    if finding.username is None or finding.trouble is Trouble.FORBIDDEN_ADDRESS:
        return ()  # the text of a forbidden address is one and the same for all
    unsent = finding.stage in _BEFORE_SIGN_IN or finding.trouble in _NO_SIGN_IN_TRIED
    return ("No password was sent.",) if unsent else ()


def _from_provider(case: Case, finding: _Finding) -> tuple[str, ...]:
    """What is known of this very provider stands before what holds for all."""
    provider = finding.provider
    if provider is None or finding.trouble is Trouble.FORBIDDEN_ADDRESS:
        return ()
    if case is replies.PASSWORDS_OFF:
        return (provider.hints.password,)
    if finding.fault is Fault.ROUTE_AUTH:
        return provider.hints.username, provider.hints.password
    if finding.fault is Fault.ROUTE_SENDER:
        return (provider.hints.sender,)
    if finding.fault is Fault.RATE and provider.limits:
        return (provider.limits,)
    return (provider.ports,) if _at_wrong_door(finding) else ()


def _at_wrong_door(finding: _Finding) -> bool:
    provider = finding.provider
    return provider is not None and finding.stage in _DOOR and not provider.speaks(finding.endpoint)


def _fix(case: Case, finding: _Finding) -> Fix:
    if finding.trouble is Trouble.FORBIDDEN_ADDRESS:
        return _NO_FIX
    if case is cases.OTHER_MECHANISM:
        return {"auth": AuthChoice.AUTO.value}
    return _fix_of_endpoint(case, finding) or _fix_of_username(finding)


def _fix_of_endpoint(case: Case, finding: _Finding) -> Fix:
    provider, endpoint = finding.provider, finding.endpoint
    if finding.answers_in:
        return {"security": finding.answers_in.value, "port": endpoint.port}
    if provider and _at_wrong_door(finding):
        return {"security": TlsMode.STARTTLS.value, "port": provider.starttls_ports[0]}
    if case is replies.NOT_ENCRYPTED and endpoint.tls is TlsMode.NONE:
        return {"security": TlsMode.STARTTLS.value, "port": endpoint.port}
    return _NO_FIX


def _fix_of_username(finding: _Finding) -> Fix:
    only = finding.provider.only_username if finding.provider else None
    if only and only != finding.username and finding.fault is Fault.ROUTE_AUTH:
        return {"username": only}
    return _NO_FIX
