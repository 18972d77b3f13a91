"""SPF's macro language: parts of a term that are filled in for each message (RFC 7208 section 7)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

_TOKEN: Final = re.compile(
    r"(?P<macro>%\{(?P<letter>[A-Za-z])(?P<keep>[0-9]*)(?P<reverse>[rR]?)(?P<delimiters>[-.+,/_=]*)\})"
    r"|(?P<escape>%[%_-])|(?P<literal>[^%]+)|(?P<stray>%)"
)
_WRITTEN_OTHERWISE: Final = {"%%": "%", "%_": " ", "%-": "%20"}
_VISIBLE: Final = re.compile(r"[!-~]*")
_VISIBLE_OR_SPACE: Final = re.compile(r"[ -~]*")
_LETTERS: Final = frozenset("slodipvh")
_LETTERS_OF_EXPLANATIONS: Final = _LETTERS | frozenset("crt")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")


class MacroError(ValueError):
    """A text that is no macro-string. The message says why, for the person who published it."""


@dataclass(frozen=True, slots=True)
class Macro:
    """One ``%{...}``.

    Attributes:
        letter: Which value, in lower case.
        keep: How many parts of the value stay, counted from the right; 0 for all.
        reverse: The parts are put in opposite order before.
        delimiters: The characters at which the value is cut; the parts are joined by dots.
        url_escape: The letter was upper case, so the result is percent-encoded.
    """

    letter: str
    keep: int
    reverse: bool
    delimiters: str
    url_escape: bool

    def of(self, value: str) -> str:
        """The value as this macro writes it."""
        parts = re.split(f"[{re.escape(self.delimiters)}]", value)
        if self.reverse:
            parts.reverse()
        text = ".".join(parts[-self.keep :])  # [-0:] is everything
        return quote(text, safe="") if self.url_escape else text  # quote() spares RFC 3986's unreserved characters


@dataclass(frozen=True, slots=True)
class MacroString:
    """Literal text and macros in turn."""

    pieces: tuple[str | Macro, ...]

    @property
    def letters(self) -> frozenset[str]:
        """The values that are needed; none means that the text is the same for every message."""
        return frozenset(piece.letter for piece in self.pieces if isinstance(piece, Macro))

    def expand(self, value_of: Callable[[str], str]) -> str:
        """The text, with ``value_of(letter)`` in place of each macro."""
        return "".join(piece if isinstance(piece, str) else piece.of(value_of(piece.letter)) for piece in self.pieces)


def parse_macro_string(text: str) -> MacroString:
    """Read the value of a modifier (``macro-string``).

    Raises:
        MacroError: A stray percent sign, an unknown macro, or a character that is not visible ASCII.
    """
    return _parse(text, _LETTERS, _VISIBLE)


def parse_explanation(text: str) -> MacroString:
    """Read what the ``exp`` modifier points to (``explain-string``): it may hold spaces, and knows three more macros.

    Raises:
        MacroError: As in ``parse_macro_string``.
    """
    return _parse(text, _LETTERS_OF_EXPLANATIONS, _VISIBLE_OR_SPACE)


def parse_domain_spec(text: str) -> MacroString:
    """Read the name in a term (``domain-spec``): a macro-string that ends in a macro or in a top-level label.

    Raises:
        MacroError: As in ``parse_macro_string``; or the end is no top-level label.
    """
    if not text:
        raise MacroError("the domain name is missing")
    parsed = parse_macro_string(text)
    *_, last = _TOKEN.finditer(text)
    if last["literal"] is not None and not _ends_in_a_top_label(last["literal"]):
        raise MacroError(f"«{text}» is not a full domain name")
    return parsed


def _ends_in_a_top_label(literal: str) -> bool:
    _, dot, label = literal.removesuffix(".").rpartition(".")
    return bool(dot and _LABEL.fullmatch(label)) and not label.isdigit()


def _parse(text: str, letters: frozenset[str], characters: re.Pattern[str]) -> MacroString:
    return MacroString(tuple(_piece(token, letters, characters) for token in _TOKEN.finditer(text)))


def _piece(token: re.Match[str], letters: frozenset[str], characters: re.Pattern[str]) -> str | Macro:
    if token["escape"]:
        return _WRITTEN_OTHERWISE[token[0]]
    if token["literal"]:
        if not characters.fullmatch(token[0]):
            raise MacroError(f"«{token[0]}» holds a character that is not allowed here")
        return token[0]
    if token["stray"]:
        raise MacroError("a percent sign stands only before {, %, _ or -, and what { begins is a macro and ends in }")
    return _macro(token, letters)


def _macro(token: re.Match[str], letters: frozenset[str]) -> Macro:
    letter, digits = token["letter"], token["keep"]
    if letter.lower() not in letters:
        raise MacroError(f"there is no macro «{token[0]}» in this place")
    keep = int(digits.lstrip("0")[:4] or "0")  # four digits are more than any value has parts
    if digits and not keep:
        raise MacroError(f"«{token[0]}» keeps no part of the value")
    return Macro(letter.lower(), keep, bool(token["reverse"]), token["delimiters"] or ".", letter.isupper())
