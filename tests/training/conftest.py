"""Training calls libraries whose warnings are not about us."""

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "training":
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning:diffusers"))
            item.add_marker(pytest.mark.filterwarnings("ignore::FutureWarning:diffusers"))
