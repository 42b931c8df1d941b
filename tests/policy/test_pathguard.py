"""The path guard: nothing leaves but what was built, and nothing is built outside its route."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.refs import parse_file_path, parse_git_ref, parse_repository
from aegis_trio.policy.pathguard import ONE, REST, Route, WireBase, WirePathViolation, build_target, check_wire_path

BASE = WireBase(scheme="https", host="git.example.com", port=443, prefix="/gitea/api/v1")
CONTENTS = Route(segments=("repos", ONE, ONE, "contents", REST), query_keys=frozenset({"ref"}))


def _check(
    built: str,
    *,
    route: Route = CONTENTS,
    raw_path: bytes | None = None,
    scheme: str = "https",
    host: str = "git.example.com",
    port: int = 443,
) -> None:
    sent = built.encode() if raw_path is None else raw_path
    check_wire_path(BASE, route, built=built, scheme=scheme, host=host, port=port, raw_path=sent)


GOOD = "/gitea/api/v1/repos/acme/backend/contents/src/main.py?ref=feature%2Fx"


def test_a_request_of_its_route_may_leave() -> None:
    """The guard must not stop what it is there to protect."""
    _check(GOOD)
    _check("/gitea/api/v1/repos/a/b/contents/%252e%252e")  # a file that is really called %2e%2e


@pytest.mark.parametrize(
    "built",
    [
        "/api/v1/repos/a/b/contents/x",
        "/gitea/api/v1",
        "/gitea/api/v1x/repos/a/b/contents/x",
        "/gitea/api/v1/admin/users",
        "/gitea/api/v1/repos/a/b/keys/x",
        "/gitea/api/v1/repos/a/b/contents",
        "/gitea/api/v1/repos/a/b/contents/",
        "/gitea/api/v1/repos/a//contents/x",
        "/gitea/api/v1/repos/a/../contents/x",
        "/gitea/api/v1/repos/a/%2e%2e/contents/x",
        "/gitea/api/v1/repos/a/%2E/contents/x",
        "/gitea/api/v1/repos/a/b/contents/x/..%2f..",
        "/gitea/api/v1/repos/a/b/contents/x%2F%2Fy",
        "/gitea/api/v1/repos/a/b/contents/x\\y",
        "/gitea/api/v1/repos/a/b/contents/x y",
        "/gitea/api/v1/repos/a/b/contents/x%00",
        "/gitea/api/v1/repos/a/b/contents/x%0a",
        "/gitea/api/v1/repos/a/b/contents/x%7f",
        "/gitea/api/v1/repos/a/b/contents/é",
        "/gitea/api/v1/repos/a/b/contents/x#y",
        "/gitea/api/v1/repos/a/b/contents/x;y",
        "/gitea/api/v1/repos/a/b/contents/x?sudo=root",
        "/gitea/api/v1/repos/a/b/contents/x?ref=a&token=t",
        "/gitea/api/v1/repos/a/b/contents/x?ref=a&access_token=t",
        "/gitea/api/v1/repos/a/b/contents/x?ref=a;sudo=root",
        "/gitea/api/v1/repos/a/b/contents/x?ref=a&ref=b",
        "/gitea/api/v1/repos/a/b/contents/x?%73udo=root",
        "/gitea/api/v1/repos/a/b/contents/x?page=1",
    ],
)
def test_what_is_outside_its_route_never_leaves(built: str) -> None:
    """Each of these reaches another endpoint, another person's rights, or another question at Gitea."""
    with pytest.raises(WirePathViolation):
        _check(built)


@pytest.mark.parametrize(
    "change", [{"scheme": "http"}, {"host": "evil.example"}, {"port": 8443}], ids=["scheme", "host", "port"]
)
def test_no_other_server_is_asked(change: dict[str, str | int]) -> None:
    """The token goes to the configured Gitea alone."""
    with pytest.raises(WirePathViolation, match="another server"):
        _check(GOOD, **change)  # type: ignore[arg-type]  # one keyword of several types


def test_a_path_that_the_library_cleaned_does_not_leave() -> None:
    """httpx resolves `..` before it sends: the bytes differ from what was built, and that is enough to stop."""
    built = "/gitea/api/v1/repos/../admin/users"
    cleaned = httpx.URL("https://git.example.com" + built).raw_path
    assert b"/gitea/api/v1/admin/users" == cleaned

    with pytest.raises(WirePathViolation, match="changed the path"):
        _check(built, raw_path=cleaned)


def test_a_route_cannot_take_a_banned_key() -> None:
    """sudo, token and access_token are never ours to send, whatever a later tool writes."""
    with pytest.raises(ValueError, match="sudo"):
        Route(segments=("user",), query_keys=frozenset({"sudo"}))


def test_a_query_key_stands_twice_only_where_its_route_says_so() -> None:
    """Gitea takes the first of two, a proxy before it may look at the last; lists of labels are sent so on purpose."""
    route = Route(
        segments=("repos", ONE, ONE, "pulls"),
        query_keys=frozenset({"labels", "state"}),
        repeated_keys=frozenset({"labels"}),
    )

    _check("/gitea/api/v1/repos/a/b/pulls?labels=1&labels=2&state=open", route=route)
    with pytest.raises(WirePathViolation, match="twice"):
        _check("/gitea/api/v1/repos/a/b/pulls?state=open&labels=1&state=all", route=route)
    with pytest.raises(ValueError, match="query key of the route"):
        Route(segments=("user",), repeated_keys=frozenset({"page"}))


def test_the_rest_of_a_route_stands_at_its_end() -> None:
    """A template with a hole in its middle would admit anything."""
    with pytest.raises(ValueError, match="end"):
        Route(segments=("repos", REST, "contents"))


def test_a_query_is_encoded_whole() -> None:
    """A bare `;` makes Go drop the pair, and the default branch would be served."""
    target = build_target(BASE, ("user", "repos"), (("q", "a;b c/&=é#"), ("page", "1")))
    assert "/gitea/api/v1/user/repos?q=a%3Bb%20c%2F%26%3D%C3%A9%23&page=1" == target


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["../../admin/users", "..", "%2e%2e", "a/../../b", "x?sudo=root", "x;sudo=root", "a//b", "a\\..\\b"]
    ),
    st.lists(st.sampled_from(["..", ".", "", "a", "%2e", "%2f", "?", "#", ";", "\\", "\n", "/", "é"])).map("".join),
    st.lists(st.sampled_from(["..", "a", "b.c", "%2e%2e", "é ü", "x;y", "x?y"]), min_size=1).map("/".join),
)


@given(owner=HOSTILE | st.just("acme"), name=HOSTILE | st.just("backend"), path=HOSTILE, ref=HOSTILE)
def test_no_hostile_argument_leaves_its_own_template(owner: str, name: str, path: str, ref: str) -> None:
    """Property: an argument is refused as invalid, or the request is its route's own, untouched by the library."""
    try:
        repository = parse_repository(owner, name)
        segments = ("repos", *repository.as_segments(), "contents", *parse_file_path(path).as_segments())
        query = (("ref", parse_git_ref(ref).name),)
    except InvalidArgument:
        return
    if len(segments) == 4:  # the root, which get_file_contents refuses before
        return
    built = build_target(BASE, segments, query)
    url = httpx.URL("https://git.example.com" + built)

    check_wire_path(
        BASE, CONTENTS, built=built, scheme=url.scheme, host=url.host, port=url.port or 443, raw_path=url.raw_path
    )
    assert url.raw_path.startswith(f"/gitea/api/v1/repos/{owner}/{name}/contents/".encode())
