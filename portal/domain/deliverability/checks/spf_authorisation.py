"""Whether an SPF record lets the tenant's server send: ``check_host`` for the addresses it may send from."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from portal.domain.deliverability.dns_answers import DnsAnswers, IpAddress, Records, txt
from portal.domain.deliverability.dns_names import is_at_or_below, query_name
from portal.domain.deliverability.host_addresses import host_addresses
from portal.domain.deliverability.spf.check_host import check_host
from portal.domain.deliverability.spf.evaluation import Evaluation, SmtpClient, SpfResult
from portal.domain.deliverability.spf.terms import Qualifier
from portal.domain.deliverability.spf.tree import SpfTree, spf_tree
from portal.domain.deliverability.subject import Subject

_SAMPLES_OF_A_FAMILY: Final = 3
"""Addresses of a provider that are tried: from different networks of its record, so that a stale copy shows."""


class Coverage(StrEnum):
    """How many of the addresses pass."""

    ALL = "all"
    SOME = "some"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Authorisation:
    """What SPF says of the server.

    Attributes:
        evaluations: One for each address that was tried.
        why_unknown: The end of a sentence, where the coverage is unknown.
        alias_of: The provider's domain the envelope domain is an alias of: the provider looks after its record.
    """

    coverage: Coverage
    evaluations: tuple[Evaluation, ...] = ()
    why_unknown: str = ""
    alias_of: str = ""

    @property
    def covered(self) -> tuple[Evaluation, ...]:
        return tuple(each for each in self.evaluations if each.result is SpfResult.PASS)

    @property
    def uncovered(self) -> tuple[Evaluation, ...]:
        return tuple(each for each in self.evaluations if each.result not in {SpfResult.PASS, SpfResult.TEMPERROR})


def authorisation(subject: Subject, tree: SpfTree, answers: DnsAnswers) -> Authorisation:
    """Evaluate SPF for the addresses the server may send from.

    Args:
        tree: Of ``subject.spf_domain``.

    Raises:
        Unanswered: More must be asked first.
    """
    domain = subject.spf_domain
    target = _alias_of_the_provider(subject, answers)
    if target:
        return Authorisation(Coverage.ALL, alias_of=target)
    addresses, why_not = _addresses(subject, answers)
    if not addresses:
        return Authorisation(Coverage.UNKNOWN, why_unknown=why_not)
    clients = [SmtpClient(address, subject.smtp_host, f"postmaster@{domain}") for address in addresses]
    evaluations = tuple(check_host(client, answers) for client in clients)
    return _summed_up(evaluations, tree, why_not)


def _alias_of_the_provider(subject: Subject, answers: DnsAnswers) -> str:
    """The provider's domain whose record answers for the envelope's; "" when that is not so."""
    answer = answers[txt(subject.spf_domain)]
    known = subject.provider.return_path_alias if subject.provider else ""
    target = query_name(answer.canonical) if isinstance(answer, Records) else None
    return target if known and target and is_at_or_below(target, known) else ""


def _summed_up(evaluations: tuple[Evaluation, ...], tree: SpfTree, why_incomplete: str) -> Authorisation:
    results = {evaluation.result for evaluation in evaluations}
    if SpfResult.TEMPERROR in results:
        failed = next(each for each in evaluations if each.result is SpfResult.TEMPERROR)
        return Authorisation(Coverage.UNKNOWN, evaluations, f"a look-up it takes has failed ({failed.root.detail})")
    if results == {SpfResult.PASS}:
        return Authorisation(Coverage.ALL, evaluations)
    if tree.depends_on_message:
        why = "its record decides by macros, and only a real message can test that"
        return Authorisation(Coverage.UNKNOWN, evaluations, why)
    if why_incomplete:
        return Authorisation(Coverage.UNKNOWN, evaluations, why_incomplete)
    return Authorisation(Coverage.SOME if SpfResult.PASS in results else Coverage.NONE, evaluations)


def _addresses(subject: Subject, answers: DnsAnswers) -> tuple[tuple[IpAddress, ...], str]:
    """The addresses to try, and why there are none or may be more; "" when all are known."""
    if subject.provider and not subject.evidence:
        return _samples(subject.provider.name, subject.provider.include, answers)
    known = host_addresses(subject, answers)
    if known.failure:
        return known.public, f"the addresses of «{subject.smtp_host}» could not be looked up ({known.failure.detail})"
    if known.public:
        return known.public, ""
    if known.private:
        return (), f"«{subject.smtp_host}» has private addresses only, and mail leaves from another one"
    return (), f"«{subject.smtp_host}» has no address in the DNS"


def _samples(provider: str, include: str, answers: DnsAnswers) -> tuple[tuple[IpAddress, ...], str]:
    """An address from each of a few networks of a provider's own record."""
    if not include:
        return (), f"{provider} does not publish which addresses it sends from"
    tree = spf_tree(include, answers)
    networks = [
        directive.network
        for node in tree.nodes()
        for directive in (node.record.directives if node.record else ())
        if directive.network and directive.qualifier is Qualifier.PASS
    ]
    if not networks:
        return (), f"the addresses of {provider} cannot be learned from «{include}»"
    chosen = [
        network
        for version in (4, 6)
        for network in _spread([network for network in networks if network.version == version])
    ]
    return tuple(network.network_address + (network.num_addresses > 1) for network in chosen), ""


def _spread(networks: list[IPv4Network | IPv6Network]) -> list[IPv4Network | IPv6Network]:
    """A few from beginning to end."""
    if len(networks) <= _SAMPLES_OF_A_FAMILY:
        return networks
    step = (len(networks) - 1) / (_SAMPLES_OF_A_FAMILY - 1)
    return [networks[round(position * step)] for position in range(_SAMPLES_OF_A_FAMILY)]
