"""The openspf.org test suite for RFC 7208, every case of it."""

import pytest

from portal.domain.deliverability.spf.check_host import check_host
from portal.domain.deliverability.spf.explanation import explanation
from tests.support.dns_zone import answered
from tests.support.openspf import OPENSPF_CASES, OpenspfCase


@pytest.mark.parametrize("case", OPENSPF_CASES, ids=str)
def test_a_case_has_one_of_the_results_the_suite_allows(case: OpenspfCase) -> None:
    zone = case.dns()
    evaluation = answered(zone, lambda answers: check_host(case.client, answers))
    assert evaluation.result in case.results
    if case.explanation is not None:
        told = answered(zone, lambda answers: explanation(evaluation, answers))
        assert (told or "DEFAULT") == case.explanation
