"""``check_host()`` of RFC 7208 section 4: may this client send with this domain in MAIL FROM?

It runs over the answers there are, from the beginning each time, and raises ``Unanswered`` with what it needs next:
only what a receiver would ask at this point, never more than the limits allow.
"""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any, Final

from portal.domain.deliverability.dns_answers import (
    Answer,
    Data,
    DnsAnswers,
    LookupFailure,
    NoRecord,
    Question,
    Records,
    data_of,
    ipv4_of,
    mx,
    name_of_address,
    same_family,
    txt,
)
from portal.domain.deliverability.dns_names import is_at_or_below, query_name, to_ascii
from portal.domain.deliverability.spf.evaluation import (
    RFC_LIMITS,
    Evaluation,
    Outcome,
    RecordEvaluation,
    SmtpClient,
    SpfLimits,
    SpfResult,
    SpfTrouble,
    Step,
)
from portal.domain.deliverability.spf.macro_values import MacroValues, validated_names
from portal.domain.deliverability.spf.record import parse_record, spf_records
from portal.domain.deliverability.spf.terms import Directive, Mechanism, Modifier, Qualifier

_RESULT_OF_MATCH: Final = {
    Qualifier.PASS: SpfResult.PASS,
    Qualifier.FAIL: SpfResult.FAIL,
    Qualifier.SOFTFAIL: SpfResult.SOFTFAIL,
    Qualifier.NEUTRAL: SpfResult.NEUTRAL,
}
_OUTCOME_OF_INCLUDED: Final = {
    SpfResult.PASS: Outcome.MATCH,
    SpfResult.FAIL: Outcome.NO_MATCH,
    SpfResult.SOFTFAIL: Outcome.NO_MATCH,
    SpfResult.NEUTRAL: Outcome.NO_MATCH,
    SpfResult.TEMPERROR: Outcome.TEMPERROR,
    SpfResult.PERMERROR: Outcome.PERMERROR,
    SpfResult.NONE: Outcome.PERMERROR,
}
"""RFC 7208 section 5.2."""


def check_host(client: SmtpClient, answers: DnsAnswers, *, limits: SpfLimits = RFC_LIMITS) -> Evaluation:
    """Evaluate the SPF record of the client's envelope domain, or of its HELO for the null sender.

    Raises:
        Unanswered: More must be asked first.
    """
    run = _Run(client, answers, limits)
    root = run.evaluate(client.domain)
    return Evaluation(client, root, run.lookups, run.voids)


