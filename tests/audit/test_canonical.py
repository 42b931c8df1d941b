"""A record is one bounded line of ASCII, whatever it is given."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.audit.canonical import MAX_FIELDS, MAX_LINE_BYTES, is_canonical, parse, render
from aegis_trio.audit.chain import GENESIS, ChainHead, seal
from aegis_trio.audit.entry import Phase
from aegis_trio.model.json import JsonValue

HOSTILE = [
    "line\nbreak\r\n",
    "paragraph\u2028separator\u2029next\u0085line",
    "\x1b[2J\x1b]0;title\x07",
    "right\u202eto left",
    "lone \ud800 half",
    "lone \udfff half",
    "\x00\x7f",
    '"}\n{"event": "forged"}',
    "x" * 1_000_000,
    "\U0001f600" * 1_000_000,
]

any_text = st.text(max_size=40) | st.sampled_from(HOSTILE[:8]) | st.sampled_from(["x" * 70_000, "\U0001f600" * 9000])
any_json: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(any_text, inner, max_size=30),
    max_leaves=60,
)
records = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True), any_json, max_size=MAX_FIELDS - 1)


def sealed(fields: dict[str, JsonValue]) -> bytes:
    """Return the line that a record becomes."""
    return seal(ChainHead(), render(fields), Phase.OUTCOME)[0]


@pytest.mark.parametrize("text", HOSTILE, ids=[f"hostile_{number}" for number in range(len(HOSTILE))])
def test_a_hostile_text_stays_one_bounded_line_of_printable_ascii(text: str) -> None:
    """Nobody who names a file or a browser can forge a second record, or speak to the reader's terminal."""
    line = sealed({"event": "x", "user_agent": text, "arguments": {text: text}})

    assert 1 == len(line.decode("ascii").splitlines())
    assert all(0x20 <= byte < 0x7F for byte in line[:-1])
    assert len(line) <= MAX_LINE_BYTES


@given(records)
def test_every_record_is_one_bounded_line_that_reads_back_to_itself(fields: dict[str, JsonValue]) -> None:
    """The verifier refuses what does not render to its own bytes, so what we write must."""
    line = sealed({"event": "x", **fields})
    record = parse(line[:-1])

    assert len(line) <= MAX_LINE_BYTES
    assert line.isascii()
    assert record is not None
    assert is_canonical(record, line[:-1])


@pytest.mark.parametrize("members", [1, 10, 200, 5000])
def test_the_largest_record_that_can_be_made_is_within_the_bound(members: int) -> None:
    """The arithmetic of the last rung holds for the widest characters in every place that takes them."""
    wide = "\U0001f600" * 5000
    fields: dict[str, JsonValue] = {f"f{number:039}": wide for number in range(MAX_FIELDS - 1)}
    fields["arguments"] = {f"{wide}{number}": wide for number in range(members)}

    assert len(sealed(fields)) <= MAX_LINE_BYTES


def test_a_record_with_more_fields_than_a_record_has_is_our_bug() -> None:
    """The bound of a line rests on the number of fields."""
    with pytest.raises(ValueError, match="at most"):
        render({f"f{number}": 1 for number in range(MAX_FIELDS + 1)})


def test_what_is_shortened_says_so() -> None:
    """An auditor must not take a part for the whole."""
    text = json.loads(render({"event": "x", "note": "y" * 5000, "deep": [[[[[1]]]]], "many": list(range(500))}))

    assert "y" * 4096 + "...(+904 characters)" == text["note"]
    assert "(+360 more)" == text["many"][-1]
    assert [[[["(list of 1)"]]]] == text["deep"]


def test_an_object_that_is_cut_or_too_deep_says_so() -> None:
    """The same for arguments, whose number and depth the client chooses."""
    many: dict[str, JsonValue] = {f"a{number}": 1 for number in range(200)}
    text = json.loads(render({"event": "x", "many": many, "deep": {"a": {"b": {"c": {"d": {"e": 1}}}}}}))

    assert None is text["many"]["(+56 more)"]
    assert {"(+1 more)": None} == text["deep"]
    assert (
        "(object of 1)"
        == json.loads(render({"deep": {"a": {"b": {"c": {"d": {"e": 1}}}}}}))["deep"]["a"]["b"]["c"]["d"]
    )


def test_two_long_names_that_are_cut_to_the_same_text_both_stay() -> None:
    """Nobody hides an argument behind another one."""
    text = json.loads(render({"arguments": {"n" * 70 + "a": 1, "n" * 70 + "b": 2}}))

    assert [1, 2] == list(text["arguments"].values())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**53 - 1, 2**53 - 1),
        (2**53, str(2**53)),
        (10**5000, "(integer of 16610 bits)"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        (0.5, 0.5),
        (True, True),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ud800", "\ufffd"),
    ],
    ids=["safe", "unsafe", "huge", "infinite", "nan", "fraction", "true", "pair", "half"],
)
def test_values_that_readers_of_json_disagree_on_are_spelled_out(value: JsonValue, expected: JsonValue) -> None:
    """Every reader sees the same record: large numbers as text, halves of characters as U+FFFD."""
    assert expected == json.loads(render({"value": value}))["value"]


@pytest.mark.parametrize(
    "raw_line",
    [
        b'{"a":1}',
        b'{"a": 1, "a": 1}',
        b'{"a": 1.0e0}',
        b'{"a": NaN}',
        b'{"a": 1} ',
        b'{"a": "\xc3\xa4"}',
        b'{"a": "\\u0041"}',
    ],
)
def test_a_line_in_any_other_form_is_not_canonical(raw_line: bytes) -> None:
    """Two spellings of one record would let a reader and the verifier see different things."""
    record = parse(raw_line)

    assert record is not None
    assert not is_canonical(record, raw_line)


@pytest.mark.parametrize("raw_line", [b"", b"[1]", b"{", b"\xff", b"[" * 60_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_a_line_that_is_no_object_is_not_a_record(raw_line: bytes) -> None:
    """A hostile file cannot make the verifier raise."""
    assert None is parse(raw_line)


def test_the_sealed_line_is_what_json_dumps_would_have_made() -> None:
    """The chain's fields are put in as text; the result must be the one canonical form all the same."""
    fields: dict[str, JsonValue] = {"timestamp": "t", "event": "e", "arguments": {"a": [1, None]}}
    whole = {**fields, "seq": 0, "phase": "outcome", "prev": GENESIS}

    assert json.dumps(whole, ensure_ascii=True).encode() + b"\n" == sealed(fields)
