"""What an SMTP failure means: the class decides what is done, not the code (FAILURES)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from portal.domain.mail.smtp_reply import EnhancedCode
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.fault_rules import Rule, Said, load_rules, words_of
from portal.domain.routing.fault_table import NO_SUCH_NAME, RULES
from portal.domain.routing.fault_traits import TRAITS, Fault, FaultTraits
from portal.domain.routing.provider_faults import PROVIDER_RULES

__all__ = ["TRAITS", "Explanation", "Fault", "FaultTraits", "classify", "explain", "load_rules"]

_OURS: Final = PROVIDER_RULES + RULES

_GO_ON: Final = {
    SmtpStage.BANNER: {220},
    SmtpStage.EHLO: {250},
    SmtpStage.STARTTLS: {220},
    SmtpStage.AUTH: {235, 334},
    SmtpStage.MAIL: {250},
    SmtpStage.RCPT: {250, 251, 252},
    SmtpStage.DATA: {354},
    SmtpStage.DOT: set(range(200, 300)),  # whatever the enhanced code says
}


def classify(
    stage: SmtpStage | str,
    code: int | None,
    enhanced: EnhancedCode | str | None,
    text: str,
    host: str | None = None,
    *,
    seen_before: bool = False,
    extra_rules: Sequence[Rule] = (),
) -> Fault:
    """Say what an answer means, or what its absence means.

    First the rules of the server's provider, then the words of the answer, then the enhanced code, then stage and
    code, then a default by the code's class.

    Args:
        stage: Where the attempt stood, an ``SmtpStage`` or its value.
        code: The reply code; None when there was no (valid) reply, and then ``text`` says what happened: the value
            of a ``Trouble``, or the words of a library or a system, such as ``"Connection refused"``.
        enhanced: The enhanced code, e.g. ``"5.7.8"``; None reads it from the start of ``text``. It is heard only
            where its class agrees with the reply code (RFC 3463 section 2).
        text: The reply's text without its codes, lines joined.
        host: The server's name; providers are known by their domain.
        seen_before: At *resolve*: that there is no such name was said at least 60 seconds ago as well, so that it is
            no passing state of a zone.
        extra_rules: An operator's own rules from ``load_rules()``, asked first. They cannot change what is certain:
            that 2xx to the dot is success, and no valid reply to it is not.

    Returns:
        The fault; ``OK`` also where a stage simply goes on (220 to the banner, 354 to DATA), and for whatever is said
        to QUIT, which has no effect on a message.

    Raises:
        ValueError: ``stage`` is no stage.
    """
    stage = SmtpStage(stage)
    certain = _certain(stage, code)
    if certain is not None:
        return certain
    said = Said(stage, code, _agreeing(code, enhanced, text), words_of(text), (host or "").lower().rstrip("."))
    if seen_before and NO_SUCH_NAME.fits(said):
        return Fault.ROUTE_PERM
    return next(rule.fault for rules in (extra_rules, _OURS) for rule in rules if rule.fits(said))


def _certain(stage: SmtpStage, code: int | None) -> Fault | None:
    if stage is SmtpStage.QUIT or code in _GO_ON.get(stage, ()):
        return Fault.OK
    if code is not None and 400 <= code < 600:
        return None
    if stage is SmtpStage.DOT:
        return Fault.AMBIGUOUS  # RFC 5321 section 3.8, RFC 1047: the server may have it all the same
    return None if code is None else Fault.ROUTE_PROTOCOL


def _agreeing(code: int | None, enhanced: EnhancedCode | str | None, text: str) -> EnhancedCode | None:
    if enhanced is None:
        enhanced = text.lstrip()
    found = EnhancedCode.parse(enhanced) if isinstance(enhanced, str) else enhanced
    return found if found and code is not None and found.success == code // 100 else None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What ``./run explain-reply`` prints.

    Attributes:
        action: What is done about it, a sentence.
        fallback: Whether the platform's route may take over, where the tenant's policy allows it.
    """

    fault: Fault
    action: str
    fallback: bool
    counts_against_health: bool


def explain(fault: Fault) -> Explanation:
    """What is done about a fault."""
    traits = TRAITS[fault]
    return Explanation(fault, traits.action, traits.may_fall_back, traits.counts_against_health)
