"""What macros stand for in one evaluation (RFC 7208 section 7.2), and whose names an address bears (section 5.5)."""

from typing import Final

from portal.domain.deliverability.dns_answers import DnsAnswers, IpAddress, data_of, name_of_address, same_family
from portal.domain.deliverability.dns_names import is_at_or_below, query_name
from portal.domain.deliverability.spf.evaluation import SmtpClient, SpfLimits
from portal.domain.deliverability.spf.macros import MacroString

_LONGEST_NAME: Final = 253


def validated_names(address: IpAddress, answers: DnsAnswers, limits: SpfLimits) -> tuple[str, ...]:
    """The names of an address which lead back to it.

    A failure is no error here: neither the PTR records nor their names are the sender's. Names beyond the limit are
    not looked at.

    Raises:
        Unanswered: More must be asked first.
    """
    published = data_of(answers[name_of_address(address)])[: limits.reverse_names]
    names = tuple(dict.fromkeys(name for text in published if (name := query_name(text))))
    questions = [same_family(name, address) for name in names]
    answers.need(*questions)
    return tuple(name for name, question in zip(names, questions, strict=True) if address in data_of(answers[question]))


class MacroValues:
    """What the macro letters stand for while the record of ``domain`` is evaluated."""

    def __init__(self, client: SmtpClient, domain: str, answers: DnsAnswers, limits: SpfLimits) -> None:
        self._client = client
        self.domain = domain
        self._answers = answers
        self._limits = limits

    def target(self, name: MacroString | None) -> str | None:
        """The name a term means; None when no question can be made of it, so that nothing can be found there.

        Raises:
            Unanswered: The name holds %{p}, and more must be asked to know it.
        """
        if name is None:
            return self.domain
        expanded = name.expand(self.of).removesuffix(".")
        while len(expanded) > _LONGEST_NAME and "." in expanded:  # section 7.3: labels are dropped from the left
            expanded = expanded.partition(".")[2]
        return query_name(expanded)

    def of(self, letter: str) -> str:
        """The value of a letter, before it is cut and reversed.

        Raises:
            Unanswered: The letter is p, and more must be asked to know it.
        """
        client = self._client
        sender_domain = client.domain
        address = client.address
        match letter:
            case "s":
                return f"{client.local_part}@{sender_domain}"
            case "p":
                return self._validated_name()
            case "i":
                return str(address) if address.version == 4 else ".".join(f"{int(address):032X}")
        return {
            "l": client.local_part,
            "o": sender_domain,
            "d": self.domain,
            "v": "in-addr" if address.version == 4 else "ip6",
            "h": client.helo,
            "c": str(address),
            "r": client.receiver,
            "t": str(client.timestamp),
        }[letter]

    def _validated_name(self) -> str:
        """Of an address's names the domain itself, else one below it, else any (section 7.3)."""
        names = validated_names(self._client.address, self._answers, self._limits)
        nearest = (name for name in names if is_at_or_below(name, self.domain))
        return self.domain if self.domain in names else next(nearest, next(iter(names), "unknown"))
