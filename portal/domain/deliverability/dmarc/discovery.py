"""Which record speaks for a domain, and what it makes receivers do (RFC 9989 section 4.10.1)."""

from dataclasses import dataclass

from portal.domain.deliverability.dmarc.record import DmarcRecord, Policy, PublicSuffixFlag
from portal.domain.deliverability.dmarc.tree_walk import TreeWalk, WalkStep, tree_walk
from portal.domain.deliverability.dns_answers import DnsAnswers, LookupFailure, NoRecord, mx


@dataclass(frozen=True, slots=True)
class Discovery:
    """The policy of one domain.

    Attributes:
        domain: Of the From address.
        walk: The look-ups and what they found.
        policy_domain: Who publishes the record; None when there is none, or nobody knows.
        record: The record itself.
        deciding_tag: p, sp or np; "" without a record.
        effective: What receivers do with mail that fails: the tag's value, weakened by ``t=y``; None when DMARC does
            not apply.
        failure: The look-up on which the answer depends and which failed; then nothing else is known.
    """

    domain: str
    walk: TreeWalk
    policy_domain: str | None = None
    record: DmarcRecord | None = None
    deciding_tag: str = ""
    effective: Policy | None = None
    failure: WalkStep | None = None

    @property
    def is_inherited(self) -> bool:
        return self.policy_domain is not None and self.policy_domain != self.domain


def discover(domain: str, answers: DnsAnswers) -> Discovery:
    """Find the record that speaks for mail from a domain.

    Args:
        domain: Of the From address, as ``query_name`` returns it.

    Raises:
        Unanswered: More must be asked first.
    """
    walk = tree_walk(domain, answers)
    start = walk.start
    if start.record:
        return _applied(domain, walk, start.domain, start.record, answers)
    if walk.failed:
        return Discovery(domain, walk, failure=walk.failed)
    organization = walk.organizational_domain
    record = walk.record_at(organization)
    if record:
        return _applied(domain, walk, organization, record, answers)
    last = walk.steps[-1]
    if last.record and last.record.public_suffix is PublicSuffixFlag.YES:
        return _applied(domain, walk, last.domain, last.record, answers)
    return Discovery(domain, walk)


def _applied(domain: str, walk: TreeWalk, publisher: str, record: DmarcRecord, answers: DnsAnswers) -> Discovery:
    found = Discovery(domain, walk, publisher, record)
    if not record.is_usable:
        return found
    inherited = publisher != domain
    domain_exists = True
    if inherited and record.nonexistent_policy:
        answer = answers[mx(domain)]
        if isinstance(answer, LookupFailure):
            return Discovery(domain, walk, failure=WalkStep(domain, failure=answer))
        domain_exists = not (isinstance(answer, NoRecord) and not answer.name_exists)
    tag, effective = record.applicable(inherited=inherited, domain_exists=domain_exists)
    return Discovery(domain, walk, publisher, record, tag, effective)
