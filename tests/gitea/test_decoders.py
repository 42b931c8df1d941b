"""Decoders read what a real Gitea answered, and nothing but faults come of anything else."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.gitea.contents import File, Folder, LfsObject, Submodule, SymbolicLink, get_contents
from aegis_trio.gitea.repositories import Repository, RepositoryPage
from aegis_trio.gitea.server import get_version
from aegis_trio.gitea.users import TokenReach, get_me, get_token, probe_administration
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.refs import FilePath, parse_file_path, parse_repository
from tests.gitea.recorded import EXCHANGES, Exchange, request_for, response_of

READ = [exchange for exchange in EXCHANGES.values() if exchange.response.status == 200]
# Aliases: Gitea cleans these paths, so the answer is about another one; ours are never sent.
ALIASES = {
    "path.contents_dotdot_alias",
    "path.contents_dotdot_alias_encoded",
    "path.contents_dotdot_alias_slash_encoded",
    "path.contents_dot",
    "path.contents_inner_double_slash",
}


def _decoded(id_: str) -> Any:
    exchange = EXCHANGES[id_]
    return exchange.request().decode(exchange.response)


@pytest.mark.parametrize("exchange", [e for e in READ if e.id not in ALIASES], ids=lambda e: e.id)
def test_every_recorded_answer_is_read(exchange: Exchange) -> None:
    """A decoder stricter than Gitea would fail in the field, on the unusual repository."""
    assert None is not exchange.request().decode(exchange.response)


@pytest.mark.parametrize("id_", sorted(ALIASES & {e.id for e in READ}))
def test_an_answer_about_another_path_is_refused(id_: str) -> None:
    """Gitea cleans `docs/../README.md` to `README.md`; a rule on `docs/` would be walked around."""
    exchange = EXCHANGES[id_]

    with pytest.raises(UpstreamBroken, match="another path"):
        exchange.request().decode(exchange.response)


def test_a_file_has_its_bytes_and_size() -> None:
    """The recorded text, byte for byte."""
    file = _decoded("contents.crlf")

    assert isinstance(file, File)
    assert file.content is not None
    assert (len(file.content), None) == (file.size_bytes, file.lfs)
    assert b"\r\n" in file.content


def test_what_is_no_file_is_named() -> None:
    """Folders, links and submodules are answers, not errors."""
    assert Folder(entry_count=2) == _decoded("contents.dir.vendor")
    assert SymbolicLink(sha="32d46ee883b58d6a383eed06eb98f33aa6530ded", target="../README.md") == _decoded(
        "contents.symlink"
    )
    assert Submodule(commit="a0462039abfbd93673aed8fdc7f29d4091844cbf", url="../website.git") == _decoded(
        "contents.submodule"
    )


def test_a_file_above_the_limit_has_a_size_and_no_bytes() -> None:
    """Gitea leaves the content out above 10 MiB, but not the size."""
    expected = File(sha="0a36fb3358fe0f3ebf1349798dc7d685c82ffccb", size_bytes=13072000, content=None, lfs=None)
    assert expected == _decoded("contents.big_12mb") == _decoded("contents_ext.big_12mb")


def test_a_pointer_of_lfs_says_what_it_stands_for() -> None:
    """The size of the pointer is not the size of the file."""
    oid = "4c4b8198fd914f1d3b089d788f84a0cdc75014d38b13023f6fd052ebfb6a7b14"
    assert LfsObject(sha256=oid, size_bytes=10520) == _decoded("contents.lfs").lfs


def test_a_tree_beyond_its_last_page_is_empty() -> None:
    """Gitea writes null for the empty list there, and still the right total."""
    page = _decoded("git.tree.beyond")
    assert ((), 107, False) == (page.entries, page.total, page.has_next)


def test_a_page_of_a_tree_says_that_more_follows() -> None:
    """`truncated` is Gitea's word for it."""
    page = _decoded("git.tree.paged")
    assert (10, 107, True) == (len(page.entries), page.total, page.has_next)


def test_a_repository_is_read_with_the_callers_rights() -> None:
    """Rights differ between callers of one repository."""
    mine, theirs = _decoded("repos.get"), _decoded("repos.get.carol")

    assert isinstance(mine, Repository)
    assert ("acme", "backend", True, "main", 135) == (
        mine.owner,
        mine.name,
        mine.private,
        mine.default_branch,
        mine.size_kib,
    )
    assert ((True, True), (False, False)) == (
        (mine.may_push, mine.may_administer),
        (theirs.may_push, theirs.may_administer),
    )


