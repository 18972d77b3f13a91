"""The rules operators may add, and how words are read."""

import pytest

from portal.domain.routing.fault import Fault, classify, load_rules
from portal.domain.routing.fault_rules import RuleError, words_of

REFUSAL = ("rcpt", 550, None, "5.7.1 Monthly allowance spent, see your contract")


def test_an_added_rule_is_asked_first() -> None:
    rules = load_rules([{"class": "RATE", "host": "relay.example", "stage": "rcpt", "words": "allowance * spent"}])
    assert classify(*REFUSAL, "smtp.relay.example", extra_rules=rules) is Fault.RATE
    assert classify(*REFUSAL, "smtp.other.example", extra_rules=rules) is Fault.RCPT_PERM


def test_the_first_added_rule_that_fits_decides() -> None:
    rules = load_rules([{"class": "MSG_PERM", "code": "5xx"}, {"class": "RATE", "code": "550"}])
    assert classify(*REFUSAL, extra_rules=rules) is Fault.MSG_PERM


def test_no_rule_can_change_what_is_certain() -> None:
    rules = load_rules([{"class": "OK", "code": "451 none"}, {"class": "ROUTE_PERM", "code": "250"}])
    assert classify("dot", None, None, "timed out", extra_rules=rules) is Fault.AMBIGUOUS
    assert classify("dot", 250, None, "queued", extra_rules=rules) is Fault.OK


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        pytest.param({"class": "BROKEN", "code": "550"}, "Rule 1 needs a class, one of OK, ROUTE_AUTH", id="class"),
        pytest.param({"code": "550"}, "Rule 1 needs a class", id="no class"),
        pytest.param({"class": "RATE", "colour": "red"}, "Rule 1 has a column of no known name: colour.", id="column"),
        pytest.param({"class": "RATE"}, "Rule 1 has no condition", id="no condition"),
        pytest.param({"class": "RATE", "code": "55"}, "Rule 1: '55' is no code.", id="code"),
        pytest.param({"class": "RATE", "enhanced": "5.x"}, "Rule 1: '5.x' is no enhanced code.", id="enhanced code"),
        pytest.param({"class": "RATE", "stage": "helo"}, "Rule 1: There is no such stage in 'helo'", id="stage"),
        pytest.param({"class": "RATE", "words": "too many|"}, "Rule 1: '' is no phrase.", id="an empty phrase"),
        pytest.param({"class": "RATE", "words": "*"}, "Rule 1: '*' is no phrase.", id="a phrase that fits all"),
        pytest.param({"class": "RATE", "words": "a(b"}, "Rule 1: 'a(b' is no phrase.", id="a regular expression"),
    ],
)
def test_a_rule_that_cannot_be_understood_is_refused_in_one_sentence(row: dict[str, object], sentence: str) -> None:
    with pytest.raises(RuleError) as refusal:
        load_rules([row])
    assert str(refusal.value).startswith(sentence)
    assert "\n" not in str(refusal.value)


def _fits(phrase: str, text: str) -> bool:
    (rule,) = load_rules([{"class": "RATE", "words": phrase}])
    return rule.words is not None and rule.words.search(words_of(text)) is not None


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        pytest.param("too many", "Error: TOO  MANY!", id="case, blanks and marks"),
        pytest.param("throttl*", "being throttled", id="any ending"),
        pytest.param("*denied*", "x.SendAsDeniedException", id="within a dotted name"),
        pytest.param("mailbox * full", "mailbox full", id="a star for no word"),
        pytest.param("mailbox * full", "mailbox of this user is full", id="a star for some words"),
        pytest.param("too many *", "too many", id="a star at the end says nothing"),
        pytest.param("self-signed", "self-signed certificate", id="a hyphen"),
    ],
)
def test_phrases_that_fit(phrase: str, text: str) -> None:
    assert _fits(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        pytest.param("too many", "too manyfold", id="the beginning of a word"),
        pytest.param("rate", "accurate", id="the end of a word"),
        pytest.param("mailbox * full", "full mailbox", id="another order"),
        pytest.param("mailbox * full", "mailbox 1 2 3 4 5 6 7 8 9 full", id="far apart"),
    ],
)
def test_phrases_that_do_not_fit(phrase: str, text: str) -> None:
    assert not _fits(phrase, text)


def test_what_others_put_into_a_reply_is_left_out() -> None:
    text = "5.7.1 Mail from <a b@x.example> to ada@dest.example\r\n5.7.1 refused; see https://help.example/rate (x-12)"
    assert words_of(text) == "mail from to refused see x-12"


def test_an_endless_reply_is_not_read_to_its_end() -> None:
    assert len(words_of("word " * 100_000)) < 5000
