"""Domains as they are published, and what the report must say of them (``tests/data/deliverability/scenarios``)."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from portal.domain.deliverability.dns_answers import DnsAnswers, LookupFailure, MailExchanger, Question, RecordType
from portal.domain.deliverability.lookup_plan import missing_questions
from portal.domain.deliverability.report import Report, report
from portal.domain.deliverability.subject import Evidence, PlatformKey, Subject
from portal.domain.deliverability.suggested_record import SuggestedRecord
from tests.support.dns_zone import DnsZone

_DATA: Final = Path(__file__).parent.parent / "data" / "deliverability"
KEYS: Final[dict[str, str]] = tomllib.loads((_DATA / "dkim_keys.toml").read_text("utf-8"))["keys"]
_SUFFIXES: Final = ("co.example", "example", "test")
_SERVFAIL: Final = LookupFailure("the DNS server answered SERVFAIL")

HEALTHY: Final = (
    "acme.example MX 10 mx.acme.example",
    "acme.example TXT v=spf1 ip4:203.0.113.10 -all",
    "mx.acme.example A 203.0.113.11",
    "mail.acme.example A 203.0.113.10",
    "10.113.0.203.in-addr.arpa PTR mail.acme.example",
    "s1._domainkey.acme.example TXT v=DKIM1; k=rsa; p={rsa2048}",
    "_dmarc.acme.example TXT v=DMARC1; p=reject; rua=mailto:dmarc@acme.example",
)
"""A domain with its own server, and nothing wrong with it."""


@dataclass(frozen=True)
class Scenario:
    """One domain.

    Attributes:
        zone: Lines "name TYPE data" that take the place of what the healthy domain has at that name and type; the
            data "-" leaves nothing there.
        failing: Look-ups without an answer, as "TYPE name".
        expect: By check: its verdict.
        says: By check: words of its summary or details.
        wanted: By check: the value of the first record to publish, or "" for none.
        heals: What is wanted makes the check leave red.
    """

    name: str
    zone: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    subject: dict[str, Any] = field(default_factory=dict)
    expect: dict[str, str] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)
    heals: bool = True
    file: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"

    def dns(self) -> DnsZone:
        zone = DnsZone(_records((*HEALTHY, *self.zone)))
        for text in self.failing:
            kind, name = text.split()
            zone.failures[Question(name, RecordType(kind))] = _SERVFAIL
        return zone

    def whom(self) -> Subject:
        told = dict(self.subject)
        seen = told.pop("seen", None)
        platform = told.pop("platform", None)
        subject = Subject.of(
            told.pop("from", "acme.example"),
            told.pop("host", "mail.acme.example"),
            envelope_domain=told.pop("envelope", None),
            platform_key=PlatformKey(platform, KEYS["rsa2048"]) if platform else None,
            selectors=told.pop("selectors", ["s1"]),
            public_suffix_of=suffix_of,
        )
        assert not told
        return replace(subject, evidence=Evidence(ip_address(seen))) if seen else subject


def suffix_of(domain: str) -> str | None:
    return next((suffix for suffix in _SUFFIXES if domain == suffix or domain.endswith("." + suffix)), None)


def reported(subject: Subject, zone: DnsZone) -> Report:
    """Ask the zone until the report can be written."""
    answers = DnsAnswers()
    while questions := missing_questions(subject, answers):
        answers |= {question: zone.answer(question) for question in questions}
    return report(subject, answers)


def published(zone: DnsZone, wanted: Iterable[SuggestedRecord]) -> DnsZone:
    """The zone after its administrator has done what is wanted."""
    records = dict(zone.records)
    for record in wanted:
        key = (record.name, record.type)
        kept = () if record.action == "replace" else records.get(key, ())
        records[key] = (*kept, "".join(record.chunks).encode())
        records.pop((record.name, "CNAME"), None)
    return DnsZone(records, dict(zone.failures))


def _records(lines: Iterable[str]) -> dict[tuple[str, str], tuple[Any, ...]]:
    records: dict[tuple[str, str], tuple[Any, ...]] = {}
    fresh: dict[tuple[str, str], int] = {}
    for position, line in enumerate(lines):
        name, kind, data = line.split(" ", 2)
        is_base = position < len(HEALTHY)
        if not is_base and (name, kind) not in fresh:
            records.pop((name, kind), None)
        if not is_base:
            fresh[name, kind] = position
        if data != "-":
            records[name, kind] = (*records.get((name, kind), ()), _data(kind, data))
    return records


def _data(kind: str, text: str) -> Any:
    match kind:
        case "A" | "AAAA":
            return ip_address(text)
        case "MX":
            preference, host = text.split(" ")
            return MailExchanger(int(preference), "" if host == "." else host)
        case "TXT" | "SPF":
            return re.sub(r"\{(\w+)\}", lambda found: KEYS.get(found[1], found[0]), text).encode()
        case _:
            return text


def _read() -> Iterator[Scenario]:
    for path in sorted((_DATA / "scenarios").glob("*.toml")):
        for row in tomllib.loads(path.read_text("utf-8"))["scenarios"]:
            told: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in row.items()
            }
            yield Scenario(**told, file=path.stem)


SCENARIOS: Final = tuple(_read())
