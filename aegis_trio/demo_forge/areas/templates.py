"""Templates and texts: names of templates that Gitea brings along, and Markdown rendered.

Laws:
    1. Names are the recorded ones; the texts behind them are not known here, and are answered 501.
    2. Only plain paragraphs, headings and emphasis are rendered; everything else is answered 501.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Final

from aegis_trio.demo_forge.answers import Answer, Refusal, json_answer, not_proven, text_answer, unknown_path
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.router import Route
from aegis_trio.model.json import JsonValue

_LABELS: Final = (
    ("bug", "ee0701", "Something is not working"),
    ("duplicate", "cccccc", "This issue or pull request already exists"),
    ("enhancement", "84b6eb", "New feature"),
    ("help wanted", "128a0c", "Need some help"),
    ("invalid", "e6e6e6", "Something is wrong"),
    ("question", "cc317c", "More information is needed"),
    ("wontfix", "ffffff", "This won't be fixed"),
)
_ALLOWED: Final = (
    ".avif,.cpuprofile,.csv,.dmp,.docx,.fodg,.fodp,.fods,.fodt,.gif,.gz,.jpeg,.jpg,.json,.jsonc,.log,.md,.mov,.mp4,"
    ".odf,.odg,.odp,.ods,.odt,.patch,.pdf,.png,.pptx,.svg,.tgz,.txt,.webm,.webp,.xls,.xlsx,.zip"
)
_UNPROVEN: Final = re.compile(r"[<>\[\]`@|~$&]|#\d|https?:|^\s*([-+]|\d+\.|=+|#{2,})|^ {4}|^#[^ ]", re.MULTILINE)
_EMPHASIS: Final = re.compile(r"\*([^*\s][^*]*)\*")


@cache
def _names(kind: str) -> tuple[str, ...]:
    lines = files("aegis_trio.demo_forge").joinpath("gitea_templates.txt").read_text("utf-8").splitlines()
    return tuple(line.removeprefix(f"{kind} ") for line in lines if line.startswith(f"{kind} "))


def list_gitignores(_call: Call, /) -> Answer:
    """List the names of templates for what git leaves out."""
    return json_answer(list[JsonValue](_names("gitignore")))


def get_gitignore(call: Call) -> Answer:
    """Refuse the text of a template, of which the forge knows the name alone."""
    raise _unknown_text(call, "gitignore", "/gitignore/templates/{name}")


def list_licenses(call: Call) -> Answer:
    """List the names of licenses."""
    shown: list[JsonValue] = [
        {"key": name, "name": name, "url": f"{call.root}api/v1/licenses/{name}"} for name in _names("license")
    ]
    return json_answer(shown)


def get_license(call: Call) -> Answer:
    """Refuse the text of a license, of which the forge knows the name alone."""
    raise _unknown_text(call, "license", "/licenses/{name}")


def _unknown_text(call: Call, kind: str, template: str) -> Refusal:
    return Refusal(not_proven("GET", template)) if call.params["name"] in _names(kind) else call.missing()


def list_label_templates(_call: Call, /) -> Answer:
    """List the names of sets of labels."""
    return json_answer(["Advanced", "Default"])


def get_label_template(call: Call) -> Answer:
    """Show the usual set of labels."""
    name = call.params["name"]
    if name == "Advanced":
        raise Refusal(not_proven("GET", "/label/templates/Advanced"))
    if name != "Default":
        raise call.missing()
    shown: list[JsonValue] = [
        {"name": label, "exclusive": False, "color": color, "description": words} for label, color, words in _LABELS
    ]
    return json_answer(shown)


def get_attachment_settings(_call: Call, /) -> Answer:
    """Tell what may be attached to issues."""
    return json_answer({"enabled": True, "allowed_types": _ALLOWED, "max_size": 2048, "max_files": 5})


def get_signing_key(call: Call) -> Answer:
    """Show the key that signs commits made by the forge; there is none."""
    raise call.missing("no signing key")


def get_node(_call: Call, /) -> Answer:
    """Answer as a forge whose federation is off: the route does not exist at all."""
    raise Refusal(unknown_path())


def render_document(call: Call) -> Answer:
    """Render the text of a JSON document."""
    try:
        document: JsonValue = json.loads(call.request.body or b"{}")
    except ValueError:
        document = {}
    text = document.get("Text") if isinstance(document, dict) else None
    return _rendered(text if isinstance(text, str) else "")


def render_raw(call: Call) -> Answer:
    """Render the body as it is."""
    return _rendered(call.request.body.decode("utf-8", "replace"))


def _rendered(text: str) -> Answer:
    if _UNPROVEN.search(text):
        raise Refusal(not_proven("POST", "/markdown of more than paragraphs, headings and emphasis"))
    blocks = (block.strip() for block in re.split(r"\n\s*\n", text) if block.strip())
    return text_answer(200, "".join(_block(block) for block in blocks), content_type="text/html; charset=utf-8")


def _block(text: str) -> str:
    words = _EMPHASIS.sub(r"<em>\1</em>", html.escape(text.removeprefix("# "), quote=False))
    if not text.startswith("# "):
        return f'<p dir="auto">{words}</p>\n'
    name = re.sub(r"[^\w-]", "", text.removeprefix("# ").lower().replace(" ", "-"))
    return f'<h1 id="user-content-{name}" dir="auto">{words}</h1>\n'


_TABLE: Final[tuple[tuple[str, str, Callable[[Call], Answer]], ...]] = (
    ("GET", "/gitignore/templates", list_gitignores),
    ("GET", "/gitignore/templates/{name}", get_gitignore),
    ("GET", "/licenses", list_licenses),
    ("GET", "/licenses/{name}", get_license),
    ("GET", "/label/templates", list_label_templates),
    ("GET", "/label/templates/{name}", get_label_template),
    ("GET", "/settings/attachment", get_attachment_settings),
    ("GET", "/signing-key.gpg", get_signing_key),
    ("GET", "/signing-key.pub", get_signing_key),
    ("GET", "/nodeinfo", get_node),
    ("POST", "/markdown", render_document),
    ("POST", "/markdown/raw", render_raw),
)

ROUTES: Final = tuple(Route(method=method, template=template, handler=handler) for method, template, handler in _TABLE)
