"""Whether a DKIM key is published with which signatures can be verified (DELIVERABILITY 3.3)."""

import base64
import binascii
from dataclasses import replace

from portal.domain.deliverability.checks.dkim_guess import guessed
from portal.domain.deliverability.checks.dkim_selector import SelectorState, only_ed25519, selector_states
from portal.domain.deliverability.dns_answers import DnsAnswers
from portal.domain.deliverability.findings import CheckId, Finding, Remark, Verdict, finding
from portal.domain.deliverability.subject import PlatformKey, Subject
from portal.domain.deliverability.suggested_record import Action, SuggestedRecord


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
        return _told(selector_states(subject.from_domain, told, answers))
    return guessed(subject, answers)


def _platform(subject: Subject, ours: PlatformKey, answers: DnsAnswers) -> Finding:
    (state,) = selector_states(subject.from_domain, [ours.selector], answers)
    remarks = state.remarks
    if state.key and state.key.is_usable and not _is_same(state.key.public_key, ours.public_key):
        sentence = f"«{state.name}» holds another key than the platform's, so every signature of the platform fails."
        remarks = (Remark(Verdict.FAIL, sentence),)
    result = finding(CheckId.DKIM, remarks, found=state.found)
    if result.verdict in {Verdict.PASS, Verdict.UNKNOWN}:
        return result
    action = Action.REPLACE if state.found or not state.is_absent else Action.ADD
    wanted = SuggestedRecord(
        state.name, subject.zone_of(subject.from_domain), "TXT", f"v=DKIM1; k=rsa; p={ours.public_key}", action
    )
    return replace(result, wanted=(wanted,))


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
    return finding(
        CheckId.DKIM, remarks + only_ed25519(states), found=(record for state in states for record in state.found)
    )
