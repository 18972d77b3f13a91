"""The SPF record to publish: what is there, mended and with the server in it."""

from portal.domain.deliverability.dns_answers import DnsAnswers, IpAddress, Records, txt
from portal.domain.deliverability.host_addresses import host_addresses
from portal.domain.deliverability.spf.evaluation import RFC_LIMITS, SpfTrouble
from portal.domain.deliverability.spf.merge import merged_record
from portal.domain.deliverability.spf.tree import SpfTree, TreeTerm, spf_tree
from portal.domain.deliverability.subject import Subject
from portal.domain.deliverability.suggested_record import Action, SuggestedRecord

_DEAD = frozenset({SpfTrouble.NO_SUCH_DOMAIN, SpfTrouble.NO_RECORD, SpfTrouble.LOOP, SpfTrouble.NOT_A_DOMAIN})
"""A term that leads to one of these says nothing, and can go."""


def suggested_spf(
    subject: Subject, published: tuple[bytes, ...], answers: DnsAnswers, *, replace: bool = True
) -> tuple[SuggestedRecord, ...]:
    """One record to put in the place of those that are there; nothing when no record is sure to help.

    Args:
        published: The SPF records there are, or what was meant for one.
        replace: Something is there that must go.

    Raises:
        Unanswered: More must be asked first.
    """
    domain = subject.spf_domain
    additions = _server(subject, answers)
    if additions is None:
        return ()
    value = merged_record(published, add=additions)
    if value is None:
        return ()
    value = merged_record(published, add=additions, drop=_dead_terms(_if_published(domain, value, answers)))
    if value is None or _if_published(domain, value, answers).lookups > RFC_LIMITS.lookups:
        return ()
    action = Action.REPLACE if replace else Action.ADD
    return (SuggestedRecord(domain, subject.zone_of(domain), "TXT", value, action),)


def _server(subject: Subject, answers: DnsAnswers) -> tuple[str, ...] | None:
    """The terms that authorise the server; None where nobody knows them, so that no record could be complete."""
    if subject.provider and not subject.evidence:
        if subject.return_path_is_the_providers:
            return ()  # it sends in its own name
        return (f"include:{subject.provider.include}",) if subject.provider.include else None
    known = host_addresses(subject, answers)
    return None if known.failure or not known.public else tuple(_term(address) for address in known.public)


def _term(address: IpAddress) -> str:
    return f"ip{address.version}:{address}"


def _if_published(domain: str, value: str, answers: DnsAnswers) -> SpfTree:
    """What the tree would be with this record in the place of those that are there."""
    return spf_tree(domain, answers | {txt(domain): Records((value.encode(),))})


def _dead_terms(tree: SpfTree) -> list[str]:
    """What can go because it only does harm: not what merely finds nothing, as long as receivers forgive that."""
    too_many_voids = tree.voids > RFC_LIMITS.voids
    return [term.term for term in tree.root.terms if _leads_nowhere(term) or (term.is_empty and too_many_voids)]


def _leads_nowhere(term: TreeTerm) -> bool:
    return term.trouble in _DEAD and (term.node is None or term.node.record is None)
