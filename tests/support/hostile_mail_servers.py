"""Servers that turn out hostile when one signs in or hands over a message."""

from portal.domain.mail.smtp_stage import SmtpStage as At
from portal.domain.routing.trouble import Trouble
from tests.support.hostile_server import CLEAR, ENCRYPTED, FLOOD, IMPLICIT, LARGE, Hostile
from tests.support.scripted_smtp import (
    ONE_FLIGHT,
    PASSWORD,
    PIPELINED,
    Close,
    Deaf,
    Drip,
    Flood,
    Goodbye,
    Reset,
    Scenario,
    Silence,
)


def one_flight(
    name: str, scenario: Scenario, at: At, outcome: Trouble | int, *, uncertain: bool = False, size: int = 1000
) -> Hostile:
    return Hostile(name, scenario, at, outcome, CLEAR + IMPLICIT, uncertain, ONE_FLIGHT, size=size)


def pipelined(name: str, scenario: Scenario, at: At, outcome: Trouble | int) -> Hostile:
    return Hostile(name, scenario, at, outcome, CLEAR + IMPLICIT, offers=PIPELINED)


AT_SIGN_IN = (
    Hostile("says nothing to AUTH", {"auth": Silence()}, At.AUTH, Trouble.TIMED_OUT, ENCRYPTED),
    Hostile("hangs up at AUTH", {"auth": Close()}, At.AUTH, Trouble.CONNECTION_LOST, ENCRYPTED),
    Hostile("resets at AUTH", {"auth": Reset()}, At.AUTH, Trouble.CONNECTION_LOST, ENCRYPTED),
    Hostile("does not know us", {"auth": "535 5.7.8 wrong"}, At.AUTH, 535, ENCRYPTED),
    Hostile("echoes the password", {"auth": f"535 5.7.8 not {PASSWORD}"}, At.AUTH, 535, ENCRYPTED),
    Hostile("says that we are signed in already", {"auth": "503 5.5.1 already"}, At.AUTH, 503, ENCRYPTED),
    Hostile("answers AUTH by 250", {"auth": "250 fine"}, At.AUTH, Trouble.WRONG_CODE, ENCRYPTED),
    Hostile("answers AUTH by 354", {"auth": "354 go ahead"}, At.AUTH, Trouble.WRONG_CODE, ENCRYPTED),
    Hostile("challenges PLAIN again", {"auth": "334 more"}, At.AUTH, Trouble.WRONG_CODE, ENCRYPTED),
    Hostile(
        "challenges LOGIN for ever",
        {"auth": "334 a", "username": "334 b", "password": "334 c"},
        At.AUTH,
        Trouble.WRONG_CODE,
        ENCRYPTED,
        mechanisms="LOGIN",
    ),
    Hostile(
        "has a huge challenge",
        {"auth": "334 " + "A" * 5000},
        At.AUTH,
        Trouble.OVER_LIMITS,
        ENCRYPTED,
        mechanisms="LOGIN",
    ),
    Hostile(
        "floods with challenges",
        {"auth": Flood("334-QUFB\r\n", FLOOD)},
        At.AUTH,
        Trouble.OVER_LIMITS,
        ENCRYPTED,
        mechanisms="LOGIN",
    ),
    Hostile(
        "answers the password before it is said",
        {"auth": b"334 a\r\n235 welcome\r\n"},
        At.AUTH,
        Trouble.UNASKED_BYTES,
        ENCRYPTED,
        mechanisms="LOGIN",
    ),
    Hostile("answers MAIL with AUTH", {"auth": b"235 in\r\n250 ok\r\n"}, At.MAIL, Trouble.UNASKED_BYTES, ENCRYPTED),
    Hostile("closes after the sign-in", {"auth": b"235 in\r\n421 bye\r\n"}, At.MAIL, 421, ENCRYPTED),
)

