"""Whether a domain that was authenticated speaks for the domain people see in From (RFC 9989 section 4.4)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from portal.domain.deliverability.dmarc.record import AlignmentMode
from portal.domain.deliverability.dmarc.tree_walk import tree_walk, walk_questions
from portal.domain.deliverability.dns_answers import DnsAnswers
from portal.domain.deliverability.dns_names import is_at_or_below

PublicSuffixOf = Callable[[str], str | None]
"""The public suffix of a domain by the list of publicsuffix.org; None when the domain is not below any."""


class Aligned(StrEnum):
    """The answer of ``alignment``."""

    YES = "yes"
    NO = "no"
    DEPENDS = "depends"  # receivers of RFC 9989 and those with the Public Suffix List come to different ends
    UNKNOWN = "unknown"  # a look-up failed


@dataclass(frozen=True, slots=True)
class Alignment:
    """One authenticated domain against the From domain.

    Attributes:
        by_tree_walk: The organizational domains of both, From's first; None in strict mode and where they are equal.
        by_list: The same by the Public Suffix List; None also where no list was given.
        failed: The domain whose record could not be looked up.
    """

    identity: str
    from_domain: str
    mode: AlignmentMode
    aligned: Aligned
    by_tree_walk: tuple[str, str] | None = None
    by_list: tuple[str, str] | None = None
    failed: str = ""


def organizational_domain_by_list(domain: str, public_suffix_of: PublicSuffixOf) -> str:
    """One label more than the public suffix (RFC 7489 section 3.2); the domain itself when it is one."""
    suffix = public_suffix_of(domain)
    if suffix is None or suffix == domain or not is_at_or_below(domain, suffix):
        return domain
    return f"{domain.removesuffix('.' + suffix).rpartition('.')[2]}.{suffix}"


def alignment(
    identity: str,
    from_domain: str,
    mode: AlignmentMode,
    answers: DnsAnswers,
    public_suffix_of: PublicSuffixOf | None = None,
) -> Alignment:
    """Compare an authenticated domain (SPF's MAIL FROM, DKIM's d=) with the From domain.

    Args:
        identity: As ``query_name`` returns it, and so ``from_domain``.
        public_suffix_of: Of the list that receivers use who do not yet walk the tree; None leaves them out.

    Raises:
        Unanswered: More must be asked first.
    """
    if identity == from_domain:
        return Alignment(identity, from_domain, mode, Aligned.YES)
    if mode is AlignmentMode.STRICT or not _share_a_top_level_domain(identity, from_domain):
        return Alignment(identity, from_domain, mode, Aligned.NO)
    listed = None
    if public_suffix_of:
        listed = (
            organizational_domain_by_list(from_domain, public_suffix_of),
            organizational_domain_by_list(identity, public_suffix_of),
        )
    answers.need(*walk_questions(from_domain), *walk_questions(identity))
    walks = (tree_walk(from_domain, answers), tree_walk(identity, answers))
    for walk in walks:
        if walk.failed:
            return Alignment(identity, from_domain, mode, Aligned.UNKNOWN, by_list=listed, failed=walk.failed.domain)
    walked = (walks[0].organizational_domain, walks[1].organizational_domain)
    verdicts = {organizations[0] == organizations[1] for organizations in (walked, listed) if organizations}
    aligned = Aligned.DEPENDS if len(verdicts) > 1 else Aligned.YES if verdicts == {True} else Aligned.NO
    return Alignment(identity, from_domain, mode, aligned, walked, listed)


def _share_a_top_level_domain(one: str, other: str) -> bool:
    """Without it no record anywhere could make them one organization, so none needs to be looked up."""
    return one.rpartition(".")[2] == other.rpartition(".")[2]
