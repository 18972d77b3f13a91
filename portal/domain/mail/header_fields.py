"""Header fields as they stand in a message: encoded, quoted and folded by us.

Every function takes text that ``check_header_text`` has passed and returns a whole field without its final CRLF. The
only line breaks in it are those of ``folded``, and each is followed by a space and a word.
"""

import base64
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import quote

_LINE: Final = 76  # columns; RFC 5322 section 2.1.1 asks for 78, RFC 2047 section 2 for 76 where words are encoded
_ENCODED_WORD: Final = 75  # characters, its marks included (RFC 2047 section 2)
_MARKS: Final = len("=?utf-8?q??=")

_FIELDS_KEPT: Final = 1024
"""From and Reply-To are the same in all mail of a route."""

_CHARSET: Final = "utf-8''"  # with its empty language, before the first section only (RFC 2231 section 4.1)

_PLAIN: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_SINGLE_SPACE: Final = re.compile(r"(?<! ) (?! )")
_UNQUOTED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")
"""What Q leaves as it is even in a display name, the strictest place of all (RFC 2047 section 5 (3))."""


def unstructured(name: str, text: str) -> str:
    """A field for people, e.g. Subject: plain when it can be, else in encoded words (RFC 2047)."""
    first = _LINE - len(name) - 2
    # Odd spaces and words longer than a line would not survive folding; encoded they do.
    if _PLAIN.fullmatch(text) and max(map(len, text.split(" "))) <= first:
        return folded(name, text.split(" "))
    return folded(name, list(_encoded_words(text, first)))


def custom(name: str, value: str) -> str:
    """A field an application brought: ASCII goes out as it came, folded at single spaces only."""
    if value.isascii():
        return folded(name, _SINGLE_SPACE.split(value))
    return unstructured(name, value)


def literal(name: str, value: str) -> str:
    """A field that goes out on one line, byte for byte."""
    return f"{name}: {value}"


@lru_cache(maxsize=_FIELDS_KEPT)
def mailbox(name: str, address: str, display_name: str = "") -> str:
    """A field with one address and perhaps a name before it (RFC 5322 section 3.4).

    The name is a phrase, in which one space is as good as many; it is written with one.
    """
    words = display_name.split()
    if not words:
        return literal(name, address)
    return folded(name, [*_phrase(name, " ".join(words)), f"<{address}>"])


def parameterised(name: str, value: str, parameter: str, text: str) -> str:
    """A field with one parameter that holds any text, e.g. the file name of an attachment.

    Text beyond ASCII is written percent-encoded in sections (RFC 2231 sections 3 and 4), as an encoded word has no
    place in a parameter (RFC 2047 section 5).
    """
    if text.isascii():
        return folded(name, [f"{value};", f'{parameter}="{text}"'])
    room = _LINE - len(f" {parameter}*00*={_CHARSET};")
    cuts = enumerate(_cut(quote(text, safe=""), room))
    sections = [f"{parameter}*{number}*={'' if number else _CHARSET}{cut}" for number, cut in cuts]
    return folded(name, [f"{value};", *(f"{section};" for section in sections[:-1]), sections[-1]])


def folded(name: str, words: list[str]) -> str:
    """Join words by one space each, with a line break before those spaces that would pass column 76.

    A word longer than a line stays whole; a line holds at least one word, so none is blank.
    """
    lines: list[str] = []
    line = f"{name}: {words[0]}"
    for word in words[1:]:
        if len(line.encode()) + 1 + len(word.encode()) > _LINE:
            lines.append(line)
            line = ""
        line = f"{line} {word}"
    return "\r\n".join([*lines, line])


def _phrase(name: str, text: str) -> list[str]:
    if _ATOMS.fullmatch(text):
        words = text.split(" ")
        if max(map(len, words)) <= _LINE - len(name) - 2:
            return words
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if text.isascii() and len(name) + 2 + len(quoted) <= _LINE:
        return [quoted]
    return list(_encoded_words(text, _LINE - len(name) - 2))


def _encoded_words(text: str, first: int) -> Iterator[str]:
    """Cut a text into encoded words of whole characters, the first of them at most ``first`` long.

    The shorter of the two encodings is taken: Q keeps mostly-Latin text readable, and filters look askance at base64
    that nothing called for.
    """
    octets = len(text.encode())
    q_is_shorter = len(_q(text)) <= (octets + 2) // 3 * 4
    encoding, encode = ("q", _q) if q_is_shorter else ("b", _b)
    chunk, room = "", min(first, _ENCODED_WORD) - _MARKS
    for character in text:
        if chunk and len(encode(chunk + character)) > room:
            yield f"=?utf-8?{encoding}?{encode(chunk)}?="
            chunk, room = "", _ENCODED_WORD - _MARKS
        chunk += character
    yield f"=?utf-8?{encoding}?{encode(chunk)}?="


def _q(text: str) -> str:
    return "".join(
        character
        if character in _UNQUOTED
        else "_"
        if character == " "
        else "".join(f"={octet:02X}" for octet in character.encode())
        for character in text
    )


def _b(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _cut(encoded: str, room: int) -> Iterator[str]:
    """Cut percent-encoded text so that no escape is torn."""
    while len(encoded) > room:
        end = encoded.rfind("%", room - 2, room)
        end = room if end == -1 else end
        yield encoded[:end]
        encoded = encoded[end:]
    yield encoded
