"""Whether a zone answers for every name: what a wildcard says is not meant for the name that was asked."""

from portal.domain.deliverability.dns_answers import Question, txt
from portal.domain.deliverability.dns_names import query_name


def wildcard_question(domain: str) -> Question[bytes]:
    """For a name nobody publishes: an answer comes from ``*`` below the domain."""
    return txt(query_name(f"wildcard-probe-7f3a.{domain}") or domain)
