"""What tests of the commands share: keys, a clock that stands, and somebody who answers questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aegis_trio.auth.keytext import parse_key
from aegis_trio.cli.main import main
from aegis_trio.config.key_metadata import KeyMetadata, render_key_metadata
from aegis_trio.model.clock import SetClock

KEY = "a1b2c3d4" + "0" * 52 + "e1f2"
OTHER = "0f1e2d3c" + "1" * 52 + "b4a5"
HINT, OTHER_HINT = "a1b2c3d4...e1f2", "0f1e2d3c...b4a5"
NOW_NS = 1_770_000_000_000_000_000  # 2026-02-02T02:40:00Z
DAY_NS = 86_400 * 10**9


def run(*argv: str, now_ns: int = NOW_NS) -> int:
    """Run one command at `NOW_NS`; return its exit code."""
    return main(argv, clock=SetClock(now_ns))


def json_of(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what was printed, as JSON."""
    return json.loads(capsys.readouterr().out)


def kid_of(key: str) -> str:
    """Return the id of *key*."""
    text = parse_key(key)
    assert text is not None
    return text.kid


def known(folder: Path, key: str = KEY, *, expires_days: float | None = 90, **changes: Any) -> Path:
    """Write metadata of *key* that expires so many days after `NOW_NS`; return where."""
    text = parse_key(key)
    assert text is not None
    values: dict[str, Any] = {
        "kid": text.kid,
        "hint": text.hint,
        "created_ns": NOW_NS,
        "expires_ns": None if expires_days is None else NOW_NS + round(expires_days * DAY_NS),
    } | changes
    folder.mkdir(exist_ok=True)
    path = folder / f"{text.kid}.json"
    path.write_bytes(render_key_metadata(KeyMetadata(**values)))
    return path


def answers(monkeypatch: pytest.MonkeyPatch, *raw_answers: str) -> list[str]:
    """Put somebody before the terminal who gives *raw_answers*; return the questions as they come."""
    questions: list[str] = []
    waiting = list(raw_answers)

    def answer(question: str) -> str:
        questions.append(question)
        if not waiting:
            raise EOFError
        return waiting.pop(0)

    for module in ("usage", "keygen"):
        monkeypatch.setattr(f"aegis_trio.cli.{module}.can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", answer)
    return questions
