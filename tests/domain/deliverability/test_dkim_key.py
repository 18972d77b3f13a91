"""DKIM key records: every row of ``tests/data/deliverability/dkim_keys.toml``, and what no row may break."""

import base64
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.deliverability.der import CutOffError, DerError, TrailingBytesError, rsa_key_bits
from portal.domain.deliverability.dkim_key import KeyConcern, KeyFault, key_records, parse_key_record

DATA = tomllib.loads((Path(__file__).parents[2] / "data/deliverability/dkim_keys.toml").read_text("utf-8"))
ROWS: list[dict[str, Any]] = DATA["rows"]
KEYS: dict[str, str] = DATA["keys"]


def record_of(row: dict[str, Any]) -> bytes:
    """``{key}`` is a whole key, ``{key:100}`` its first hundred characters, ``{key+100}`` the rest."""

    def filled(found: re.Match[str]) -> str:
        key, part, length = KEYS[found[1]], found[2], int(found[3] or 0)
        return key[:length] if part == ":" else key[length:]

    return re.sub(r"\{(\w+)([:+]?)(\d*)\}", filled, row["record"]).encode()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_a_key_record_is_read_as_its_row_says(row: dict[str, Any]) -> None:
    key = parse_key_record(record_of(row))
    assert (key.fault, key.detail) == (row.get("fault"), row.get("detail", ""))
    assert key.bits == row.get("bits")
    assert key.key_type == row.get("key_type", "rsa")
    assert list(key.concerns) == row.get("concerns", [])
    assert key.is_usable is ("fault" not in row)


def test_every_fault_and_every_concern_has_a_row() -> None:
    assert {row["fault"] for row in ROWS if "fault" in row} == set(KeyFault)
    assert {concern for row in ROWS for concern in row.get("concerns", ())} == set(KeyConcern)


@given(st.binary(max_size=200))
def test_no_bytes_are_too_strange_to_be_judged(raw: bytes) -> None:
    key = parse_key_record(raw)
    assert key.text.isprintable()
    assert key.detail.isprintable()
    assert key.is_usable is False


@given(st.data())
def test_a_damaged_key_never_passes_for_another(data: st.DataObject) -> None:
    whole = KEYS["rsa2048"]
    cut = data.draw(st.integers(1, len(whole) - 1))
    assert not parse_key_record(f"v=DKIM1; p={whole[:cut]}".encode()).is_usable


@given(st.binary(max_size=80))
def test_der_is_refused_in_one_way(data: bytes) -> None:
    try:
        assert rsa_key_bits(data) > 0
    except DerError:
        return


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param("3006020103020103", None, id="two small numbers"),
        pytest.param("30060201ff020103", DerError, id="a negative modulus"),
        pytest.param("3006020103020100", DerError, id="an exponent of nothing"),
        pytest.param("3009020103020103020101", DerError, id="a third number"),
        pytest.param("300602010302010300", TrailingBytesError, id="something behind"),
        pytest.param("30060201030201", CutOffError, id="the last octet gone"),
        pytest.param("3080020103020103", DerError, id="of indefinite length"),
        pytest.param("30850000000006020103020103", DerError, id="a length of five octets"),
        pytest.param("3084ffffffff02", CutOffError, id="four gigabytes announced"),
        pytest.param("", CutOffError, id="nothing"),
    ],
)
def test_der_says_what_is_wrong(data: str, error: type[DerError] | None) -> None:
    if error is None:
        assert rsa_key_bits(bytes.fromhex(data)) == 2
        return
    with pytest.raises(DerError) as raised:
        rsa_key_bits(bytes.fromhex(data))
    assert raised.type is error


def test_the_number_of_the_algorithm_must_be_that_of_rsa() -> None:
    whole = base64.b64decode(KEYS["rsa2048"])
    with pytest.raises(DerError):
        rsa_key_bits(whole.replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d01010a")))


@pytest.mark.parametrize(
    ("published", "meant"),
    [
        pytest.param([b"v=DKIM1; p=x"], 1, id="a key"),
        pytest.param([b"k=rsa; p=x"], 1, id="a key without its version"),
        pytest.param([b"v=DKIM1; p=x", b"v=DKIM1; p=y"], 2, id="two keys"),
        pytest.param([b'"v = DKIM1; p=x"'], 1, id="a key in quotation marks"),
        pytest.param([b"v=spf1 -all", b"hello"], 0, id="other records, such as a wildcard's"),
        pytest.param([b"v=DMARC1; sp=none"], 0, id="sp= is not p="),
    ],
)
def test_which_records_are_meant_as_keys(published: list[bytes], meant: int) -> None:
    assert len(key_records(published)) == meant