class _Error(Exception):
    """A term's evaluation cannot go on."""

    def __init__(self, outcome: Outcome, trouble: SpfTrouble, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.trouble = trouble
        self.detail = detail


class _Run:
    """One evaluation and what it has used up."""

    def __init__(self, client: SmtpClient, answers: DnsAnswers, limits: SpfLimits) -> None:
        self.client = client
        self.answers = answers
        self.limits = limits
        self.lookups = 0
        self.voids = 0
        self._asked: list[Question[Any]] = []

    def evaluate(self, domain: str) -> RecordEvaluation:
        """The record of one domain; the whole of section 4."""
        name = _domain_name(domain)
        if name is None:
            return RecordEvaluation(domain, SpfResult.NONE, trouble=SpfTrouble.NOT_A_DOMAIN, detail=domain)
        answer = self.answers[txt(name)]
        if isinstance(answer, LookupFailure):
            return RecordEvaluation(name, SpfResult.TEMPERROR, trouble=SpfTrouble.LOOKUP_FAILED, detail=answer.detail)
        records = spf_records(data_of(answer))
        if len(records) != 1:
            return _without_a_record(name, answer, len(records))
        return self._evaluate_record(name, records[0])

    def _evaluate_record(self, domain: str, raw: bytes) -> RecordEvaluation:
        record = parse_record(raw)
        evaluation = RecordEvaluation(domain, SpfResult.NEUTRAL, record)
        if record.errors:
            detail = str(record.errors[0])
            return replace(evaluation, result=SpfResult.PERMERROR, trouble=SpfTrouble.SYNTAX, detail=detail)
        values = MacroValues(self.client, domain, self.answers, self.limits)
        steps: list[Step] = []
        for directive in record.directives:
            step = self._step(directive, values)
            steps.append(step)
            if step.outcome is not Outcome.NO_MATCH:
                return _decided(replace(evaluation, steps=tuple(steps)), step, _RESULT_OF_MATCH[directive.qualifier])
        if record.redirect:
            step = self._step(record.redirect, values)
            evaluation = replace(evaluation, steps=(*steps, step))
            return _decided(evaluation, step, step.record.result if step.record else SpfResult.PERMERROR)
        return replace(evaluation, steps=tuple(steps))

    def _step(self, term: Directive | Modifier, values: MacroValues) -> Step:
        """Evaluate one term, and count it."""
        self._asked = []
        costs = isinstance(term, Modifier) or term.mechanism.costs_a_lookup
        self.lookups += costs
        step = Step(term.text, Outcome.NO_MATCH, self.lookups if costs else None)
        if costs and self.lookups > self.limits.lookups:
            return replace(step, outcome=Outcome.PERMERROR, trouble=SpfTrouble.TOO_MANY_LOOKUPS, detail=values.domain)
        try:
            if isinstance(term, Modifier) or term.mechanism is Mechanism.INCLUDE:
                return self._step_into(step, term, values)
            matches = self._matches(term, values)
            return replace(step, outcome=Outcome.MATCH if matches else Outcome.NO_MATCH, asked=tuple(self._asked))
        except _Error as error:
            return replace(
                step, outcome=error.outcome, asked=tuple(self._asked), trouble=error.trouble, detail=error.detail
            )

    def _step_into(self, step: Step, term: Directive | Modifier, values: MacroValues) -> Step:
        """Evaluate the record an include or redirect leads to."""
        name = values.target(term.value if isinstance(term, Modifier) else term.target)
        if name is None:
            return replace(step, outcome=Outcome.PERMERROR, trouble=SpfTrouble.NOT_A_DOMAIN, detail=term.text)
        record = self.evaluate(name)
        step = replace(step, record=record, asked=(txt(name),), trouble=record.trouble, detail=record.detail)
        if isinstance(term, Directive):
            return replace(step, outcome=_OUTCOME_OF_INCLUDED[record.result])
        return replace(step, outcome=_outcome_of_redirect(record.result))

    def _matches(self, term: Directive, values: MacroValues) -> bool:
        address = self.client.address
        match term.mechanism:
            case Mechanism.ALL:
                return True
            case Mechanism.IP4 | Mechanism.IP6:
                return term.network is not None and address in term.network
            case Mechanism.PTR:
                return self._bears_a_name_below(values.target(term.target))
            case _:
                name = values.target(term.target)
                return name is not None and self._leads_to_the_client(term, name)

    def _leads_to_the_client(self, term: Directive, name: str) -> bool:
        match term.mechanism:
            case Mechanism.EXISTS:
                return bool(self._look_up(ipv4_of(name)))  # A also where the client's address is IPv6 (section 5.7)
            case Mechanism.MX:
                return self._is_exchanger(term, name)
            case _:
                return self._is_host(term, name)

    def _is_host(self, term: Directive, name: str) -> bool:
        address = self.client.address
        network = ip_network((address.packed, term.prefix4 if address.version == 4 else term.prefix6), strict=False)
        return any(found in network for found in self._look_up(same_family(name, address)))

    def _is_exchanger(self, term: Directive, name: str) -> bool:
        exchangers = sorted(self._look_up(mx(name)), key=lambda exchanger: exchanger.preference)
        if len(exchangers) > self.limits.exchangers:
            raise _Error(Outcome.PERMERROR, SpfTrouble.TOO_MANY_EXCHANGERS, name)
        hosts = [host for exchanger in exchangers if (host := query_name(exchanger.host))]
        self.answers.need(*(same_family(host, self.client.address) for host in hosts))
        return any(self._is_host(term, host) for host in hosts)

    def _bears_a_name_below(self, name: str | None) -> bool:
        self._asked.append(name_of_address(self.client.address))
        names = validated_names(self.client.address, self.answers, self.limits)
        return name is not None and any(is_at_or_below(candidate, name) for candidate in names)

    def _look_up(self, question: Question[Data]) -> tuple[Data, ...]:
        """The records, none when there is none.

        Raises:
            _Error: The look-up failed, or one too many found nothing.
            Unanswered: It must be asked first.
        """
        self._asked.append(question)
        answer = self.answers[question]
        if isinstance(answer, LookupFailure):
            raise _Error(Outcome.TEMPERROR, SpfTrouble.LOOKUP_FAILED, f"{question}: {answer.detail}")
        if isinstance(answer, Records):
            return answer.data
        self.voids += 1
        if self.voids > self.limits.voids:
            raise _Error(Outcome.PERMERROR, SpfTrouble.TOO_MANY_VOIDS, question.name)
        return ()


def _domain_name(domain: str) -> str | None:
    """What can be asked for; None for what is no domain of several labels (section 4.3)."""
    ascii_domain = to_ascii(domain)
    name = query_name(ascii_domain) if ascii_domain is not None else None
    return name if name and "." in name else None


def _without_a_record(domain: str, answer: Answer[bytes], count: int) -> RecordEvaluation:
    if count:
        return RecordEvaluation(domain, SpfResult.PERMERROR, trouble=SpfTrouble.SEVERAL_RECORDS, detail=domain)
    gone = isinstance(answer, NoRecord) and not answer.name_exists
    trouble = SpfTrouble.NO_SUCH_DOMAIN if gone else SpfTrouble.NO_RECORD
    return RecordEvaluation(domain, SpfResult.NONE, trouble=trouble, detail=domain)


def _outcome_of_redirect(result: SpfResult) -> Outcome:
    """An error stays what it is, no record becomes one (section 6.1), and everything else decides."""
    match result:
        case SpfResult.TEMPERROR:
            return Outcome.TEMPERROR
        case SpfResult.PERMERROR | SpfResult.NONE:
            return Outcome.PERMERROR
        case _:
            return Outcome.MATCH


def _decided(evaluation: RecordEvaluation, step: Step, matched: SpfResult) -> RecordEvaluation:
    """The evaluation, ended by this step."""
    match step.outcome:
        case Outcome.MATCH:
            return replace(evaluation, result=matched)
        case Outcome.TEMPERROR:
            result = SpfResult.TEMPERROR
        case _:
            result = SpfResult.PERMERROR
    return replace(evaluation, result=result, trouble=step.trouble, detail=step.detail)
