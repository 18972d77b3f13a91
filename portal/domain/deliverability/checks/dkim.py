"""Whether a DKIM key is published with which signatures can be verified (DELIVERABILITY 3.3)."""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from portal.domain.deliverability.checks.dkim_selector import SelectorState, selector_question, selector_state
from portal.domain.deliverability.dns_answers import DnsAnswers, LookupFailure, NoRecord, txt
from portal.domain.deliverability.findings import CheckId, Finding, Remark, Verdict, could_not_check, finding
from portal.domain.deliverability.provider_records import AS_OF, COMMON_SELECTORS
from portal.domain.deliverability.subject import PlatformKey, Subject
from portal.domain.deliverability.suggested_record import Action, SuggestedRecord

_LIVE_TEST: Final = "Enter the selector in the settings, or run the live test, which sees it in the mail itself."


def check_dkim(subject: Subject, answers: DnsAnswers) -> Finding:
    """Judge the platform's key where the platform signs, else those of the tenant's server.

    Raises:
        Unanswered: More must be asked first.
    """
    if subject.platform_key:
        return _platform(subject, subject.platform_key, answers)
    seen = subject.evidence.selectors if subject.evidence else ()
    told = tuple(dict.fromkeys((*seen, *subject.selectors)))
    if told:
        return _told(_states(subject, told, answers))
    return _guessed(subject, answers)


def _states(subject: Subject, selectors: Sequence[str], answers: DnsAnswers) -> list[SelectorState]:
    answers.need(*(selector_question(selector, subject.from_domain) for selector in selectors))
    return [selector_state(selector, subject.from_domain, answers) for selector in selectors]


def _platform(subject: Subject, ours: PlatformKey, answers: DnsAnswers) -> Finding:
    (state,) = _states(subject, [ours.selector], answers)
    remarks = state.remarks
    if state.key and state.key.is_usable and not _is_same(state.key.public_key, ours.public_key):
        sentence = f"«{state.name}» holds another key than the platform's, so every signature of the platform fails."
        remarks = (Remark(Verdict.FAIL, sentence),)
    result = finding(CheckId.DKIM, remarks, found=state.found)
    if result.verdict is Verdict.PASS or result.verdict is Verdict.UNKNOWN:
        return result
    action = Action.ADD if state.is_absent else Action.REPLACE
    wanted = SuggestedRecord(
        state.name, subject.zone_of(subject.from_domain), "TXT", f"v=DKIM1; k=rsa; p={ours.public_key}", action
    )
    return finding(CheckId.DKIM, remarks, found=state.found, wanted=[wanted])


def _is_same(published: bytes, ours: str) -> bool:
    """Also where the record holds the bare RSAPublicKey, with which a SubjectPublicKeyInfo ends."""
    try:
        wanted = base64.b64decode(ours, validate=True)
    except binascii.Error:
        return False
    return bool(published) and wanted.endswith(published)


def _told(states: list[SelectorState]) -> Finding:
    """All of these sign, as we know: each must be right."""
    remarks = [remark for state in states for remark in state.remarks]
    return finding(CheckId.DKIM, remarks + _only_ed25519(states), found=_found(states))


def _guessed(subject: Subject, answers: DnsAnswers) -> Finding:
    """Nobody has told us the selectors, and the DNS cannot list them: try what is usual."""
    provider = subject.provider
    usual = provider.selectors if provider else ()
    states = _states(subject, usual or COMMON_SELECTORS, answers)
    there = [state for state in states if not state.is_absent and state.verdict is not Verdict.UNKNOWN]
    usable = [state for state in there if state.is_usable]
    if not there:
        return _nothing_guessed(subject, states, answers)
    remarks = [remark for state in (there if usual else usable) for remark in state.remarks]
    remarks += _only_ed25519(usable)
    if not usual:
        # A key nobody signs with any more may well be broken; that alone is no reason for red.
        milder = Verdict.WARN if usable else Verdict.UNKNOWN
        if not usable:
            remarks.append(Remark(Verdict.UNKNOWN, _nothing_usable(subject, there)))
        remarks += [
            Remark(milder, remark.sentence) for state in there if state not in usable for remark in state.remarks
        ]
    if provider and provider.all_selectors:
        remarks += [
            Remark(
                Verdict.WARN,
                f"{provider.name} changes from one selector to the other by itself (as of {AS_OF}): publish "
                f"«{state.name}», too.",
            )
            for state in states
            if state.is_absent
        ]
    if not subject.selectors:
        names = ", ".join(f"«{state.selector}»" for state in usable)
        remarks.append(Remark(Verdict.INFO, f"The usual selectors were tried, and {names or 'none'} can be used."))
    return finding(CheckId.DKIM, remarks, found=_found(there))


def _nothing_usable(subject: Subject, there: list[SelectorState]) -> str:
    names = ", ".join(f"«{state.selector}»" for state in there)
    return (
        f"The DNS cannot list the selectors of «{subject.from_domain}», and of the usual ones only {names} answers, "
        f"with a key that cannot be used. {_LIVE_TEST}"
    )


def _nothing_guessed(subject: Subject, states: list[SelectorState], answers: DnsAnswers) -> Finding:
    failed = next((remark for state in states for remark in state.remarks if remark.verdict is Verdict.UNKNOWN), None)
    above = answers[txt(f"_domainkey.{subject.from_domain}")]
    if isinstance(above, LookupFailure):
        failed = could_not_check(f"the DKIM keys of «{subject.from_domain}»", above)
    if failed:
        return finding(CheckId.DKIM, [failed, Remark(Verdict.INFO, _LIVE_TEST)])
    if isinstance(above, NoRecord) and not above.name_exists:
        sentence = (
            f"«{subject.from_domain}» has no DKIM key at all: nothing exists below «_domainkey.{subject.from_domain}». "
            "Your mail provider or server shows the record to publish."
        )
        return finding(CheckId.DKIM, [Remark(Verdict.FAIL, sentence)])
    tried = ", ".join(state.selector for state in states)
    sentence = (
        f"The DNS cannot list the selectors of «{subject.from_domain}», and none of the usual ones ({tried}) answers. "
        f"{_LIVE_TEST}"
    )
    return finding(CheckId.DKIM, [Remark(Verdict.UNKNOWN, sentence)])


def _only_ed25519(states: list[SelectorState]) -> list[Remark]:
    kinds = {state.key.key_type for state in states if state.key and state.is_usable}
    if kinds != {"ed25519"}:
        return []
    return [
        Remark(Verdict.WARN, "The only key is an Ed25519 key, which Microsoft and Yahoo do not verify: add an RSA key.")
    ]


def _found(states: list[SelectorState]) -> tuple[str, ...]:
    return tuple(record for state in states for record in state.found)
