"""The sentences about a DKIM key record. ``{name}`` is where it stands, ``{detail}`` what is wrong in it."""

from typing import Final

from portal.domain.deliverability.dkim_key import DkimKey, KeyConcern, KeyFault

_FAULTS: Final = {
    KeyFault.BACKSLASHES: "has backslashes before its semicolons, as zone files write them. Enter it without them.",
    KeyFault.QUOTES: "has quotation marks that have become a part of it. Enter it without them.",
    KeyFault.WRONG_VERSION: "begins with «v={detail}»; only «v=DKIM1» in capital letters counts.",
    KeyFault.REPEATED_TAG: "has the tag «{detail}=» twice, which makes all of it invalid.",
    KeyFault.NO_KEY: "has no p=, so it holds no key.",
    KeyFault.REVOKED: "has an empty p=, which means that the key is revoked.",
    KeyFault.UNKNOWN_KEY_TYPE: "has the key type «k={detail}»; receivers know «rsa» and «ed25519» in small letters.",
    KeyFault.NO_SHA256: "allows only «h={detail}», and receivers no longer accept signatures without sha256.",
    KeyFault.NOT_FOR_MAIL: "is for «s={detail}» only, not for mail.",
    KeyFault.PEM: "has the BEGIN and END lines of a key file in p=. Enter only what stands between them.",
    KeyFault.NOT_BASE64: "has «{detail}» within p=, where only letters, digits, + and / belong.",
    KeyFault.CUT_OFF: "ends in the middle of its key. Many panels cut off after 255 characters: enter it in several "
    "strings.",
    KeyFault.TRAILING_BYTES: "has more in p= than one key. Copy the key once more.",
    KeyFault.NOT_A_KEY: "holds something in p= that is no RSA key.",
    KeyFault.WRONG_LENGTH: "holds {detail} octets in p=, and an Ed25519 key has 32.",
    KeyFault.TOO_SHORT: "holds an RSA key of {bits} bits, and receivers refuse fewer than 1024. Publish one of 2048.",
}

CONCERNS: Final = {
    KeyConcern.SHORT: "holds an RSA key of {bits} bits; 2048 are recommended.",
    KeyConcern.LONG: "holds an RSA key of {bits} bits; receivers need not accept more than 4096.",
    KeyConcern.TESTING: "says «t=y», testing: receivers may treat the mail as if it were not signed. Remove it.",
    KeyConcern.VERSION_NOT_FIRST: "has v=DKIM1 behind other tags; it belongs first, and some receivers insist on it.",
    KeyConcern.BROKEN_PART: "has a part without an equals sign, which some receivers stumble over.",
}


def fault_sentence(name: str, key: DkimKey) -> str:
    """Why no signature can be verified with a key. To be called for keys with a fault only."""
    text = _FAULTS[key.fault or KeyFault.NO_KEY].format(detail=key.detail, bits=key.bits)
    return f"The DKIM record «{name}» {text}"


def concern_sentence(name: str, key: DkimKey, concern: KeyConcern) -> str:
    return f"The DKIM record «{name}» {CONCERNS[concern].format(bits=key.bits)}"
