"""What one DKIM selector of a domain leads to."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.domain.deliverability.checks.dkim_sentences import concern_sentence, fault_sentence
from portal.domain.deliverability.dkim_key import DkimKey, key_records, parse_key_record
from portal.domain.deliverability.dns_answers import DnsAnswers, LookupFailure, NoRecord, Question, data_of, txt
from portal.domain.deliverability.dns_names import query_name
from portal.domain.deliverability.findings import Remark, Verdict, could_not_check, may_be_cached, worst
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.wildcard import wildcard_question


@dataclass(frozen=True, slots=True)
class SelectorState:
    """What is published for a selector.

    Attributes:
        name: Of the record, in full.
        remarks: At least one.
        key: The key there, when there is exactly one record.
        is_absent: Nothing is there that was meant as a key, nor an alias that should lead to one.
        found: All TXT records at the name, fit to be shown.
    """

    selector: str
    name: str
    remarks: tuple[Remark, ...]
    key: DkimKey | None = None
    is_absent: bool = False
    found: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        return worst(remark.verdict for remark in self.remarks)

    @property
    def is_usable(self) -> bool:
        return self.key is not None and self.key.is_usable


def selector_question(selector: str, domain: str) -> Question[bytes]:
    """For the key record of a selector; for the whole of ``_domainkey`` when the name would be too long."""
    return txt(query_name(f"{selector}._domainkey.{domain}") or f"_domainkey.{domain}")


def selector_state(selector: str, domain: str, answers: DnsAnswers) -> SelectorState:
    """Judge what is published for a selector.

    Raises:
        Unanswered: More must be asked first.
    """
    question = selector_question(selector, domain)
    name = question.name
    answer = answers[question]
    if isinstance(answer, LookupFailure):
        return SelectorState(selector, name, (could_not_check(f"the DKIM key at «{name}»", answer),))
    if isinstance(answer, NoRecord):
        return SelectorState(selector, name, (_absent(name, domain, answer, answers),), is_absent=not answer.canonical)
    found = tuple(f"{name} TXT {shown(raw)}" for raw in answer.data)
    keys = key_records(answer.data)
    if len(keys) != 1:
        return SelectorState(
            selector, name, (_not_one_key(name, domain, len(keys), answers),), is_absent=not keys, found=found
        )
    key = parse_key_record(keys[0])
    return SelectorState(selector, name, _judged(name, key), key, found=found)


def selector_states(domain: str, selectors: Sequence[str], answers: DnsAnswers) -> list[SelectorState]:
    """The same for several selectors, which are asked for at once.

    Raises:
        Unanswered: More must be asked first.
    """
    answers.need(*(selector_question(selector, domain) for selector in selectors))
    return [selector_state(selector, domain, answers) for selector in selectors]


def only_ed25519(states: list[SelectorState]) -> list[Remark]:
    """A warning where all the keys that can be used are of the kind that two of the largest receivers pass over."""
    kinds = {state.key.key_type for state in states if state.key and state.is_usable}
    if kinds != {"ed25519"}:
        return []
    return [
        Remark(Verdict.WARN, "The only key is an Ed25519 key, which Microsoft and Yahoo do not verify: add an RSA key.")
    ]


def _judged(name: str, key: DkimKey) -> tuple[Remark, ...]:
    if key.fault:
        return (Remark(Verdict.FAIL, fault_sentence(name, key)),)
    kind = f"an RSA key of {key.bits} bits" if key.key_type == "rsa" else "an Ed25519 key"
    return (
        Remark(Verdict.PASS, f"«{name}» holds {kind}, ready to verify signatures with."),
        *(Remark(Verdict.WARN, concern_sentence(name, key, concern)) for concern in key.concerns),
    )


def _absent(name: str, domain: str, answer: NoRecord, answers: DnsAnswers) -> Remark:
    if answer.canonical:
        return Remark(
            Verdict.FAIL,
            f"«{name}» is an alias (CNAME) of «{answer.canonical}», where there is no key. Compare the target with "
            "what your provider shows.",
        )
    doubled = query_name(f"{name}.{domain}")
    if doubled and key_records(data_of(answers[txt(doubled)])):
        return Remark(
            Verdict.FAIL,
            f"No DKIM key found at «{name}»: it stands at «{doubled}», with the domain appended twice. Most panels "
            f"append it themselves, so enter only «{name.removesuffix('.' + domain)}».",
        )
    return Remark(Verdict.FAIL, f"No DKIM key found at «{name}».{may_be_cached(answer)}")


def _not_one_key(name: str, domain: str, count: int, answers: DnsAnswers) -> Remark:
    if count:
        return Remark(
            Verdict.FAIL, f"«{name}» has {count} DKIM keys, and receivers take any of them or none. Keep the right one."
        )
    if data_of(answers[wildcard_question(domain)]):
        return Remark(
            Verdict.FAIL,
            f"There is no DKIM key at «{name}»: what answers there is a wildcard (*.{domain}), which answers for every "
            "name.",
        )
    return Remark(Verdict.FAIL, f"The TXT record at «{name}» is no DKIM key.")
