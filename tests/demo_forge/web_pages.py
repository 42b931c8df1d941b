"""Web pages as the recordings tell of them: title, forms with the names of their fields, and messages."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any, Final, final

_FIELDS: Final = frozenset({"input", "button", "textarea", "select"})


@final
class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.forms: list[dict[str, Any]] = []
        self.flash: list[str] = []
        self.csrf = ""
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fields = dict(attrs)
        if tag == "title":
            self._inside = "title"
        elif "flash-message" in (fields.get("class") or ""):
            self._inside = "flash"
            self.flash.append("")
        elif tag == "form" and fields.get("action"):  # Gitea draws boxes with forms that send nothing
            self.forms.append({"action": fields.get("action"), "method": fields.get("method"), "fields": []})
        elif tag in _FIELDS and fields.get("name") and self.forms:
            self.forms[-1]["fields"].append(fields["name"])
        if fields.get("name") == "_csrf":
            self.csrf = fields.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data
        elif self._inside == "flash":
            self.flash[-1] += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag in {"title", "div"}:
            self._inside = ""


def _read(body: bytes) -> _Reader:
    reader = _Reader()
    reader.feed(body.decode("utf-8", "replace"))
    return reader


def outline_of(body: bytes) -> dict[str, Any]:
    """Return title, forms and messages of a page."""
    reader = _read(body)
    return {"title": reader.title, "forms": reader.forms, "flash": [text for text in reader.flash if text]}


def csrf_of(body: bytes) -> str:
    """Return the word that the page's forms carry, or nothing."""
    return _read(body).csrf
