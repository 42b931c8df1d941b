"""Tests of `oauth` begin on a machine where nothing is set."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with a machine on which nothing is set."""
    for name in ("GITEA_URL", "PUBLIC_URL", "AEGIS_SETUP_TOKEN", "AEGIS_SETUP_PASSWORD", "AEGIS_SETUP_OTP"):
        monkeypatch.delenv(name, raising=False)
