"""The shape of a rule that reads a server's answer, and how such rules are loaded and matched."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from portal.domain.mail.smtp_reply import EnhancedCode
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.fault_traits import Fault

NO: Final = "none"
"""In a rule's ``code`` or ``enhanced``: there was none."""

_LONGEST_TEXT: Final = 4096
_LONGEST_WORD: Final = 200
_QUOTED: Final = re.compile(r'<[^<>]*>|"[^"]*"@\S*')
_SEPARATORS: Final = re.compile(r"""[\s:;,/()\[\]{}<>=|!?"#&]+""")
_STATUS: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_CODE: Final = re.compile(r"[1-9](?:\d\d|xx)|none")
_ENHANCED: Final = re.compile(r"[245](?:\.\d{1,3}){1,2}|none")
_PHRASE: Final = re.compile(r"[a-z0-9' .*_-]*[a-z0-9][a-z0-9' .*_-]*")
_LONE_STARS: Final = re.compile(r"^(?:\* +)+|(?: +\*)+$")


class RuleError(ValueError):
    """A rule that cannot be understood. The text is one sentence for the operator who wrote it."""


def words_of(text: str) -> str:
    """The words of a reply in lower case, parted by single blanks, without what other people put there.

    Addresses, links and repeated enhanced codes are left out, and a dotted name stays one word: a recipient called
    ``relay-access-denied@too.many.connections.example`` must not decide what a refusal means (THREATS 33).
    """
    text = _QUOTED.sub(" ", text[:_LONGEST_TEXT].lower().replace("’", "'"))
    own = (token for token in text.split() if "@" not in token and "://" not in token)
    pieces = (piece.strip(".-_'*") for token in own for piece in _SEPARATORS.split(token))
    return " ".join(piece[:_LONGEST_WORD] for piece in pieces if piece and not _STATUS.fullmatch(piece))


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be judged: where the attempt stood, what was answered there, and by whom.

    Attributes:
        code: The reply code, None when there was no reply.
        enhanced: The enhanced code where its class agrees with the reply code, else None.
        words: From ``words_of()``.
        host: The server's name in lower case; may be empty.
    """

    stage: SmtpStage
    code: int | None
    enhanced: EnhancedCode | None
    words: str
    host: str


@dataclass(frozen=True, slots=True)
class Rule:
    """An answer that fits all the conditions means ``fault``. An empty condition fits everything."""

    fault: Fault
    hosts: tuple[str, ...]
    stages: frozenset[SmtpStage]
    codes: frozenset[str]
    enhanced: frozenset[tuple[int, ...] | None]
    words: re.Pattern[str] | None

    @classmethod
    def of(
        cls, fault: Fault, *, host: str = "", stage: str = "", code: str = "", enhanced: str = "", words: str = ""
    ) -> Self:
        """Read one row.

        Args:
            fault: What the answer means.
            host: Names of servers, blank-separated; a name stands for all names below it as well.
            stage: Stages, blank-separated.
            code: Reply codes, blank-separated: ``451``, ``4xx`` or ``none``.
            enhanced: Enhanced codes, blank-separated: ``5.7.1``, ``5.7`` for all of these, or ``none``.
            words: Phrases parted by ``|``, of which one must stand in the text as whole words in this order.
                ``*`` at a word's edge stands for any letters, alone for up to eight words.

        Raises:
            RuleError: A word in one of the columns is not of its kind.
        """
        _check("code", _CODE, code.split())
        _check("enhanced code", _ENHANCED, enhanced.split())
        phrases = words.lower().split("|") if words else []
        _check("phrase", _PHRASE, phrases)
        try:
            stages = frozenset(map(SmtpStage, stage.split()))
        except ValueError as error:
            raise RuleError(f"There is no such stage in {stage!r}; stages are {', '.join(SmtpStage)}.") from error
        return cls(
            fault,
            tuple(host.lower().split()),
            stages,
            frozenset(code.split()),
            frozenset(None if e == NO else tuple(map(int, e.split("."))) for e in enhanced.split()),
            _pattern(phrases) if phrases else None,
        )

    def fits(self, said: Said) -> bool:
        return (
            (not self.stages or said.stage in self.stages)
            and (not self.codes or not self.codes.isdisjoint(_names_of_code(said.code)))
            and (not self.enhanced or not self.enhanced.isdisjoint(_names_of_enhanced(said.enhanced)))
            and (not self.hosts or any(said.host == host or said.host.endswith("." + host) for host in self.hosts))
            and (self.words is None or self.words.search(said.words) is not None)
        )


def load_rules(rows: Iterable[Mapping[str, object]]) -> tuple[Rule, ...]:
    """Read rules an operator has added, e.g. the tables ``[[rule]]`` of a TOML file.

    Each row has ``class`` and any of ``host``, ``stage``, ``code``, ``enhanced`` and ``words``, written as in
    ``Rule.of()``. They are given to ``classify()``, which asks them before its own, in their order.

    Raises:
        RuleError: A row that cannot be understood; its number is in the text.
    """
    return tuple(_load(number, row) for number, row in enumerate(rows, start=1))


_COLUMNS: Final = ("host", "stage", "code", "enhanced", "words")


def _load(number: int, row: Mapping[str, object]) -> Rule:
    if unknown := row.keys() - {"class", *_COLUMNS}:
        raise RuleError(f"Rule {number} has a column of no known name: {', '.join(sorted(unknown))}.")
    columns = {name: str(row.get(name, "")) for name in _COLUMNS}
    if not any(columns.values()):
        raise RuleError(f"Rule {number} has no condition, so that it would hold for every answer.")
    try:
        return Rule.of(Fault(str(row.get("class", ""))), **columns)
    except RuleError as error:
        raise RuleError(f"Rule {number}: {error}") from error
    except ValueError as error:
        raise RuleError(f"Rule {number} needs a class, one of {', '.join(Fault)}.") from error


def _check(kind: str, form: re.Pattern[str], words: Iterable[str]) -> None:
    for word in words:
        if not form.fullmatch(word):
            raise RuleError(f"{word!r} is no {kind}.")


def _pattern(phrases: list[str]) -> re.Pattern[str]:
    # A lone star at either end would say nothing, and the pattern must end with a word.
    inner = (_LONE_STARS.sub("", phrase.strip()) for phrase in phrases)
    spelled = ("".join(map(_word, phrase.split())).removesuffix(" ") for phrase in inner)
    return re.compile(rf"(?<!\S)(?:{'|'.join(spelled)})(?!\S)")


def _word(word: str) -> str:
    if word == "*":
        return r"(?:\S+ ){0,8}"
    return re.escape(word).replace(r"\*", r"\S*") + " "


def _names_of_code(code: int | None) -> tuple[str, ...]:
    return (NO,) if code is None else (str(code), f"{code // 100}xx")


def _names_of_enhanced(enhanced: EnhancedCode | None) -> tuple[tuple[int, ...] | None, ...]:
    return (None,) if enhanced is None else (tuple(enhanced), tuple(enhanced)[:2])
