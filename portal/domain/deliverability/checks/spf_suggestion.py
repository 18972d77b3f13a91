"""The SPF record to publish: what is there, mended and with the server in it."""

from typing import Final

from portal.domain.deliverability.checks.spf_authorisation import Coverage, authorisation
from portal.domain.deliverability.dns_answers import DnsAnswers, IpAddress, Records, data_of, txt
from portal.domain.deliverability.host_addresses import host_addresses
from portal.domain.deliverability.spf.evaluation import RFC_LIMITS, SpfTrouble
from portal.domain.deliverability.spf.merge import merged_record
from portal.domain.deliverability.spf.tree import SpfTree, TreeTerm, spf_tree
from portal.domain.deliverability.subject import Subject
from portal.domain.deliverability.suggested_record import Action, SuggestedRecord

_DEAD: Final = frozenset({SpfTrouble.NO_SUCH_DOMAIN, SpfTrouble.NO_RECORD, SpfTrouble.LOOP, SpfTrouble.NOT_A_DOMAIN})
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
    if _server(subject, answers) is None:
        return ()
    mended = merged_record(published)
    if mended is None:
        return ()
    dead = _dead_terms(spf_tree(domain, _if_published(domain, mended, answers)))
    added = _not_yet_in(subject, merged_record(published, drop=dead) or mended, answers)
    value = merged_record(published, add=added, drop=dead)
    if value is None or spf_tree(domain, _if_published(domain, value, answers)).lookups > RFC_LIMITS.lookups:
        return ()
    if len(published) == 1 and value.encode() in data_of(answers[txt(domain)]):
        return ()  # it stands there already: what is wrong is not to be mended by a term more or less
    action = Action.REPLACE if replace else Action.ADD
    return (SuggestedRecord(domain, subject.zone_of(domain), "TXT", value, action),)


def _server(subject: Subject, answers: DnsAnswers) -> tuple[str, ...] | None:
    """The terms that authorise the server; None where nobody knows them, so that no record could be complete."""
    if subject.provider and not subject.evidence:
        if subject.return_path_is_the_providers:
            return ()  # it sends in its own name
        return (f"include:{subject.provider.include}",) if subject.provider.include else None
    known = host_addresses(subject, answers)
    return None if known.failure or not known.public else tuple(map(_term, known.public))


def _not_yet_in(subject: Subject, record: str, answers: DnsAnswers) -> tuple[str, ...]:
    """The terms a record needs so that all of the server passes."""
    supposed = _if_published(subject.spf_domain, record, answers)
    authorised = authorisation(subject, spf_tree(subject.spf_domain, supposed), supposed)
    passing = {_term(evaluation.client.ip) for evaluation in authorised.covered}
    wanted = _server(subject, answers) or ()
    return () if authorised.coverage is Coverage.ALL else tuple(term for term in wanted if term not in passing)


def _term(address: IpAddress) -> str:
    return f"ip{address.version}:{address}"


def _if_published(domain: str, value: str, answers: DnsAnswers) -> DnsAnswers:
    """The answers as they would be with this record in the place of those that are there."""
    return answers | {txt(domain): Records((value.encode(),))}


def _dead_terms(tree: SpfTree) -> list[str]:
    """What can go because it only does harm: not what merely finds nothing, as long as receivers forgive that."""
    too_many_voids = tree.voids > RFC_LIMITS.voids
    return [term.term for term in tree.root.terms if _leads_nowhere(term) or (term.is_empty and too_many_voids)]


def _leads_nowhere(term: TreeTerm) -> bool:
    return term.trouble in _DEAD and (term.node is None or term.node.record is None)
