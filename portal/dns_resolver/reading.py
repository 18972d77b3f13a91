"""What a name server's message means: records, no record, or that nobody knows."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from portal.domain.deliverability.dns_answers import Answer, LookupFailure, MailExchanger, NoRecord, Records, RecordType

_DATA: Final[dict[str, Callable[[Any], Any]]] = {
    RecordType.A: lambda record: ip_address(record.address),
    RecordType.AAAA: lambda record: ip_address(record.address),
    RecordType.MX: lambda record: MailExchanger(record.preference, _text(record.exchange)),
    RecordType.PTR: lambda record: _text(record.target),
    # As bytes and without a separator: where the owner cut the text means nothing (RFC 7208 section 3.3).
    RecordType.TXT: lambda record: b"".join(record.strings),
    RecordType.SPF: lambda record: b"".join(record.strings),
}
_ELSEWHERE: Final = LookupFailure("the DNS server knows no answer and does not ask further")


def read(response: dns.message.QueryMessage) -> Answer[Any]:
    """The answer in a message whose code is NOERROR or NXDOMAIN, and whose CNAME chain dnspython has followed."""
    chain = response.resolve_chaining()
    canonical = _text(chain.canonical_name) if chain.cnames else ""
    if chain.answer is not None:
        data = tuple(map(_DATA[chain.answer.rdtype.name], chain.answer))
        return Records(data, chain.minimum_ttl, canonical, bool(response.flags & dns.flags.AD))
    if response.rcode() != dns.rcode.NXDOMAIN and _stops_half_way(response, has_alias=bool(chain.cnames)):
        return _ELSEWHERE
    return NoRecord(
        name_exists=response.rcode() != dns.rcode.NXDOMAIN,
        negative_ttl=chain.minimum_ttl if _has(response, dns.rdatatype.SOA) else None,
        canonical=canonical,
    )


def failure(error: dns.exception.DNSException, seconds: float) -> LookupFailure:
    """Why there was no answer within so many seconds, by what tells the most of all the tries."""
    tries = error.kwargs.get("errors") or ()
    causes = [cause for _, _, _, cause, _ in tries]
    codes = [cause for cause in causes if isinstance(cause, str)]  # dnspython puts the response code's name there
    if isinstance(error, dns.resolver.NoNameservers) and not tries:
        return LookupFailure("no DNS server is set")
    if any(isinstance(cause, dns.message.Truncated) for cause in causes):
        return LookupFailure("the DNS server's answer was cut short and could not be fetched whole by TCP")
    if codes:
        return LookupFailure(f"the DNS server answered {codes[-1]}")
    if isinstance(error, dns.exception.Timeout):
        return LookupFailure(f"no answer came in {seconds:.0f} s" if seconds >= 1 else "no answer came in time")
    if all(isinstance(cause, OSError | EOFError) for cause in causes) and causes:
        return LookupFailure("the DNS server could not be reached")
    return LookupFailure("the DNS server's answer could not be read")


def _stops_half_way(response: dns.message.QueryMessage, *, has_alias: bool) -> bool:
    """Whether the server only says who else may know; without a SOA, that is no "there is none" (RFC 2308 section 2.2).

    A resolver asks further itself. A name server that is set in its place answers so for what lies outside its zones.
    """
    if _has(response, dns.rdatatype.SOA):
        return False
    asks_further = bool(response.flags & dns.flags.RA)
    return _has(response, dns.rdatatype.NS) or (has_alias and not asks_further)


def _has(response: dns.message.QueryMessage, rdtype: dns.rdatatype.RdataType) -> bool:
    return any(records.rdtype == rdtype for records in response.authority)


def _text(name: dns.name.Name) -> str:
    """A name as the checks write it: labels taken literally, but a dot inside one never makes it look like two."""
    labels = (label.decode("ascii", "backslashreplace").replace(".", "\\.") for label in name.labels if label)
    return ".".join(labels).lower()
