"""What all tests of signing in need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def nobody_tried_yet(db: None) -> Iterator[None]:
    """No wrong try is counted yet. A test with transactions of its own leaves its counts behind."""
    cache.clear()
    yield
    cache.clear()
