"""A report as programs read it (CONTRACT: deliverability)."""

from typing import Any

from portal.domain.deliverability.findings import Finding
from portal.domain.deliverability.report import Report
from portal.domain.deliverability.suggested_record import SuggestedRecord


def report_to_json(report: Report, *, queries: int, seconds: float) -> dict[str, Any]:
    """The report in CONTRACT's form.

    Args:
        queries: How many questions were asked of the DNS.
        seconds: How long that took.
    """
    return {
        "domain": report.domain,
        "overall": report.overall.value,
        "headline": report.headline,
        "checks": [_check(finding) for finding in report.findings],
        "queries": queries,
        "seconds": round(seconds, 3),
    }


def _check(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.check.value,
        "status": finding.verdict.value,
        "summary": finding.summary,
        "found": list(finding.found),
        "wanted": [_record(record) for record in finding.wanted],
        "details": [remark.sentence for remark in finding.details],
    }


def _record(record: SuggestedRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "host": record.host,
        "type": record.type,
        "value": record.value,
        "action": record.action.value,
        "chunks": list(record.chunks),
    }