def test_a_fork_names_its_parent() -> None:
    """Where it came from is part of what it is."""
    assert "bob/public-tool" == _decoded("repos.get.fork").parent


def test_a_list_knows_its_total_and_whether_more_follows() -> None:
    """Both come from headers."""
    page = _decoded("repos.mine.page2")

    assert isinstance(page, RepositoryPage)
    assert (3, 13, True) == (len(page.repositories), page.total, page.has_next)


def test_the_version_of_gitea_is_compared_by_number() -> None:
    """1.25.4 is older than 1.27, and newer than 1.9."""
    version = get_version().decode(EXCHANGES["meta.version"].response)

    assert ("1.25.4", (1, 25), False) == (version.text, version.number, version.is_forgejo)
    assert (True, False, True) == (version.reaches((1, 25)), version.reaches((1, 27)), version.reaches((1, 9)))


def test_forgejo_counts_differently() -> None:
    """15 is not newer than Gitea 1.27: nothing of Gitea's is assumed there."""
    version = get_version().decode(response_of(200, b'{"version":"15.0.4+gitea-1.22.0"}'))

    assert ((15, 0), True, False) == (version.number, version.is_forgejo, version.reaches((1, 22)))


@pytest.mark.parametrize("raw", ['"x"', '""', "1", '"1.25.4 <b>"', "null"])
def test_what_is_no_version_is_refused(raw: str) -> None:
    """A page of another program must not pass for Gitea."""
    with pytest.raises(UpstreamBroken):
        get_version().decode(response_of(200, f'{{"version":{raw}}}'.encode()))


def test_the_tokens_owner_is_read() -> None:
    """The identity behind everything that the tools show."""
    user = get_me().decode(EXCHANGES["auth.spelling.token"].response)
    assert (2, "alice", "Alice Archer", False) == (user.id, user.login, user.full_name, user.is_admin)


@pytest.mark.parametrize(
    "body", ['{"id":0,"login":"x"}', '{"id":1,"login":""}', '{"id":true,"login":"x"}', "[]", "null"]
)
def test_nobody_is_not_an_owner(body: str) -> None:
    """An answer without a person must never become an identity."""
    with pytest.raises(UpstreamBroken):
        get_me().decode(response_of(200, body.encode()))


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ("auth.scope_probe.cron.admin", TokenReach(administers=True, scopes=None)),
        ("auth.scope_probe.cron.all", TokenReach(administers=False, scopes=frozenset({"all"}))),
        (
            "auth.scope_probe.cron.bot",
            TokenReach(
                administers=False,
                scopes=frozenset({"read:organization", "read:issue", "read:repository", "read:user"}),
            ),
        ),
    ],
    ids=["administrator", "unlimited", "bot"],
)
def test_the_probe_tells_administrators_from_others(id_: str, expected: TokenReach) -> None:
    """A site administrator's token can act as anybody, so start-up must see it."""
    assert expected == probe_administration().decode(EXCHANGES[id_].response)


def test_a_token_may_list_its_own_scopes() -> None:
    """From 1.27 on; words that we do not know make the whole list unknown."""
    known = get_token().decode(response_of(200, b'{"scopes":["read:user","read:repository"]}'))
    strange = get_token().decode(response_of(200, b'{"scopes":["read:user","do:anything"]}'))

    assert frozenset({"read:user", "read:repository"}) == known.scopes
    assert None is strange.scopes


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"content": "!!!!"}, "base64"),
        ({"content": "YQ"}, "base64"),
        ({"content": "YWI="}, "less or more"),
        ({"encoding": "rot13"}, "encoding"),
        ({"type": "socket"}, "kind"),
        ({"path": "b"}, "another path"),
        ({"size": -1}, "size"),
        ({"size": 2**63}, "size"),
        ({"size": True}, "size"),
        ({"sha": None}, "sha"),
        ({"lfs_oid": "x"}, "lfs_size"),
    ],
    ids=["alphabet", "padding", "length", "encoding", "type", "path", "negative", "overflow", "bool", "null", "lfs"],
)
def test_a_file_in_the_wrong_form_is_refused(change: dict[str, Any], match: str) -> None:
    """Half an answer must not be shown as the file."""
    fields = {"path": "a", "type": "file", "size": 1, "sha": "s", "encoding": "base64", "content": "YQ=="}
    request = get_contents(parse_repository("o", "r"), parse_file_path("a"), None)
    assert b"a" == request.decode(response_of(200, json.dumps(fields).encode())).content  # type: ignore[union-attr]  # a file

    with pytest.raises(UpstreamBroken, match=match):
        request.decode(response_of(200, json.dumps(fields | change).encode()))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"content": "", "size": 12_582_912}, None),
        ({"content": None, "encoding": None, "size": 12_582_912}, None),
        ({"content": "", "size": 0}, b""),
    ],
    ids=["1.23", "1.25", "empty"],
)
def test_a_file_that_gitea_leaves_out_is_not_an_empty_one(change: dict[str, Any], expected: bytes | None) -> None:
    """Above its limit of 10 MiB Gitea 1.23 sends the empty text, where 1.25 sends null.

    Source: services/repository/files/content.go GetBlobBySHA at v1.23.8; seen there.
    """
    fields = {"path": "a", "type": "file", "sha": "s", "encoding": "base64"} | change
    request = get_contents(parse_repository("o", "r"), parse_file_path("a"), None)
    file = request.decode(response_of(200, json.dumps(fields).encode()))

    assert isinstance(file, File)
    assert (expected, change["size"]) == (file.content, file.size_bytes)


