"""Whether the server's addresses have names that lead back to them (DELIVERABILITY 3.6, RFC 8601 section 3)."""

import re
from typing import Final

from portal.domain.deliverability.dns_answers import (
    DnsAnswers,
    IpAddress,
    LookupFailure,
    data_of,
    name_of_address,
    same_family,
)
from portal.domain.deliverability.dns_names import query_name
from portal.domain.deliverability.findings import CheckId, Finding, Remark, Verdict, could_not_check, finding
from portal.domain.deliverability.host_addresses import host_addresses
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.subject import Subject

_MOST_NAMES: Final = 10


def check_ptr(subject: Subject, answers: DnsAnswers) -> Finding:
    """Whether PTR and address of the tenant's own server agree; a provider sees to it itself.

    Raises:
        Unanswered: More must be asked first.
    """
    if subject.provider:
        sentence = f"{subject.provider.name} sends from addresses of its own and looks after their names."
        return finding(CheckId.PTR, [Remark(Verdict.SKIP, sentence)])
    known = host_addresses(subject, answers)
    answers.need(*(name_of_address(address) for address in known.public))
    remarks = [_judged(address, answers, is_sender=known.from_message) for address in known.public]
    remarks += [
        Remark(Verdict.INFO, f"«{address}» is a private address: receivers see another one, which we do not know.")
        for address in known.private
    ]
    if known.failure:
        remarks.append(could_not_check(f"the addresses of «{subject.smtp_host}»", known.failure))
    if not remarks:
        remarks = [Remark(Verdict.UNKNOWN, f"«{subject.smtp_host}» has no address, so there is no name to check.")]
    found = (f"{address} PTR {shown(name)}" for address in known.public for name in _names(address, answers))
    return finding(CheckId.PTR, remarks, found=found)


def _judged(address: IpAddress, answers: DnsAnswers, *, is_sender: bool) -> Remark:
    bad = Verdict.FAIL if is_sender else Verdict.WARN
    perhaps = "" if is_sender else " This matters if mail leaves from this address; a live test will tell."
    answer = answers[name_of_address(address)]
    if isinstance(answer, LookupFailure):
        return could_not_check(f"the name of «{address}»", answer)
    names = _names(address, answers)
    if not names:
        return Remark(
            bad,
            f"«{address}» has no name (PTR record): Gmail and Yahoo refuse mail from such addresses. Ask the provider "
            f"of the address to set one.{perhaps}",
        )
    questions = {name: same_family(asked, address) for name in names if (asked := query_name(name))}
    answers.need(*questions.values())
    for name, question in questions.items():
        if address in data_of(answers[question]):
            return _confirmed(address, name)
    for name, question in questions.items():
        failure = answers[question]
        if isinstance(failure, LookupFailure):
            return could_not_check(f"whether «{name}» leads back to «{address}»", failure)
    return Remark(
        bad,
        f"«{address}» is named «{shown(names[0])}», but that name does not lead back to it. Let the name and the "
        f"address point to each other.{perhaps}",
    )


def _confirmed(address: IpAddress, name: str) -> Remark:
    if address.version == 4 and _looks_generic(str(address), name):
        return Remark(
            Verdict.WARN,
            f"«{address}» and «{name}» point to each other, but the name looks like that of a customer's line. Ask "
            "for a name of your own, such as mail.example.com.",
        )
    return Remark(Verdict.PASS, f"«{address}» and «{name}» point to each other.")


def _looks_generic(address: str, name: str) -> bool:
    """Whether all four numbers of an address stand in its name, as providers name the lines of their customers."""
    numbers = re.findall(r"\d+", name)
    return all(part in numbers for part in address.split("."))


def _names(address: IpAddress, answers: DnsAnswers) -> tuple[str, ...]:
    return tuple(dict.fromkeys(data_of(answers[name_of_address(address)])))[:_MOST_NAMES]
