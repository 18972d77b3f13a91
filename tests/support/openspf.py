"""The openspf.org test suite for RFC 7208: its scenarios as zones and cases (``tests/data/openspf``)."""

import json
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from portal.domain.deliverability.dns_answers import MailExchanger, Question, RecordType
from portal.domain.deliverability.spf.evaluation import SmtpClient, SpfResult
from tests.support.dns_zone import TIMEOUT, DnsZone

_FILE: Final = Path(__file__).parent.parent / "data" / "openspf" / "rfc7208-tests.json"


@dataclass(frozen=True)
class OpenspfCase:
    """One test of the suite.

    Attributes:
        results: Those RFC 7208 allows; the suite names the preferred one first.
        explanation: What the sender is told, None where the suite does not ask, "DEFAULT" for no text of the domain's.
    """

    scenario: str
    name: str
    client: SmtpClient
    results: tuple[SpfResult, ...]
    explanation: str | None
    zone: dict[str, list[Any]]

    def __str__(self) -> str:
        return f"{self.scenario}: {self.name}"

    def dns(self) -> DnsZone:
        """The scenario's zone.

        The suite was written when SPF had a record type of its own; such a record stands for TXT wherever a name has
        no TXT of its own. TIMEOUT speaks for every type a name does not have.
        """
        records: dict[tuple[str, str], tuple[Any, ...]] = {}
        zone = DnsZone(records)
        for written, entries in self.zone.items():
            name = written.lower()
            has_txt = any("TXT" in entry for entry in entries if isinstance(entry, dict))
            for entry in entries:
                for kind, value in entry.items() if isinstance(entry, dict) else ():
                    stands_for = "TXT" if kind == "SPF" and not has_txt else kind
                    if value != "NONE":
                        records[name, stands_for] = (*records.get((name, stands_for), ()), _data(kind, value))
            if "TIMEOUT" in entries:
                zone.failures |= {Question(name, kind): TIMEOUT for kind in RecordType if (name, kind) not in records}
        return zone


def _data(kind: str, value: Any) -> Any:
    match kind:
        case "A" | "AAAA":
            return ip_address(value)
        case "MX":
            return MailExchanger(value[0], value[1].rstrip("."))
        case "TXT" | "SPF":
            return "".join([value] if isinstance(value, str) else value).encode("latin-1")  # YAML's \x96 is one octet
        case _:
            return value.rstrip(".").lower()


def _read() -> tuple[OpenspfCase, ...]:
    return tuple(
        OpenspfCase(
            scenario["description"],
            name,
            SmtpClient(ip_address(test["host"]), test["helo"], test["mailfrom"]),
            tuple(map(SpfResult, [test["result"]] if isinstance(test["result"], str) else test["result"])),
            test.get("explanation"),
            scenario["zonedata"],
        )
        for scenario in json.loads(_FILE.read_text("utf-8"))
        for name, test in scenario["tests"].items()
    )


OPENSPF_CASES: Final = _read()