STEP_BY_STEP = (
    Hostile("says nothing to MAIL", {"mail": Silence()}, At.MAIL, Trouble.TIMED_OUT),
    Hostile("hangs up at MAIL", {"mail": Close()}, At.MAIL, Trouble.CONNECTION_LOST),
    Hostile("resets at MAIL", {"mail": Reset()}, At.MAIL, Trouble.CONNECTION_LOST),
    Hostile("says goodbye and stays", {"mail": Goodbye()}, At.MAIL, Trouble.CONNECTION_LOST, ENCRYPTED),
    Hostile("answers MAIL by 354", {"mail": "354 go ahead"}, At.MAIL, Trouble.WRONG_CODE),
    Hostile("answers MAIL by 220", {"mail": "220 hello again"}, At.MAIL, Trouble.WRONG_CODE),
    Hostile("refuses the sender", {"mail": "550 5.7.1 not yours"}, At.MAIL, 550),
    Hostile("answers RCPT with MAIL", {"mail": b"250 a\r\n250 b\r\n"}, At.RCPT, Trouble.UNASKED_BYTES),
    Hostile("has a reply of two minds", {"mail": b"250-a\r\n550 b\r\n"}, At.MAIL, Trouble.NOT_SMTP),
    Hostile("says nothing to RCPT", {"rcpt": Silence()}, At.RCPT, Trouble.TIMED_OUT),
    Hostile("hangs up at RCPT", {"rcpt": Close()}, At.RCPT, Trouble.CONNECTION_LOST),
    Hostile("answers RCPT by 354", {"rcpt": "354 go ahead"}, At.RCPT, Trouble.WRONG_CODE),
    Hostile("knows nobody", {"rcpt": "550 5.1.1 no such user"}, At.RCPT, 550),
    Hostile("opens DATA with RCPT", {"rcpt": b"250 ok\r\n354 go\r\n"}, At.DATA, Trouble.UNASKED_BYTES),
    Hostile("answers DATA by 250", {"data": "250 thanks"}, At.DATA, Trouble.WRONG_CODE),
    Hostile("says nothing to DATA", {"data": Silence()}, At.DATA, Trouble.TIMED_OUT),
    Hostile("hangs up at DATA", {"data": Close()}, At.DATA, Trouble.CONNECTION_LOST),
    Hostile("opens DATA twice", {"data": b"354 a\r\n354 b\r\n"}, At.DATA, Trouble.UNASKED_BYTES),
    Hostile("accepts before it has anything", {"data": b"354 a\r\n250 b\r\n"}, At.DATA, Trouble.UNASKED_BYTES),
    Hostile("refuses DATA", {"data": "451 4.3.0 later"}, At.DATA, 451),
    Hostile("stops reading", {"body": Deaf()}, At.BODY, Trouble.TIMED_OUT, size=LARGE),
    Hostile("resets in the middle", {"body": Reset()}, At.BODY, Trouble.CONNECTION_LOST, size=LARGE),
    Hostile("accepts in the middle", {"body": "250 thanks"}, At.BODY, Trouble.UNASKED_BYTES, size=LARGE),
    Hostile("refuses in the middle", {"body": "552 5.3.4 too big"}, At.DOT, 552, size=LARGE),
    Hostile("floods in the middle", {"body": Flood("250-x\r\n", FLOOD)}, At.BODY, Trouble.OVER_LIMITS, size=LARGE),
    Hostile("says nothing to the end", {"dot": Silence()}, At.DOT, Trouble.TIMED_OUT, uncertain=True),
    Hostile("drips after the end", {"dot": Drip("250-ok\r\n")}, At.DOT, Trouble.TIMED_OUT, uncertain=True),
    Hostile("hangs up after the end", {"dot": Close()}, At.DOT, Trouble.CONNECTION_LOST, uncertain=True),
    Hostile("resets after the end", {"dot": Reset()}, At.DOT, Trouble.CONNECTION_LOST, uncertain=True),
    Hostile("babbles after the end", {"dot": "queued!"}, At.DOT, Trouble.NOT_SMTP, uncertain=True),
    Hostile("answers the end by 354", {"dot": "354 more"}, At.DOT, Trouble.WRONG_CODE, uncertain=True),
    Hostile("answers the end by 150", {"dot": "150 soon"}, At.DOT, Trouble.NOT_SMTP, uncertain=True),
    Hostile(
        "is cut off in the last reply", {"dot": (b"250 ok", Close())}, At.DOT, Trouble.CONNECTION_LOST, uncertain=True
    ),
    Hostile("is of two minds at the end", {"dot": b"250-a\r\n550 b\r\n"}, At.DOT, Trouble.NOT_SMTP, uncertain=True),
    Hostile("floods after the end", {"dot": Flood("250-x\r\n", FLOOD)}, At.DOT, Trouble.OVER_LIMITS, uncertain=True),
    Hostile("refuses the content for now", {"dot": "451 4.3.0 later"}, At.DOT, 451),
    Hostile("refuses the content", {"dot": "554 5.6.0 spam"}, At.DOT, 554),
)

