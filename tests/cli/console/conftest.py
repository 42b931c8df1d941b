"""What tests of the console share: a certificate."""

from __future__ import annotations

from tests.web.server.conftest import certificate_files  # noqa: F401 -- a fixture
