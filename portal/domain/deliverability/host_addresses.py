"""The addresses mail may come from, as far as the DNS knows."""

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from portal.domain.deliverability.dns_answers import (
    DnsAnswers,
    IpAddress,
    LookupFailure,
    data_of,
    ipv4_of,
    ipv6_of,
)
from portal.domain.deliverability.subject import Subject

_MOST_OF_A_FAMILY: Final = 5
"""A name with more stands for a pool, of which these are a sample: each costs an evaluation and several questions."""

_NOT_ON_THE_INTERNET: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by the customers of a provider (RFC 6598)
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
    )
)


@dataclass(frozen=True, slots=True)
class HostAddresses:
    """What is known of a server's addresses.

    Attributes:
        public: Those a receiver can see; at most ten, sorted so that they are the same at every check.
        private: Those it cannot.
        failure: Why there may be more; None when both families were looked up.
        from_message: A real message has shown them, so they are the ones that count.
    """

    public: tuple[IpAddress, ...]
    private: tuple[IpAddress, ...] = ()
    failure: LookupFailure | None = None
    from_message: bool = False


def host_addresses(subject: Subject, answers: DnsAnswers) -> HostAddresses:
    """The address seen in a message; else the addresses of the tenant's server.

    Raises:
        Unanswered: More must be asked first.
    """
    if subject.evidence:
        return HostAddresses((subject.evidence.client,), from_message=True)
    if subject.host_address:
        return _sorted_out((subject.host_address,), None)
    questions = (ipv4_of(subject.smtp_host), ipv6_of(subject.smtp_host))
    answers.need(*questions)
    found = tuple(
        address for question in questions for address in sorted(data_of(answers[question]), key=int)[:_MOST_OF_A_FAMILY]
    )
    failures = [answer for question in questions if isinstance(answer := answers[question], LookupFailure)]
    return _sorted_out(found, failures[0] if failures else None)


def is_private(address: IpAddress) -> bool:
    """Whether nobody on the internet can see mail come from it."""
    return any(address in network for network in _NOT_ON_THE_INTERNET)


def _sorted_out(addresses: tuple[IpAddress, ...], failure: LookupFailure | None) -> HostAddresses:
    return HostAddresses(
        tuple(address for address in addresses if not is_private(address)),
        tuple(address for address in addresses if is_private(address)),
        failure,
    )
