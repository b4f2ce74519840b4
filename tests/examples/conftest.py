"""Programs are compiled once for each process of the tests."""

from __future__ import annotations

import pytest

from programs import Runner


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(tmp_path_factory.mktemp("examples"))
