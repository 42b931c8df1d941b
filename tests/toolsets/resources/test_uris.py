"""Addresses of resources: hostile text in, a value out, or a refusal; and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.uri_template import UriTemplate

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.refs import FilePath, GitRef, RepositoryRef, parse_file_path, parse_git_ref
from aegis_trio.toolsets.catalogue import RESOURCES
from aegis_trio.toolsets.resources.uris import (
    MAX_URI_CHARACTERS,
    Family,
    FileUri,
    IssueUri,
    PullUri,
    ReadmeUri,
    family_of,
    parse_uri,
)

BASE = "gitea://main/acme/backend"
REPOSITORY = RepositoryRef("acme", "backend")
TEMPLATES: dict[str, str] = {str(one.definition["name"]): str(one.definition["uriTemplate"]) for one in RESOURCES}


def _file(path: str, ref: str | None = "main") -> FileUri:
    return FileUri(
        repository=REPOSITORY, ref=None if ref is None else GitRef(ref), path=FilePath(tuple(path.split("/")))
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (f"{BASE}/readme", ReadmeUri(repository=REPOSITORY)),
        (f"{BASE}/issues/12", IssueUri(repository=REPOSITORY, number=12)),
        (f"{BASE}/issues/12?before=345", IssueUri(repository=REPOSITORY, number=12, before=345)),
        (f"{BASE}/pulls/7", PullUri(repository=REPOSITORY, number=7)),
        (f"{BASE}/pulls/7?page=3", PullUri(repository=REPOSITORY, number=7, page=3)),
        (f"{BASE}/blob/main/src/app.py", _file("src/app.py")),
        (f"{BASE}/blob/HEAD/src/app.py", _file("src/app.py", None)),
        (f"{BASE}/blob/feature%2Flogin/a", _file("a", "feature/login")),
        (f"{BASE}/blob/main/a%20b%23c%3Fd%25.md", _file("a b#c?d%.md")),
        (f"{BASE}/blob/main/docs/%C3%BCbersicht.md", _file("docs/übersicht.md")),
        (f"{BASE}/blob/main/app/a+b(1)&c=d;e@f:g!.py", _file("app/a+b(1)&c=d;e@f:g!.py")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_canonical_address_is_read_and_written_the_same(raw: str, expected: object) -> None:
    """The address in the answer is the one that a client asked for, so that it finds its own."""
    assert expected == parse_uri(raw)
    assert raw == str(expected)


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("GITEA://Main/acme/backend/readme", f"{BASE}/readme"),
        ("gitea://main/ac%6de/backend/readme", f"{BASE}/readme"),
        (f"{BASE}/blob/main/a%2Fb.txt", f"{BASE}/blob/main/a/b.txt"),
        (f"{BASE}/blob/main/a%2bb.txt", f"{BASE}/blob/main/a+b.txt"),
        (f"{BASE}/blob/main/app/[slug].tsx", f"{BASE}/blob/main/app/%5Bslug%5D.tsx"),
        (f"{BASE}/pulls/7?page=1", f"{BASE}/pulls/7"),
        (f"{BASE}/blob/main/src/", f"{BASE}/blob/main/src"),
    ],
)
def test_another_spelling_is_answered_in_the_canonical_one(raw: str, canonical: str) -> None:
    """RFC 3986 section 6.2.2: case of scheme and host, encoded letters; and what RFC 6570 leaves as it is."""
    assert canonical == str(parse_uri(raw))


FOREIGN = [
    "",
    "gitea:",
    "gitea://main",
    "gitea://main/acme",
    "gitea://main/acme/backend",
    "gitea://main/acme/backend/",
    "gitea://other/acme/backend/readme",
    "gitea:///acme/backend/readme",
    "gitea://main:80/acme/backend/readme",
    "gitea://a@main/acme/backend/readme",
    "gitea://main/acme/backend/wiki/Home",
    "gitea://main/acme/../backend/readme",
    "gitea://main//acme/backend/readme",
    "gitea://main/acme/backend/README",
    "https://main/acme/backend/readme",
    "file:///etc/passwd",
    " gitea://main/acme/backend/readme",
    "gitea://main/acme/backend/issue\u017f/1",
    "gitea://main/acme/backend/readme\n",
    f"{BASE}/blob/main/" + "a" * MAX_URI_CHARACTERS,
]


@pytest.mark.parametrize("raw", FOREIGN, ids=[str(place) for place in range(len(FOREIGN))])
def test_an_address_of_something_else_is_of_no_family(raw: str) -> None:
    """It is answered as what does not exist, whatever it was meant to reach."""
    assert family_of(raw) is None
    with pytest.raises(InvalidArgument, match="no address of this server"):
        parse_uri(raw)


REFUSED = [
    ("/readme/x", "goes on behind readme"),
    ("/readme?x=1", "goes on behind readme"),
    ("/readme#x", "has a fragment"),
    ("/blob", "names no file"),
    ("/blob/main", "names no file"),
    ("/blob/main/", "names no file"),
    ("/blob/main/%2F", "names no file"),
    ("/blob//a", "ref: is empty"),
    ("/blob/main~1/a", "ref: not the name"),
    ("/blob/a..b/a", "ref: not the name"),
    ("/blob/-x/a", "ref: not the name"),
    ("/blob/a%0Ab/a", "ref: not the name"),
    ("/blob/refs%2Fheads%2Fmain/a", "ref: is the long form"),
    ("/blob/" + "r" * 256 + "/a", "ref: longer than 255"),
    ("/blob/main/../../admin", "path: has an empty or dot segment"),
    ("/blob/main/a/%2e%2e/b", "path: has an empty or dot segment"),
    ("/blob/main/a/%2E/b", "path: has an empty or dot segment"),
    ("/blob/main/a//b", "path: has an empty or dot segment"),
    ("/blob/main/a%2F..%2Fb", "path: has an empty or dot segment"),
    ("/blob/main/.git/config", "path: leads into .git"),
    ("/blob/main/a%00b", "path: holds a control character"),
    ("/blob/main/a%0Ab", "path: holds a control character"),
    ("/blob/main/" + "a" * 256, "path: has a segment above 255"),
    ("/blob/main/" + "a/" * 2100, "path: longer than 4096"),
    ("/blob/main/a%FFb", "is not UTF-8"),
    ("/blob/main/a%ED%A0%80b", "is not UTF-8"),
    ("/blob/main/a%b", "cannot hold as it is"),
    ("/blob/main/a%zz", "cannot hold as it is"),
    ("/blob/main/a b", "cannot hold as it is"),
    ("/blob/main/übersicht.md", "cannot hold as it is"),
    ("/blob/main/a\u202eb", "cannot hold as it is"),
    ("/blob/main/a\x00b", "cannot hold as it is"),
    ("/blob/main/a\nb", "cannot hold as it is"),
    ("/blob/main/a\\b", "cannot hold as it is"),
    ("/blob/main/a?ref=dev", "has a query"),
    ("/blob/main/a?", "has a query"),
    ("/blob/main/a#L3", "has a fragment"),
    ("/issues", "does not end with a number"),
    ("/issues/", "does not end with a number"),
    ("/issues/0", "does not end with a number"),
    ("/issues/-1", "does not end with a number"),
    ("/issues/1e3", "does not end with a number"),
    ("/issues/%D9%A1", "does not end with a number"),
    ("/issues/1234567890", "does not end with a number"),
    ("/issues/1/comments", "does not end with a number"),
    ("/issues/1?before=0", "has a query"),
    ("/issues/1?before=5&before=6", "has a query"),
    ("/issues/1?page=2", "has a query"),
    ("/pulls/1?before=2", "has a query"),
    ("/pulls/1?page=9999999", "has a query"),
    ("/pulls/1?", "has a query"),
]


@pytest.mark.requirement("MCP-RES-03")
@pytest.mark.parametrize(("rest", "rule"), REFUSED, ids=[str(place) for place in range(len(REFUSED))])
def test_a_wrong_part_is_refused_by_its_name(rest: str, rule: str) -> None:
    """A model mends it only when it is told which part broke which rule."""
    with pytest.raises(InvalidArgument) as refusal:
        parse_uri(BASE + rest)

    assert "uri" == refusal.value.field
    assert rule in refusal.value.rule
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        ("gitea://main/../backend/readme", "owner: not a user"),
        ("gitea://main/%2e%2e/backend/readme", "owner: not a user"),
        ("gitea://main/issues/search/readme", "owner: is a name that Gitea reserves"),
        ("gitea://main/acme/%2E%2E/readme", "repo: not a repository"),
        ("gitea://main/acme/a%2Fb/readme", "repo: not a repository"),
        ("gitea://main/acme//readme", "repo: not a repository"),
        ("gitea://main/a%252e/backend/readme", "owner: not a user"),
    ],
)
def test_a_repository_is_read_as_tools_read_it(raw: str, rule: str) -> None:
    """Two readers of one name would be two rules for one place."""
    with pytest.raises(InvalidArgument) as refusal:
        parse_uri(raw)

    assert rule in refusal.value.rule


def test_a_name_is_decoded_once() -> None:
    """Decoded twice, `%252e%252e` would become a dot segment behind every check."""
    uri = parse_uri(f"{BASE}/blob/main/%252e%252e/x")

    assert isinstance(uri, FileUri)
    assert ("%2e%2e", "x") == uri.path.segments
    assert ("%252e%252e", "x") == uri.path.as_segments()


NAME = st.text("abcXYZ019", min_size=1, max_size=12)
WORD = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
HOSTILE = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [
                *("gitea://", "main", "/", "acme", "backend", "blob", "readme", "issues", "pulls", "1", "..", "."),
                *("%2e", "%2f", "%00", "%", "%25", "?", "#", "page=2", "before=3", "\\", "\n", "é", "\ud800", "["),
            ]
        ),
        max_size=14,
    ).map("".join),
    st.lists(st.sampled_from(["..", ".", "", "a", "%2e%2e", "%2f", "?", "#", "é", "\x00"]), max_size=8).map(
        lambda parts: f"{BASE}/blob/main/" + "/".join(parts)
    ),
)


def _valid_path(raw: str) -> bool:
    try:
        return bool(parse_file_path(raw).segments) and str(parse_file_path(raw)) == raw
    except InvalidArgument:
        return False


def _valid_ref(raw: str) -> bool:
    try:
        parse_git_ref(raw)
    except InvalidArgument:
        return False
    return raw != "HEAD" and not raw.startswith("refs/")


PATHS = st.lists(WORD, min_size=1, max_size=4).map("/".join).filter(_valid_path)
REFS = st.lists(WORD, min_size=1, max_size=3).map("/".join).filter(_valid_ref)


@given(raw=HOSTILE)
def test_whatever_text_comes_is_a_value_or_a_refusal(raw: str) -> None:
    """Property: nothing else escapes, a value is of the family that was told before, and it is canonical at once."""
    family = family_of(raw)
    try:
        uri = parse_uri(raw)
    except InvalidArgument:
        return
    kinds = {FileUri: Family.BLOB, ReadmeUri: Family.README, IssueUri: Family.ISSUES, PullUri: Family.PULLS}
    assert kinds[type(uri)] is family
    assert uri == parse_uri(str(uri))
    assert str(uri).isascii()


@given(owner=NAME, repo=NAME, ref=REFS, path=PATHS)
def test_a_place_survives_its_address(owner: str, repo: str, ref: str, path: str) -> None:
    """Property: whatever git accepts as ref and path is reached, and nothing else is reached instead."""
    uri = FileUri(repository=RepositoryRef(owner, repo), ref=GitRef(ref), path=parse_file_path(path))

    assert uri == parse_uri(str(uri))


@given(owner=NAME, repo=NAME, ref=REFS, path=PATHS)
def test_a_clients_expansion_of_the_template_is_read(owner: str, repo: str, ref: str, path: str) -> None:
    """Property: an independent expansion of the template means the same, and is already canonical where it can be."""
    values = {"instance": "main", "owner": owner, "repo": repo, "ref": ref, "path": path}
    if set(path) & set("?#"):
        return  # RFC 6570 leaves them as they are in {+path}, and RFC 3986 then reads a query: refused with a remedy
    if "%" in path:
        return  # the same section takes `%41` for encoded already; other clients encode the percent sign
    expanded = UriTemplate.parse(TEMPLATES["file"]).expand(values)
    uri = parse_uri(expanded)

    assert isinstance(uri, FileUri)
    assert (owner, repo, ref, path) == (uri.repository.owner, uri.repository.name, str(uri.ref), str(uri.path))
    if not set(path) & set("[]/"):
        assert expanded == str(uri)


@pytest.mark.requirement("MCP-RES-03")
@given(raw=HOSTILE)
def test_no_address_leads_outside_its_template(raw: str) -> None:
    """Property: the canonical text matches one template, with the values that were read and without a dot segment."""
    try:
        uri = parse_uri(raw)
    except InvalidArgument:
        return
    bare = str(uri).partition("?")[0]
    matches: list[dict[str, Any]] = [
        found for text in TEMPLATES.values() if (found := UriTemplate.parse(text).match(bare)) is not None
    ]
    assert 1 == len(matches)
    [values] = matches
    assert "main" == values["instance"]
    assert (uri.repository.owner, uri.repository.name) == (values["owner"], values["repo"])
    assert not {"", ".", ".."} & set(str(values.get("path", "a")).split("/"))
