"""What the DNS has answered so far. Everything in this package is a function of these answers.

Whoever needs an answer that is not there yet raises ``Unanswered`` with the questions. They are asked outside, and the
function is called again from its beginning with more answers; that costs microseconds, and keeps sockets out of here::

    while questions := missing_questions(subject, answers):
        answers |= resolver.ask(questions)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, Generic, TypeVar, cast

IpAddress = IPv4Address | IPv6Address


class RecordType(StrEnum):
    """The types this package asks for."""

    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    PTR = "PTR"
    TXT = "TXT"
    SPF = "SPF"  # type 99, withdrawn by RFC 7208 section 3.1: asked for only to say that it is not read


@dataclass(frozen=True, slots=True)
class MailExchanger:
    """One MX record. ``host`` is "" for the root, which says with preference 0 "no mail here" (RFC 7505)."""

    preference: int
    host: str


Data = TypeVar("Data", bound=IpAddress | MailExchanger | str | bytes)
"""What a record holds: an address, a MailExchanger, a name (PTR), or the bytes of a TXT record's strings joined."""


@dataclass(frozen=True)  # slots and Generic do not go together in Python 3.11
class Question(Generic[Data]):
    """What is asked. The functions below make it; its parameter is the type of the data in the answer.

    Attributes:
        name: Lower-case ASCII without the root's dot, as ``query_name`` returns it.
    """

    name: str
    type: RecordType

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


@dataclass(frozen=True)  # slots and Generic do not go together in Python 3.11
class Records(Generic[Data]):
    """There are records.

    Attributes:
        data: At least one, in the order of the answer.
        ttl: Seconds for which caches may keep them.
        canonical: The name at the end of the CNAME chain; "" when there was none.
        authenticated: The resolver has validated them by DNSSEC (the AD bit).
    """

    data: tuple[Data, ...]
    ttl: int = 0
    canonical: str = ""
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class NoRecord:
    """There is none: the only answer that may be called missing.

    Attributes:
        name_exists: Other types exist at the name or below it (NODATA); otherwise NXDOMAIN.
        negative_ttl: Seconds for which caches may keep this answer (RFC 2308); None when it did not say.
        canonical: The name at the end of the CNAME chain, which is the one without records; "" when there was none.
    """

    name_exists: bool
    negative_ttl: int | None = None
    canonical: str = ""


@dataclass(frozen=True, slots=True)
class LookupFailure:
    """Nobody knows: time-out, SERVFAIL, REFUSED, an answer that cannot be read. It says nothing about the name.

    Attributes:
        detail: What happened, as the end of a sentence: "the DNS server answered SERVFAIL", "no answer came in 5 s".
    """

    detail: str


Answer = Records[Data] | NoRecord | LookupFailure

NO_SUCH_NAME: Final = NoRecord(name_exists=False)
"""What is known without asking of a name that no question can be made of."""


class Unanswered(Exception):  # noqa: N818 - it reads as what it is: no error, the next thing to do
    """Questions that have to be asked before the function can be called again with success.

    Attributes:
        questions: At least one, in the order of their importance; none of them is answered.
    """

    def __init__(self, questions: tuple[Question[Any], ...]) -> None:
        super().__init__(", ".join(map(str, questions)))
        self.questions = questions


class DnsAnswers:
    """The answers there are. Immutable; ``answers | more`` has both."""

    def __init__(self, answers: Mapping[Question[Any], Answer[Any]] | None = None) -> None:
        self._answers = dict(answers or {})

    def __getitem__(self, question: Question[Data]) -> Answer[Data]:
        """The answer.

        Raises:
            Unanswered: It has not been asked yet.
        """
        self.need(question)
        return cast("Answer[Data]", self._answers[question])

    def need(self, *questions: Question[Any]) -> None:
        """Make sure that all of these have their answers, so that they are asked for together.

        Raises:
            Unanswered: Some have not been asked yet.
        """
        missing = tuple(dict.fromkeys(question for question in questions if question not in self._answers))
        if missing:
            raise Unanswered(missing)

    def __or__(self, more: "DnsAnswers | Mapping[Question[Any], Answer[Any]]") -> "DnsAnswers":
        return DnsAnswers(self._answers | dict(more.items()))

    def __contains__(self, question: object) -> bool:
        return question in self._answers

    def __iter__(self) -> Iterator[Question[Any]]:
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)

    def items(self) -> Iterator[tuple[Question[Any], Answer[Any]]]:
        yield from self._answers.items()


def txt(name: str) -> Question[bytes]:
    return Question(name, RecordType.TXT)


def withdrawn_spf(name: str) -> Question[bytes]:
    return Question(name, RecordType.SPF)


def mx(name: str) -> Question[MailExchanger]:
    return Question(name, RecordType.MX)


def ipv4_of(name: str) -> Question[IpAddress]:
    return Question(name, RecordType.A)


def ipv6_of(name: str) -> Question[IpAddress]:
    return Question(name, RecordType.AAAA)


def same_family(name: str, address: IpAddress) -> Question[IpAddress]:
    """The addresses of a name which can be compared with this one."""
    return ipv4_of(name) if address.version == 4 else ipv6_of(name)


def name_of_address(address: IpAddress) -> Question[str]:
    """PTR in in-addr.arpa or ip6.arpa (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    return Question(address.reverse_pointer, RecordType.PTR)


def data_of(answer: Answer[Data]) -> tuple[Data, ...]:
    """The records' data; nothing when there is none, or when nobody knows."""
    return answer.data if isinstance(answer, Records) else ()