IN_FLIGHT = (
    one_flight("says nothing to a flight", {"mail": Silence()}, At.DOT, Trouble.TIMED_OUT, uncertain=True),
    one_flight("hangs up on a flight", {"mail": Close()}, At.DOT, Trouble.CONNECTION_LOST, uncertain=True),
    one_flight("goes by 354", {"mail": "354 go ahead"}, At.DOT, Trouble.WRONG_CODE, uncertain=True),
    one_flight("babbles in a flight", {"rcpt": "hello"}, At.DOT, Trouble.NOT_SMTP, uncertain=True),
    one_flight("hangs up at the last reply", {"bdat": Close()}, At.DOT, Trouble.CONNECTION_LOST, uncertain=True),
    one_flight("refuses the sender in a flight", {"mail": "550 5.7.1 not yours"}, At.MAIL, 550),
    one_flight("refuses the sender and hangs up", {"mail": ("550 no", Close())}, At.MAIL, 550),
    one_flight("refuses the sender and falls silent", {"mail": ("550 no", Silence())}, At.MAIL, 550),
    one_flight("refuses the sender and babbles", {"mail": "550 no", "rcpt": "hello"}, At.MAIL, 550),
    one_flight("is busy in a flight", {"mail": ("421 4.7.0 later", Close())}, At.MAIL, 421),
    one_flight("takes content for nobody", {"rcpt": "550 5.1.1 nobody", "bdat": "250 taken"}, At.RCPT, 550),
    one_flight("refuses the recipient and hangs up", {"rcpt": "550 no", "bdat": Close()}, At.RCPT, 550),
    one_flight("refuses the chunk", {"bdat": "554 5.6.0 spam"}, At.DOT, 554),
    one_flight("refuses the sender and stops reading", {"mail": ("550 no", Deaf())}, At.MAIL, 550, size=LARGE),
    one_flight("stops reading a flight", {"body": Deaf()}, At.BODY, Trouble.TIMED_OUT, size=LARGE),
    one_flight("accepts half a chunk", {"body": "250 taken"}, At.BODY, Trouble.UNASKED_BYTES, size=LARGE),
    one_flight("resets in half a chunk", {"body": Reset()}, At.BODY, Trouble.CONNECTION_LOST, size=LARGE),
    pipelined("opens DATA for nobody", {"rcpt": "550 5.1.1 nobody", "data": "354 go"}, At.RCPT, 550),
    pipelined("takes nothing for nobody", {"rcpt": "550 no", "data": "354 go", "dot": "250 ok"}, At.RCPT, 550),
    pipelined("opens DATA for a refused sender", {"mail": "550 no", "rcpt": "250 ok", "data": "354 go"}, At.MAIL, 550),
    pipelined("answers a pipelined DATA by 250", {"data": "250 thanks"}, At.DATA, Trouble.WRONG_CODE),
    pipelined("accepts with the go-ahead", {"data": b"354 go\r\n250 ok\r\n"}, At.DATA, Trouble.UNASKED_BYTES),
)