def test_a_folder_given_as_an_object_is_a_folder() -> None:
    """Other versions may say `dir` in place of listing it."""
    request = get_contents(parse_repository("o", "r"), parse_file_path("a"), None)
    assert isinstance(request.decode(response_of(200, b'{"path":"a","type":"dir"}')), Folder)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>login</html>", "text/html"),
        (b'{"version":"1.25.4"}', "text/html"),
        (b'{"version":"1.25.4"}', ""),
        (b'{"version":', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"", "application/json"),
        (b"{}\n{}", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"9" * 10_000, "application/json"),
    ],
    ids=["page", "wrong type", "no type", "cut", "not utf-8", "empty", "two documents", "deep", "endless number"],
)
def test_what_is_not_the_json_it_should_be_is_refused(body: bytes, content_type: str) -> None:
    """A login page of a proxy, a cut answer or a bomb is a fault that says so."""
    with pytest.raises(UpstreamBroken):
        get_version().decode(response_of(200, body, {"content-type": content_type}))


def _nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        found += _nodes(child, (*path, key))
    return found[:400]


def _mutated(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    value = copy.deepcopy(value)
    place = value
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = new
    return value


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("\ud800"),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=5,
)


@given(exchange=st.sampled_from(READ), data=st.data())
def test_a_mutated_answer_is_read_or_a_fault(exchange: Exchange, data: st.DataObject) -> None:
    """Property: whatever stands in the place of any value, nothing but a fault comes out."""
    document = json.loads(exchange.response.body)
    path = data.draw(st.sampled_from(_nodes(document)))
    body = json.dumps(_mutated(document, path, data.draw(ANY_JSON))).encode()
    with contextlib.suppress(UpstreamBroken):
        exchange.request().decode(response_of(200, body))


@given(exchange=st.sampled_from(READ), position=st.integers(0, 2**16), new=st.binary(max_size=3), cut=st.booleans())
def test_an_answer_with_wrong_bytes_is_read_or_a_fault(
    exchange: Exchange, position: int, new: bytes, *, cut: bool
) -> None:
    """Property: the same for flipped and missing bytes."""
    body = exchange.response.body
    position %= max(1, len(body))
    changed = body[:position] + new + (b"" if cut else body[position + len(new) :])
    with contextlib.suppress(UpstreamBroken):
        exchange.request().decode(response_of(200, changed))


def test_bytes_of_a_file_survive_the_way() -> None:
    """The content is never altered, whatever bytes it has."""
    content = bytes(range(256))
    fields = {
        "path": "a", "type": "file", "size": 256, "sha": "s", "encoding": "base64",
        "content": base64.b64encode(content).decode(),
    }  # fmt: skip
    request = get_contents(parse_repository("o", "r"), FilePath(("a",)), None)
    assert content == request.decode(response_of(200, json.dumps(fields).encode())).content  # type: ignore[union-attr]  # a file


def test_requests_are_made_of_the_recorded_paths() -> None:
    """The tests above ask our own requests; this one sees that they are the recorded ones."""
    assert ("user", "repos") == request_for("/api/v1/user/repos").segments
    assert ("repos", "acme", "backend", "contents", "odd", "two%20words.txt") == EXCHANGES[
        "contents.spaces"
    ].request().segments
