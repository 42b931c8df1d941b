"""Media types never contradict the bytes, and name nothing that would run."""

from __future__ import annotations

import pytest

from aegis_trio.toolsets.resources.media_types import bytes_type, text_type


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("README.md", "text/markdown"),
        ("notes.MARKDOWN", "text/markdown"),
        ("package.json", "application/json"),
        ("table.csv", "text/csv"),
        ("planner.py", "text/x-python"),
        ("Makefile", "text/plain"),
        ("main.rs", "text/plain"),
        ("map.png", "text/plain"),
        ("x.tar.gz", "text/plain"),
        ("", "text/plain"),
        (".", "text/plain"),
        ("data:text/html,x", "text/plain"),
    ],
)
def test_text_is_called_text(name: str, expected: str) -> None:
    """A text that ends like an image is a text all the same."""
    assert expected == text_type(name)


@pytest.mark.parametrize("name", ["index.html", "a.xhtml", "logo.svg", "app.js", "feed.xml", "a.htm", "x.mjs"])
def test_what_would_run_is_called_plain_text(name: str) -> None:
    """An application that renders what it is given would run a stranger's page as its own."""
    assert "text/plain" == text_type(name)
    assert "application/octet-stream" == bytes_type(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("map.png", "image/png"),
        ("map.PNG", "image/png"),
        ("photo.webp", "image/webp"),
        ("chime.mp3", "audio/mpeg"),
        ("paper.pdf", "application/pdf"),
        ("font.woff2", "font/woff2"),
        ("x.tar.gz", "application/gzip"),
        ("x.bz2", "application/octet-stream"),
        ("x.exe", "application/octet-stream"),
        ("utf16.txt", "application/octet-stream"),
        ("utf16.md", "application/octet-stream"),
        ("nothing", "application/octet-stream"),
    ],
)
def test_bytes_are_called_what_they_end_like_or_bytes(name: str, expected: str) -> None:
    """What is no text in UTF-8 is not called text, whatever its name says."""
    assert expected == bytes_type(name)
