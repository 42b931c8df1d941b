"""A line becomes a command, or a sentence that says what to type."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.cli.console import commands as c
from aegis_trio.cli.console.line_parser import MAX_LINE_CHARS, BadLine, parse_line
from aegis_trio.cli.console.visible import json_line
from tests.protocol.strategies import JSON_VALUES

WORDS = st.sampled_from([*c.USAGE, "exit", "prompt x", "complete prompt x", "call x", "call x a="])


def fault_of(line: str) -> str:
    """Return the sentence that *line* must earn."""
    with pytest.raises(BadLine) as caught:
        parse_line(line)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("", c.Nothing()),
        ("  # a comment", c.Nothing()),
        ("tools", c.ListTools()),
        ("  tools  ", c.ListTools()),
        ("describe\tget_me", c.Describe("get_me")),
        ("resources", c.ListResources()),
        ("read repo://a/b?c=d", c.ReadResource("repo://a/b?c=d")),
        ("prompts", c.ListPrompts()),
        ("frames on", c.ShowFrames(is_on=True)),
        ("frames off", c.ShowFrames(is_on=False)),
        ("record a b.jsonl", c.Record("a b.jsonl")),
        ("record off", c.Record(None)),
        ("record 'off'", c.Record("off")),
        ("replay a b", c.Replay("a b", shape=False)),
        ("replay a b shape", c.Replay("a b", shape=True)),
        ("replay shape", c.Replay("shape", shape=False)),
        ("log warning", c.Log("warning")),
        ("log off", c.Log(None)),
        ("help", c.Help(None)),
        ("help call", c.Help("call")),
        ("quit", c.Quit()),
        ("exit", c.Quit()),
        ('raw {"id": 1,  "method": "ping"}', c.Raw('{"id": 1,  "method": "ping"}', {"id": 1, "method": "ping"})),
        ("prompt greet", c.GetPrompt("greet", {})),
        (
            "prompt greet who=5 how='a b' why=\"c\\nd\" x=[",
            c.GetPrompt("greet", {"who": "5", "how": "a b", "why": "c\nd", "x": "["}),
        ),
        (
            "complete prompt greet who=A b=c",
            c.Complete(
                reference={"type": "ref/prompt", "name": "greet"}, argument="who", value="A", context={"b": "c"}
            ),
        ),
        (
            "complete resource repo://{o} o=",
            c.Complete(reference={"type": "ref/resource", "uri": "repo://{o}"}, argument="o", value="", context={}),
        ),
    ],
    ids=repr,
)
def test_each_command_has_its_form(line: str, command: c.Command) -> None:
    """Scripts are written against these forms."""
    assert command == parse_line(line)


@pytest.mark.parametrize(
    ("typed", "arguments"),
    [
        ("", {}),
        ("{}", {}),
        ('{"a": {"b": [1, null]}}', {"a": {"b": [1, None]}}),
        ("a=1 b=-2.5e3 c=true d=null", {"a": 1, "b": -2500.0, "c": True, "d": None}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ('a="5"   b="x y"', {"a": "5", "b": "x y"}),
        ("a='it''' ".replace("'''", "'"), {"a": "it"}),
        ("a='say \"hi\"'", {"a": 'say "hi"'}),
        ('a=[1, "two words"] b={"c": "d e"}', {"a": [1, "two words"], "b": {"c": "d e"}}),
        (
            "a=007 b=1.2.3 c=v1 d=True e=NaN f=0x1",
            {"a": "007", "b": "1.2.3", "c": "v1", "d": "True", "e": "NaN", "f": "0x1"},
        ),
        ("path=src/main.py ref=feature/x", {"path": "src/main.py", "ref": "feature/x"}),
        ("query=^Class", {"query": "^Class"}),
        ("max-lines=3 ünï=ö", {"max-lines": 3, "ünï": "ö"}),
    ],
    ids=repr,
)
def test_values_are_json_where_they_look_like_it_and_text_elsewhere(typed: str, arguments: dict[str, object]) -> None:
    """Paths and names are typed bare; numbers keep their type, and quotes make a text of them."""
    assert c.CallTool("x", arguments) == parse_line(f"call x {typed}")  # type: ignore[arg-type] # literals of JSON


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cal x", "Did you mean call?"),
        ("\x1b[31m", "There is no command"),
        ("x" * 500, "…"),
        ("call", "call: the name is missing. Type call NAME"),
        ("call x y", "“y” is not KEY=VALUE"),
        ("call x =1", "is not KEY=VALUE"),
        ("call x a=1 a=2", "“a” stands twice"),
        ("call x {", "call: Parse error"),
        ("call x [1]", "“[1]” is not KEY=VALUE"),
        ('call x {"a": 1} b=2', "call: Parse error"),
        ('call x {"a": 1, "a": 2}', "an object names a member twice"),
        ('call x a={"b": 1, "b": 2}', "an object names a member twice"),
        ("call x a=[1", "begins as JSON, but is none"),
        ('call x a="b', "begins as JSON, but is none"),
        ("call x a=" + "[" * 100_000, "begins as JSON, but is none"),
        ("call x a='b", "the closing ' is missing"),
        ("call x a='b'c", "follows its value"),
        ('call x a="b"c', "follows its value"),
        ("call x a=99999999999999999999", "beyond 64 bits"),
        ("call x a=1e999", "beyond the range"),
        ("tools all", "this command stands alone"),
        ("describe", "one name is needed"),
        ("describe a b", "one name is needed"),
        ("read", "one name is needed"),
        ("frames", "it is on or off"),
        ("record", "the file is missing"),
        ("record ''", "cannot be the name of a file"),
        ("record a\0b", "cannot be the name of a file"),
        ("replay", "the file is missing"),
        ("log loud", "a level is one of debug"),
        ("help me", "there is no command “me”"),
        ("raw", "raw: Parse error"),
        ("raw [1]", "a JSON object is needed"),
        ("complete", "an argument of a prompt"),
        ("complete prompt", "the name is missing"),
        ("complete prompt greet", "the argument is missing"),
        ("call x a=\udcff", "bytes that are not UTF-8"),
        ("call x a=" + "b" * MAX_LINE_CHARS, "longer than"),
    ],
    ids=lambda text: repr(text[:40]),
)
def test_what_is_no_command_says_what_to_type(line: str, said: str) -> None:
    """A person corrects the line; nothing was sent."""
    assert said in fault_of(line)


@given(
    st.text()
    | st.builds(lambda word, rest: f"{word} {rest}", WORDS, st.text())
    | st.builds("{}{}".format, WORDS, st.text())
)
def test_whatever_is_typed_is_a_command_or_its_fault(line: str) -> None:
    """The parser raises nothing else, or one odd line would end a session."""
    with suppress(BadLine):
        parse_line(line)


@given(JSON_VALUES)
def test_every_json_value_can_be_typed_as_an_argument(value: object) -> None:
    """What a tool may take can be given."""
    typed = json_line(value)  # type: ignore[arg-type] # drawn from JSON values

    assert c.CallTool("x", {"a": value, "b": 1}) == parse_line(f"call x a={typed} b=1")  # type: ignore[dict-item] # the same
    assert c.CallTool("x", {"a": value}) == parse_line(f'call x {{"a": {typed}}}')  # type: ignore[dict-item] # the same


def test_help_has_every_command() -> None:
    """A command that is not listed is not found."""
    text = c.help_text(None)

    assert [] == [word for word in c.USAGE if f"\n{word}" not in f"\n{text}"]
    assert "single quotes" in c.help_text("call")
    assert "single quotes" not in c.help_text("tools")
