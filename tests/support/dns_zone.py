"""What the DNS says, as data: answers questions from typed records, without a server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final, Self, TypeVar

import dns.rdata
import dns.zone

from portal.domain.deliverability.dns_answers import (
    Answer,
    DnsAnswers,
    LookupFailure,
    MailExchanger,
    NoRecord,
    Question,
    Records,
    RecordType,
    Unanswered,
)

_LONGEST_CHAIN: Final = 8
_TTL: Final = 300
TIMEOUT: Final = LookupFailure("no answer within 5 s")

T = TypeVar("T")


@dataclass
class DnsZone:
    """Records of any domains.

    Attributes:
        records: By lower-case name and type; the type may be "CNAME", with the target's name.
        failures: What is answered instead, by question.
        asked: Every question so far.
    """

    records: Mapping[tuple[str, str], tuple[Any, ...]]
    failures: dict[Question[Any], LookupFailure] = field(default_factory=dict)
    asked: list[Question[Any]] = field(default_factory=list)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """One record a line in the format of zone files, with full names: ``acme.example TXT "v=spf1 mx -all"``."""
        lines = "\n".join(line.strip() for line in text.splitlines())  # zone files give indentation a meaning
        zone = dns.zone.from_text(f"$TTL {_TTL}\n{lines}", origin=dns.name.root, relativize=False, check_origin=False)
        records: dict[tuple[str, str], tuple[Any, ...]] = {}
        for name, _, rdata in zone.iterate_rdatas():
            key = (_text(name), rdata.rdtype.name)
            records[key] = (*records.get(key, ()), _data(rdata))
        return cls(records)

    def answer(self, question: Question[Any]) -> Answer[Any]:
        """As a recursive resolver answers: CNAMEs followed, wildcards filled in."""
        self.asked.append(question)
        name, canonical = question.name, ""
        for _ in range(_LONGEST_CHAIN):
            if failure := self.failures.get(Question(name, question.type)):
                return failure
            owner = self._owner(name)
            if owner is None:
                return NoRecord(name_exists=False, negative_ttl=_TTL, canonical=canonical)
            if data := self.records.get((owner, question.type)):
                return Records(data, ttl=_TTL, canonical=canonical)
            alias = self.records.get((owner, "CNAME"))
            if not alias:
                return NoRecord(name_exists=True, negative_ttl=_TTL, canonical=canonical)
            name = canonical = alias[0]
        return LookupFailure("a CNAME chain without end")

    def _owner(self, name: str) -> str | None:
        """Whose records answer for a name: its own, or those of a wildcard (RFC 4592)."""
        labels = name.split(".")
        for position in range(len(labels) + 1):
            ancestor = ".".join(labels[position:])
            if self._exists(ancestor):
                return ancestor if position == 0 else None
            if self._exists(f"*.{'.'.join(labels[position + 1 :])}"):
                return f"*.{'.'.join(labels[position + 1 :])}"
        return None

    def _exists(self, name: str) -> bool:
        """Also without records of its own (RFC 8020)."""
        return any(owner == name or owner.endswith("." + name) for owner, _ in self.records)


def answered(zone: DnsZone, function: Callable[[DnsAnswers], T], *, answers: DnsAnswers | None = None) -> T:
    """Call a function over answers, asking the zone for what it misses, until it has an answer of its own."""
    known = answers or DnsAnswers()
    while True:
        try:
            return function(known)
        except Unanswered as unanswered:
            missing = unanswered.questions
        assert [question for question in missing if question in known] == []
        known |= {question: zone.answer(question) for question in missing}


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if name != dns.name.root else ""


def _data(rdata: Any) -> Any:
    """A record of dnspython as this program's data."""
    match rdata.rdtype.name:
        case "A" | "AAAA":
            return ip_address(rdata.address)
        case "MX":
            return MailExchanger(rdata.preference, _text(rdata.exchange))
        case "TXT" | "SPF":
            return b"".join(rdata.strings)
        case kind:
            assert kind in {RecordType.PTR, "CNAME"}
            return _text(rdata.target)
