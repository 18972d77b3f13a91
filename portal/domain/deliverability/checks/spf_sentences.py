"""What to say about an SPF record: its policy, its limits, and what is broken below it (DELIVERABILITY 3.2)."""

from collections.abc import Iterator
from typing import Final

from portal.domain.deliverability.findings import Remark, Verdict
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.spf.evaluation import RFC_LIMITS, SpfTrouble
from portal.domain.deliverability.spf.record import SpfRecord
from portal.domain.deliverability.spf.terms import Mechanism, Qualifier
from portal.domain.deliverability.spf.tree import SpfTree, TreeNode

_LONGEST_GOOD: Final = 450  # octets
_BROKEN: Final = {
    SpfTrouble.NO_SUCH_DOMAIN: "«{term}» in «{domain}» leads to «{detail}», which does not exist.",
    SpfTrouble.NO_RECORD: "«{term}» in «{domain}» leads to «{detail}», which has no SPF record.",
    SpfTrouble.SEVERAL_RECORDS: "«{term}» in «{domain}» leads to «{detail}», which has several SPF records.",
    SpfTrouble.SYNTAX: "«{term}» in «{domain}» leads to a broken record: {detail}.",
    SpfTrouble.NOT_A_DOMAIN: "«{term}» in «{domain}» names no domain.",
    SpfTrouble.LOOP: "«{term}» in «{domain}» leads back to «{detail}», in a circle.",
    SpfTrouble.TOO_MANY_EXCHANGERS: "«{term}» in «{domain}» stands for more than 10 mail servers.",
}
"""What ends every evaluation that comes so far with permerror."""


def broken_below(tree: SpfTree, *, may_pass: bool) -> Iterator[Remark]:
    """What is broken in the tree; a failed look-up is none of it. Amber where the server passes before it, or may."""
    for _, domain, term in tree.terms():
        text = _BROKEN.get(term.trouble) if term.trouble else None
        if text:
            sentence = text.format(term=shown(term.term, 200), domain=domain, detail=shown(term.detail, 300))
            verdict = Verdict.WARN if may_pass else Verdict.FAIL
            yield Remark(verdict, f"{sentence} Receivers that come so far end with permerror.")


def over_limits(tree: SpfTree, *, may_pass: bool) -> Iterator[Remark]:
    """Too many look-ups. Red, unless the server's addresses pass before it comes to that, or may do so."""
    verdict = Verdict.WARN if may_pass else Verdict.FAIL
    if tree.lookups > RFC_LIMITS.lookups:
        count = f"more than {tree.lookups}" if tree.is_cut else str(tree.lookups)
        yield Remark(
            verdict,
            f"The SPF record of «{tree.root.domain}» needs {count} DNS look-ups, and receivers stop after 10. Remove "
            f"what is not used any more, or send from a subdomain such as notify.{tree.root.domain} with its own ten.",
        )
    if tree.voids > RFC_LIMITS.voids:
        yield Remark(
            verdict,
            f"The SPF record of «{tree.root.domain}» looks up {tree.voids} names in vain, and receivers stop after 2: "
            "remove those that no longer exist.",
        )


def on_policy(domain: str, record: SpfRecord, tree: SpfTree) -> Iterator[Remark]:
    """What the record says of everybody else, and what in it serves no purpose."""
    for publisher, term in _lets_everybody_pass(tree.root):
        yield Remark(Verdict.FAIL, f"«{term}» in «{publisher}» lets everybody in the world send as «{domain}».")
    yield from _on_end(domain, tree)
    behind = record.directives[len(record.reachable) :]
    if behind:
        terms = shown(" ".join(directive.text for directive in behind), 200)
        yield Remark(Verdict.WARN, f"Receivers never come to «{terms}», because it stands after «all».")
    if record.all and record.modifier("redirect"):
        yield Remark(Verdict.INFO, "Beside «all» the redirect is not followed.")
    if any(directive.mechanism is Mechanism.PTR for directive in record.directives):
        yield Remark(Verdict.WARN, "«ptr» is slow and unreliable, and should not be used (RFC 7208 section 5.5).")
    if record.octets > _LONGEST_GOOD:
        yield Remark(
            Verdict.WARN,
            f"The record is {record.octets} octets long; with more than 450 some receivers get only a part of it.",
        )


def _lets_everybody_pass(node: TreeNode) -> Iterator[tuple[str, str]]:
    """Each ``+all`` that every evaluation comes to, with the domain that publishes it."""
    if node.record and node.record.all and node.record.all.qualifier is Qualifier.PASS:
        yield node.domain, node.record.all.text
    for term in node.terms:
        if term.node and term.term[0] not in "-~?":
            yield from _lets_everybody_pass(term.node)


def _on_end(domain: str, tree: SpfTree) -> Iterator[Remark]:
    """What the record, or the one it redirects to, says of everybody else; nothing where that cannot be seen."""
    node: TreeNode | None = tree.root
    while node and node.record and node.record.redirect:
        redirect = node.record.redirect
        node = next((term.node for term in node.terms if term.term == redirect.text), None)
    if not node or not node.record:
        return
    if node.record.all is None:
        yield Remark(Verdict.WARN, f"The SPF record of «{domain}» has no «all» at its end: end it with ~all.")
    elif node.record.all.qualifier is Qualifier.NEUTRAL:
        yield Remark(Verdict.WARN, f"«?all» says nothing about forged mail from «{domain}»: end with ~all.")
