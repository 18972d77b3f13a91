"""Servers that turn out hostile before anybody has signed in: banner, EHLO, STARTTLS, the handshake."""

from portal.domain.mail.smtp_stage import SmtpStage as At
from portal.domain.routing.trouble import Trouble
from tests.support.hostile_server import CLEAR_FIRST, ENCRYPTED, FLOOD, IMPLICIT, STARTTLS, Hostile
from tests.support.scripted_smtp import (
    Close,
    Drip,
    Flood,
    Pause,
    Reset,
    Silence,
)

BEFORE_SIGN_IN = (
    Hostile("says nothing", {"banner": Silence()}, At.BANNER, Trouble.TIMED_OUT),
    Hostile("drips an endless banner", {"banner": Drip("220-hello\r\n")}, At.BANNER, Trouble.TIMED_OUT),
    Hostile("drips a banner without a line's end", {"banner": Drip("220 welcome ")}, At.BANNER, Trouble.TIMED_OUT),
    Hostile("floods with banner lines", {"banner": Flood("220-x\r\n", FLOOD)}, At.BANNER, Trouble.OVER_LIMITS),
    Hostile("has an endless line", {"banner": (b"220 ", Flood("x", FLOOD))}, At.BANNER, Trouble.OVER_LIMITS),
    Hostile("has 101 lines", {"banner": (*["220-x"] * 100, "220 x")}, At.BANNER, Trouble.OVER_LIMITS),
    Hostile("speaks HTTP", {"banner": "HTTP/1.1 400 Bad Request"}, At.BANNER, Trouble.NOT_SMTP),
    Hostile("speaks SSH and waits", {"banner": (b"SSH-2.0-x", Silence())}, At.BANNER, Trouble.NOT_SMTP),
    Hostile("sends NULs", {"banner": (b"\0" * 512, Silence())}, At.BANNER, Trouble.NOT_SMTP),
    Hostile("floods with binary", {"banner": Flood(bytes(range(256)), FLOOD)}, At.BANNER, Trouble.NOT_SMTP),
    Hostile("has a code of 1xx", {"banner": "120 in a moment"}, At.BANNER, Trouble.NOT_SMTP),
    Hostile("has a code of 9xx", {"banner": "999 ready"}, At.BANNER, Trouble.NOT_SMTP),
    Hostile("has a code of two digits", {"banner": "22 ready"}, At.BANNER, Trouble.NOT_SMTP),
    Hostile("has codes that differ", {"banner": b"220-a\r\n554 b\r\n"}, At.BANNER, Trouble.NOT_SMTP),
    Hostile("greets by 250", {"banner": "250 ready"}, At.BANNER, Trouble.WRONG_CODE),
    Hostile("refuses us", {"banner": "554 5.7.1 blocked"}, At.BANNER, 554),
    Hostile("is busy", {"banner": ("421 4.7.0 too many connections", Close())}, At.BANNER, 421),
    Hostile("hangs up", {"banner": Close()}, At.BANNER, Trouble.CONNECTION_LOST),
    Hostile("resets", {"banner": (Pause(0.05), Reset())}, At.BANNER, Trouble.CONNECTION_LOST),
    Hostile("ends in mid-line", {"banner": (b"220 half", Close())}, At.BANNER, Trouble.CONNECTION_LOST),
    Hostile("greets and answers EHLO at once", {"banner": b"220 a\r\n250 b\r\n"}, At.EHLO, Trouble.UNASKED_BYTES),
    Hostile("speaks TLS", {"banner": b"\x15\x03\x01\x00\x02\x02\x46"}, At.BANNER, Trouble.SPEAKS_TLS, CLEAR_FIRST),
    Hostile("says nothing to EHLO", {"ehlo": Silence()}, At.EHLO, Trouble.TIMED_OUT),
    Hostile("drips extensions", {"ehlo": Drip("250-X\r\n", 0.01)}, At.EHLO, Trouble.TIMED_OUT),
    Hostile("floods with extensions", {"ehlo": Flood("250-X-FEATURE\r\n", FLOOD)}, At.EHLO, Trouble.OVER_LIMITS),
    Hostile("knows no EHLO", {"ehlo": "502 5.5.1 what?"}, At.EHLO, 502),
    Hostile("answers EHLO by 220", {"ehlo": "220 hello"}, At.EHLO, Trouble.WRONG_CODE),
    Hostile("hangs up at EHLO", {"ehlo": Close()}, At.EHLO, Trouble.CONNECTION_LOST),
    Hostile("resets at EHLO", {"ehlo": Reset()}, At.EHLO, Trouble.CONNECTION_LOST),
    Hostile(
        "answers AUTH with EHLO",
        {"ehlo": b"250-x\r\n250 AUTH PLAIN\r\n235 welcome\r\n"},
        At.AUTH,
        Trouble.UNASKED_BYTES,
        IMPLICIT,
    ),
    Hostile(
        "answers STARTTLS with EHLO",
        {"ehlo": b"250-x\r\n250 STARTTLS\r\n220 go ahead\r\n"},
        At.STARTTLS,
        Trouble.UNASKED_BYTES,
        STARTTLS,
    ),
    Hostile(
        "has its STARTTLS stripped",
        {"ehlo": ("250-x", "250 AUTH PLAIN LOGIN")},
        At.EHLO,
        Trouble.NO_STARTTLS,
        STARTTLS,
    ),
    Hostile("is called AUTH", {"ehlo": "250 AUTH PLAIN LOGIN"}, At.EHLO, Trouble.NO_AUTH, IMPLICIT),
    Hostile("is called STARTTLS", {"ehlo": "250 STARTTLS"}, At.EHLO, Trouble.NO_STARTTLS, STARTTLS),
    Hostile(
        "offers AUTH only in clear text",
        {"ehlo": ("250-x", "250-AUTH PLAIN LOGIN", "250 STARTTLS")},
        At.EHLO,
        Trouble.NO_AUTH,
        STARTTLS,
        mechanisms=None,
    ),
    Hostile("offers no AUTH", {}, At.EHLO, Trouble.NO_AUTH, ENCRYPTED, mechanisms=None),
    Hostile("offers AUTH of no kind", {}, At.EHLO, Trouble.NO_USABLE_MECHANISM, ENCRYPTED, mechanisms=""),
    Hostile(
        "offers what we cannot", {}, At.EHLO, Trouble.NO_USABLE_MECHANISM, ENCRYPTED, mechanisms="CRAM-MD5 XOAUTH2"
    ),
    Hostile("cannot STARTTLS now", {"starttls": "454 4.7.0 later"}, At.STARTTLS, 454, STARTTLS),
    Hostile("refuses STARTTLS", {"starttls": "502 5.5.1 no"}, At.STARTTLS, 502, STARTTLS),
    Hostile("answers STARTTLS by 250", {"starttls": "250 fine"}, At.STARTTLS, Trouble.WRONG_CODE, STARTTLS),
    Hostile("says nothing to STARTTLS", {"starttls": Silence()}, At.STARTTLS, Trouble.TIMED_OUT, STARTTLS),
    Hostile("hangs up at STARTTLS", {"starttls": Close()}, At.STARTTLS, Trouble.CONNECTION_LOST, STARTTLS),
    Hostile("resets at STARTTLS", {"starttls": Reset()}, At.STARTTLS, Trouble.CONNECTION_LOST, STARTTLS),
    Hostile(
        "injects a reply behind STARTTLS",
        {"starttls": b"220 go\r\n250-x\r\n250 AUTH PLAIN\r\n"},
        At.STARTTLS,
        Trouble.UNASKED_BYTES,
        STARTTLS,
    ),
    Hostile(
        "injects one byte behind STARTTLS", {"starttls": b"220 go\r\n2"}, At.STARTTLS, Trouble.UNASKED_BYTES, STARTTLS
    ),
    Hostile(
        "goes on in clear text after STARTTLS",
        {"handshake": (Pause(0.1), b"250 hello\r\n")},
        At.TLS,
        Trouble.TLS_FAILED,
        STARTTLS,
    ),
    Hostile("greets in clear text", {"handshake": b"220 hi\r\n"}, At.TLS, Trouble.SPEAKS_CLEAR_TEXT, IMPLICIT),
    Hostile(
        "floods in clear text", {"handshake": Flood("220-x\r\n", FLOOD)}, At.TLS, Trouble.SPEAKS_CLEAR_TEXT, IMPLICIT
    ),
    Hostile("says nothing to our TLS", {"handshake": Silence()}, At.TLS, Trouble.TIMED_OUT, ENCRYPTED),
    Hostile(
        "drips a TLS record",
        {"handshake": (Pause(0.1), Drip("\x16\x03\x03\x3f\x00" + "\x02\x00\x00\x3f" * 4))},
        At.TLS,
        Trouble.TIMED_OUT,
        ENCRYPTED,
    ),
    Hostile("hangs up at the handshake", {"handshake": Close()}, At.TLS, Trouble.CONNECTION_LOST, ENCRYPTED),
    Hostile(
        "resets at the handshake", {"handshake": (Pause(0.1), Reset())}, At.TLS, Trouble.CONNECTION_LOST, ENCRYPTED
    ),
    Hostile(
        "sends a broken TLS record",
        {"handshake": (Pause(0.1), b"\x16\x03\x03\x00\x04\xff\xff\xff\xff")},
        At.TLS,
        Trouble.TLS_FAILED,
        ENCRYPTED,
    ),
    Hostile("forgets how to speak after STARTTLS", {"ehlo_tls": "hello again"}, At.EHLO, Trouble.NOT_SMTP, STARTTLS),
)
