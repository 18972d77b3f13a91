"""The questions of one report, asked together and within a budget: whoever owns a zone decides how many there are."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dns.exception
import dns.flags
import dns.name
import dns.resolver

from portal.dns_resolver.name_servers import configured
from portal.dns_resolver.reading import failure, read
from portal.domain.deliverability.dns_answers import NO_SUCH_NAME, Answer, LookupFailure, Question

_AT_THE_SAME_TIME: Final = 24


@dataclass(frozen=True, slots=True)
class Budget:
    """What the questions of one report may cost.

    Attributes:
        questions: How many are asked; sending one again, or by TCP, is not another.
        seconds: For all of them, counted from the beginning of the inquiry.
        seconds_a_question: After which it has failed.
        seconds_a_try: After which it is sent again.
    """

    questions: int
    seconds: float
    seconds_a_question: float
    seconds_a_try: float


# A little less than the 20 s and 8 s that a report and a page may take: what has come must be read and judged, too.
REPORT: Final = Budget(questions=120, seconds=18, seconds_a_question=5, seconds_a_try=2)
PAGE: Final = Budget(questions=120, seconds=7, seconds_a_question=2.5, seconds_a_try=1)


class DnsInquiry:
    """Answers the questions of one report; its time runs from its construction. Not to be shared by threads.

    Args:
        nameservers: Address and port of each, asked in this order; None for those of ``/etc/resolv.conf``. Without
            any, every look-up fails.

    Attributes:
        queries: How many questions have been asked.
    """

    def __init__(self, nameservers: Sequence[tuple[str, int]] | None, budget: Budget = REPORT) -> None:
        self._resolver = configured(nameservers, seconds_a_try=budget.seconds_a_try)
        self._resolver.set_flags(dns.flags.RD | dns.flags.AD)  # AD: tell whether you have validated (RFC 6840 5.7)
        self._budget = budget
        self._begun = time.monotonic()
        self.queries = 0

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._begun

    def ask(self, questions: Iterable[Question[Any]]) -> Mapping[Question[Any], Answer[Any]]:
        """Ask all of these at the same time, and wait. Where there is an event loop, call it from another thread.

        Args:
            questions: The most important first: where the budget ends, the rest is answered by a failure.

        Returns:
            An answer to each.
        """
        return asyncio.run(self._ask(tuple(dict.fromkeys(questions))))

    async def _ask(self, questions: tuple[Question[Any], ...]) -> dict[Question[Any], Answer[Any]]:
        places = asyncio.Semaphore(_AT_THE_SAME_TIME)

        async def answer(question: Question[Any]) -> Answer[Any]:
            async with places:  # which lets them in by their order
                return await self._answer(question)

        answers = await asyncio.gather(*map(answer, questions))
        return dict(zip(questions, answers, strict=True))

    async def _answer(self, question: Question[Any]) -> Answer[Any]:
        if "." not in question.name:
            return NO_SUCH_NAME  # a name of the local network at best, which is not for strangers to ask about
        if self.queries >= self._budget.questions:
            return LookupFailure(f"the limit of {self._budget.questions} questions for one check was reached")
        seconds = min(self._budget.seconds_a_question, self._budget.seconds - self.seconds)
        if seconds <= 0:
            return LookupFailure(f"the {self._budget.seconds:.0f} s for one check were used up")
        self.queries += 1
        # Of its labels, not of its text: the escapes of zone files mean nothing here. Absolute, so never searched for.
        name = dns.name.Name([*(label.encode("ascii") for label in question.name.split(".")), b""])
        try:
            found = await self._resolver.resolve(name, question.type.value, lifetime=seconds, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as nowhere:
            return read(nowhere.kwargs["responses"][name])
        except dns.exception.DNSException as error:
            return failure(error, seconds)
        return read(found.response)
