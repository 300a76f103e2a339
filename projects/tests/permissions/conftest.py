"""What the tests of permissions share."""

import pytest

from projects.tests.permissions.worlds import make_llm


@pytest.fixture
def llm(db):
    return make_llm()
