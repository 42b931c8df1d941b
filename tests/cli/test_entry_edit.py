"""Only the one entry changes, in whatever people wrote around it."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.cli.entry_edit import replace_entry, span_in_env, value_in_env, whole
from tests.cli.places import KEY, OTHER

NAME = "MCP_API_KEYS"
NEW = "9" * 64
read = partial(value_in_env, name=NAME)


def edit(text: str, old: str = KEY, new: str = NEW) -> str | None:
    """Replace *old* in the settings file *text*."""
    span = span_in_env(text, NAME)
    return None if span is None else replace_entry(text, span, old, new, read)


@pytest.mark.parametrize(
    "text",
    [
        f"{NAME}={KEY}",
        f"{NAME} = {KEY}\n",
        f"  export {NAME}='{KEY}' # {KEY}\n",
        f'\ufeff# x\r\n{NAME}="{KEY}"\r\nA=b',
        f"{NAME}={OTHER}, {KEY} ,{'7' * 64} # three\n",
        f'{NAME}="{OTHER},\n{KEY}"\n\n\n',
        f"A={KEY}\n#{NAME}={KEY}\n{NAME}={KEY}\nB={KEY}",
        f"{NAME}={'8' * 64}\n{NAME}={KEY}\n",
        f"'{NAME}'={KEY}\n",
        f"broken 'line\n{NAME}={KEY}\n",
    ],
)
def test_the_entry_changes_and_nothing_else(text: str) -> None:
    """Comments, quotes, order, line ends and other variables stay."""
    span = span_in_env(text, NAME)
    assert span is not None
    place = text.index(KEY, span.start)

    assert text[:place] + NEW + text[place + len(KEY) :] == edit(text)


def test_two_entries_may_take_the_place_of_one() -> None:
    """The old key stays beside the new one."""
    assert f'{NAME}="{NEW},{KEY}" # x' == edit(f'{NAME}="{KEY}" # x', new=f"{NEW},{KEY}")


@pytest.mark.parametrize(
    "text",
    ["", "A=b\n", f"{NAME}=\n", f"{NAME}={KEY}\n{NAME}=\n", f"#{NAME}={KEY}\n", f"{NAME}\n"],
)
def test_a_list_that_is_not_set_is_not_there(text: str) -> None:
    """An empty last line unsets the name, as the gate reads it."""
    assert span_in_env(text, NAME) is None
    assert "" == read(text)


@pytest.mark.parametrize(
    "text",
    [
        f"{NAME}={KEY}0\n",
        f"{NAME}=0{KEY}\n",
        f'{NAME}="{KEY[:-1]}\\x32"\n',
        f'{NAME}="# {KEY}\n{KEY}"\n',
        f"{NAME}={OTHER} # {KEY}\n",
    ],
)
def test_what_would_not_read_back_is_not_written(text: str) -> None:
    """An entry inside a longer word, behind escapes, or first met in a comment: the person must do it."""
    assert edit(text) is None


LINES = st.one_of(
    st.just(f"{NAME}={KEY}"),
    st.just(f"export {NAME} = '{OTHER},{KEY}'  # keys"),
    st.just(f'{NAME}="{KEY}, {OTHER}"'),
    st.just("# a comment with = and ' and \" in it"),
    st.just(f"GITEA_KEY_TOKENS={KEY[:8]}...{KEY[-4:]}=token"),
    st.text(max_size=40),
    st.text(alphabet="AB='\"# \\,\t$", max_size=20),
)


@given(st.lists(LINES, max_size=8), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_in_any_file_only_the_key_s_own_characters_change(lines: list[str], end: str, bom: bool) -> None:  # noqa: FBT001 -- drawn
    """Property: whatever stands in the file, the edit is one replacement, or there is none."""
    text = ("\ufeff" if bom else "") + end.join(lines)
    edited = edit(text)
    if edited is None:
        return
    before, _, after = edited.partition(NEW)

    assert text == before + KEY + after
    assert 1 == edited.count(NEW)
    assert [NEW if entry == KEY else entry for entry in read(text).replace(" ", "").split(",")][:1] == read(
        edited
    ).replace(" ", "").split(",")[:1]


def test_a_file_that_is_one_list_is_edited_too() -> None:
    """One key a line, comments between."""
    text = f"# ours\n{OTHER}\n{KEY}\n"

    assert f"# ours\n{OTHER}\n{NEW}\n" == replace_entry(text, whole(text), KEY, NEW, str)
