"""DKIM where nobody has told us the selectors: the DNS cannot list them, so the usual ones are tried.

A key that is found by guessing says that somebody may sign in the domain's name, not that the tenant's server does.
Only the selectors of the server's own provider, and those that mail servers suggest at their set-up, are taken for it.
"""

from typing import Final

from portal.domain.deliverability.checks.dkim_selector import SelectorState, only_ed25519, selector_states
from portal.domain.deliverability.dns_answers import DnsAnswers, LookupFailure, NoRecord, txt
from portal.domain.deliverability.findings import CheckId, Finding, Remark, Verdict, could_not_check, finding
from portal.domain.deliverability.provider_records import (
    AS_OF,
    COMMON_SELECTORS,
    PROVIDERS_SELECTORS,
    ProviderRecords,
)
from portal.domain.deliverability.subject import Subject

_LIVE_TEST: Final = "Enter the selector in the settings, or run the live test, which sees it in the mail itself."


def guessed(subject: Subject, answers: DnsAnswers) -> Finding:
    """Judge the keys at the usual selectors.

    Raises:
        Unanswered: More must be asked first.
    """
    provider = subject.provider
    if provider and provider.selectors:
        return _of_provider(subject, provider, answers)
    own = () if provider else COMMON_SELECTORS
    states = selector_states(subject.from_domain, (*own, *PROVIDERS_SELECTORS), answers)
    there = _there(states)
    if not there:
        return _nothing(subject, states, answers)
    good = [state for state in there if state.is_usable and state.selector in own]
    if not good:
        remarks = [Remark(Verdict.UNKNOWN, _only_others(subject, there)), *_milder(there, Verdict.INFO)]
        return finding(CheckId.DKIM, remarks, found=_found(there))
    remarks = [remark for state in good for remark in state.remarks]
    remarks += only_ed25519(good)
    # A key nobody signs with any more may well be broken; that alone is no reason for red.
    remarks += _milder([state for state in there if not state.is_usable], Verdict.WARN)
    remarks.append(Remark(Verdict.INFO, _were_tried(good)))
    return finding(CheckId.DKIM, remarks, found=_found(there))


def _of_provider(subject: Subject, provider: ProviderRecords, answers: DnsAnswers) -> Finding:
    states = selector_states(subject.from_domain, provider.selectors, answers)
    there = _there(states)
    if not there:
        return _nothing(subject, states, answers)
    remarks = [remark for state in there for remark in state.remarks]
    remarks += only_ed25519([state for state in there if state.is_usable])
    if provider.all_selectors:
        remarks += [_wanted_too(provider, state) for state in states if state.is_absent]
    remarks.append(Remark(Verdict.INFO, _were_tried([state for state in there if state.is_usable])))
    return finding(CheckId.DKIM, remarks, found=_found(there))


def _there(states: list[SelectorState]) -> list[SelectorState]:
    return [state for state in states if not state.is_absent and state.verdict is not Verdict.UNKNOWN]


def _milder(states: list[SelectorState], verdict: Verdict) -> list[Remark]:
    return [Remark(verdict, remark.sentence) for state in states for remark in state.remarks]


def _wanted_too(provider: ProviderRecords, state: SelectorState) -> Remark:
    return Remark(
        Verdict.WARN,
        f"{provider.name} changes from one selector to the other by itself (as of {AS_OF}): publish "
        f"«{state.name}», too.",
    )


def _were_tried(good: list[SelectorState]) -> str:
    names = ", ".join(f"«{state.selector}»" for state in good)
    return f"Nobody told us the selector. The usual ones were tried, and {names or 'none'} can be used."


def _only_others(subject: Subject, there: list[SelectorState]) -> str:
    names = ", ".join(f"«{state.selector}»" for state in there)
    return (
        f"The DNS cannot list the selectors of «{subject.from_domain}». A DKIM record was found at {names}; whether "
        f"«{subject.smtp_host}» signs with it is not known. {_LIVE_TEST}"
    )


def _nothing(subject: Subject, states: list[SelectorState], answers: DnsAnswers) -> Finding:
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
        f"The DNS cannot list the selectors of «{subject.from_domain}», and at none of the usual ones ({tried}) is a "
        f"key. {_LIVE_TEST}"
    )
    return finding(CheckId.DKIM, [Remark(Verdict.UNKNOWN, sentence)])


def _found(states: list[SelectorState]) -> tuple[str, ...]:
    return tuple(record for state in states for record in state.found)
