"""All that an SPF record leads to, as if no term ever matched: what the ten look-ups are spent on, and what is broken.

``check_host`` says what happens to one client; this says what is published, whoever sends.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from portal.domain.deliverability.dns_answers import (
    Answer,
    Data,
    DnsAnswers,
    LookupFailure,
    NoRecord,
    Question,
    Unanswered,
    data_of,
    ipv4_of,
    ipv6_of,
    mx,
    txt,
)
from portal.domain.deliverability.dns_names import query_name
from portal.domain.deliverability.spf.evaluation import RFC_LIMITS, SpfLimits, SpfTrouble
from portal.domain.deliverability.spf.record import SpfRecord, parse_record, spf_records
from portal.domain.deliverability.spf.terms import Directive, Mechanism, Modifier

_MOST_LOOKUPS: Final = 40
"""Where the walk ends: far beyond what any receiver does, and enough to show how far a record is from ten."""


@dataclass(frozen=True, slots=True)
class TreeTerm:
    """A term that costs a look-up.

    Attributes:
        term: As published.
        lookup: The how-manieth look-up it is when no term before it matches; those beyond ten are never made.
        name: What it looks up; None when that depends on the message (macros), or can be no name.
        depends_on_message: The name holds macros.
        voids: How many names it looks up in vain, for IPv4 clients as for IPv6 ones.
        is_empty: It finds nothing at all, so it can match nobody.
        node: What an include or redirect leads to.
        trouble: What is wrong with the term itself.
        detail: What the trouble is about.
    """

    term: str
    lookup: int
    name: str | None
    depends_on_message: bool = False
    voids: int = 0
    is_empty: bool = False
    node: "TreeNode | None" = None
    trouble: SpfTrouble | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TreeNode:
    """What one domain publishes.

    Attributes:
        records: The SPF records' octets; exactly one is right.
        record: That one, read.
        terms: Those that cost a look-up, in their order.
        trouble: Why there is no record to follow, or why it is broken.
        detail: What the trouble is about.
    """

    domain: str
    records: tuple[bytes, ...] = ()
    record: SpfRecord | None = None
    terms: tuple[TreeTerm, ...] = ()
    trouble: SpfTrouble | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SpfTree:
    """A domain's record and everything below it.

    Attributes:
        lookups: How many look-ups a receiver would need for a client no term matches.
        voids: How many names are looked up in vain.
        is_cut: There is more than was looked at.
    """

    root: TreeNode
    lookups: int
    voids: int
    is_cut: bool

    def nodes(self) -> Iterator[TreeNode]:
        """Every domain in the tree, the root first."""
        return _nodes(self.root)

    def terms(self) -> Iterator[tuple[int, str, TreeTerm]]:
        """Every term that costs a look-up: how deep it lies, the domain that publishes it, and the term."""
        return _terms(self.root, 0)

    @property
    def depends_on_message(self) -> bool:
        """Whether macros decide about something that the DNS alone cannot tell."""
        return any(term.depends_on_message for _, _, term in self.terms())


def spf_tree(domain: str, answers: DnsAnswers, *, limits: SpfLimits = RFC_LIMITS) -> SpfTree:
    """Follow everything a domain's record leads to.

    Args:
        domain: As ``query_name`` returns it.

    Raises:
        Unanswered: More must be asked first; all of one level of the tree is asked for at once.
    """
    walk = _Walk(domain, answers, limits)
    root = walk.node(domain, ())
    if walk.missing:
        raise Unanswered(tuple(walk.missing))
    return SpfTree(root, walk.lookups, walk.voids, walk.is_cut)


class _Walk:
    """One walk. What is not answered yet is noted, and the walk goes on beside it."""

    def __init__(self, domain: str, answers: DnsAnswers, limits: SpfLimits) -> None:
        self.lookups = 0
        self.voids = 0
        self.is_cut = False
        self.missing: dict[Question[Any], None] = {}
        self._sender_domain = domain
        self._answers = answers
        self._limits = limits

    def node(self, domain: str, above: tuple[str, ...]) -> TreeNode:
        question = txt(domain)
        answer = self._answer(question)
        node = TreeNode(domain)
        if answer is None:
            return node
        if isinstance(answer, LookupFailure):
            return replace(node, trouble=SpfTrouble.LOOKUP_FAILED, detail=answer.detail)
        records = spf_records(data_of(answer))
        node = replace(node, records=records, detail=domain)
        if not records:
            gone = isinstance(answer, NoRecord) and not answer.name_exists
            return replace(node, trouble=SpfTrouble.NO_SUCH_DOMAIN if gone else SpfTrouble.NO_RECORD)
        if len(records) > 1:
            return replace(node, trouble=SpfTrouble.SEVERAL_RECORDS)
        record = parse_record(records[0])
        node = replace(node, record=record)
        if record.errors:
            node = replace(node, trouble=SpfTrouble.SYNTAX, detail=str(record.errors[0]))
        return replace(node, terms=tuple(self._terms(record, domain, (*above, domain))))

    def _terms(self, record: SpfRecord, domain: str, path: tuple[str, ...]) -> Iterator[TreeTerm]:
        costly = [term for term in record.reachable if term.mechanism.costs_a_lookup]
        for term in (*costly, *((record.redirect,) if record.redirect else ())):
            if self.lookups >= _MOST_LOOKUPS:
                self.is_cut = True
                return
            self.lookups += 1
            yield self._term(term, domain, path)

    def _term(self, term: Directive | Modifier, domain: str, path: tuple[str, ...]) -> TreeTerm:
        target = term.value if isinstance(term, Modifier) else term.target
        found = TreeTerm(term.text, self.lookups, domain)
        if target:
            if target.letters - {"d", "o"}:
                return replace(found, name=None, depends_on_message=True)
            known = {"d": domain, "o": self._sender_domain}
            found = replace(found, name=query_name(target.expand(known.__getitem__)))
        if isinstance(term, Modifier) or term.mechanism is Mechanism.INCLUDE:
            return self._step_into(found, path)
        if found.name is None or found.lookup > self._limits.lookups:
            return found
        return self._looked_up(found, term.mechanism, found.name)

    def _step_into(self, found: TreeTerm, path: tuple[str, ...]) -> TreeTerm:
        if found.name is None:
            return replace(found, trouble=SpfTrouble.NOT_A_DOMAIN, detail=found.term)
        if found.name in path:
            return replace(found, trouble=SpfTrouble.LOOP, detail=found.name)
        node = self.node(found.name, path)
        return replace(found, node=node, trouble=node.trouble, detail=node.detail)

    def _looked_up(self, found: TreeTerm, mechanism: Mechanism, name: str) -> TreeTerm:
        match mechanism:
            case Mechanism.EXISTS:
                return self._first(found, (ipv4_of(name),))
            case Mechanism.A:
                return self._first(found, (ipv4_of(name), ipv6_of(name)))
            case Mechanism.MX:
                found = self._first(found, (mx(name),))
                answer = self._answer(mx(name))
                hosts = (
                    [host for exchanger in data_of(answer) if (host := query_name(exchanger.host))] if answer else []
                )
                if len(hosts) > self._limits.exchangers:
                    return replace(found, trouble=SpfTrouble.TOO_MANY_EXCHANGERS, detail=name)
                return self._counted(found, [(ipv4_of(host), ipv6_of(host)) for host in hosts])
            case _:
                return found  # of ptr's names and addresses nothing is known before a client comes

    def _first(self, found: TreeTerm, questions: tuple[Question[Any], ...]) -> TreeTerm:
        """Note the look-up without which a term can match nobody."""
        found = self._counted(found, [questions])
        return replace(found, is_empty=found.voids > 0)

    def _counted(self, found: TreeTerm, lookups: list[tuple[Question[Any], ...]]) -> TreeTerm:
        """Note which of these look-ups are in vain, or failed; each has one question or one for either family."""
        for questions in lookups:
            answers = [(question, self._answer(question)) for question in questions]
            if all(isinstance(answer, NoRecord) for _, answer in answers):
                self.voids += 1
                found = replace(found, voids=found.voids + 1)
            for question, answer in answers:
                if isinstance(answer, LookupFailure):
                    found = replace(found, trouble=SpfTrouble.LOOKUP_FAILED, detail=f"{question}: {answer.detail}")
        return found

    def _answer(self, question: Question[Data]) -> Answer[Data] | None:
        if question in self._answers:
            return self._answers[question]
        self.missing[question] = None
        return None


def _nodes(node: TreeNode) -> Iterator[TreeNode]:
    yield node
    for term in node.terms:
        if term.node:
            yield from _nodes(term.node)


def _terms(node: TreeNode, depth: int) -> Iterator[tuple[int, str, TreeTerm]]:
    for term in node.terms:
        yield depth, node.domain, term
        if term.node:
            yield from _terms(term.node, depth + 1)
