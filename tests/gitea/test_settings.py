"""The base URL is taken as people type it, and refused when it means something else."""

from __future__ import annotations

import pytest

from aegis_trio.gitea.settings import GiteaSettings, origin_of, wire_base


@pytest.mark.parametrize(
    ("url", "origin", "prefix"),
    [
        ("https://git.example.com", "https://git.example.com", "/api/v1"),
        ("https://git.example.com/", "https://git.example.com", "/api/v1"),
        ("https://GIT.example.com:443/gitea/", "https://git.example.com", "/gitea/api/v1"),
        ("http://127.0.0.1:3000/a/b", "http://127.0.0.1:3000", "/a/b/api/v1"),
        ("http://[::1]:3000", "http://[::1]:3000", "/api/v1"),
        ("http://gitea", "http://gitea", "/api/v1"),
    ],
)
def test_a_base_url_gives_origin_and_prefix(url: str, origin: str, prefix: str) -> None:
    """A Gitea below a sub-path is as common as one of its own."""
    base = wire_base(url)
    assert (origin, prefix) == (origin_of(base), base.prefix)


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("", "http"),
        ("git.example.com", "http"),
        ("ftp://git.example.com", "http"),
        ("https://user:hunter2@git.example.com", "user or password"),
        ("https://git.example.com?x", "query"),
        ("https://git.example.com#x", "query"),
        ("https://", "host"),
        ("https://a b", "host"),
        ("https://exämple.com", "host"),
        ("https://git.example.com:99999", "not a URL"),
        ("https://git.example.com:x", "not a URL"),
        ("https://git.example.com/../x", "sub-path"),
        ("https://git.example.com/a//b", "sub-path"),
        ("https://git.example.com/%2e%2e", "sub-path"),
        ("https://git.example.com/api/v1", "without"),
    ],
)
def test_a_base_url_that_means_something_else_is_refused(url: str, match: str) -> None:
    """Start-up must say it, not the first call; the message never repeats a password."""
    with pytest.raises(ValueError, match=match) as refusal:
        GiteaSettings(url=url)

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("connections", [0, 513])
def test_the_number_of_connections_is_bounded(connections: int) -> None:
    """None at all would hang every call; too many would drown Gitea."""
    with pytest.raises(ValueError, match="max_connections"):
        GiteaSettings(url="http://gitea", max_connections=connections)
