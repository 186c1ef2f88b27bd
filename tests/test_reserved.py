"""The frozen list of module attributes is what the installed PyTorch has."""

from __future__ import annotations

import pytest

from getspec.reserved import MODULE_ATTRIBUTES


@pytest.mark.torch
def test_module_attributes_are_those_of_torch() -> None:
    from torch import nn

    known = {name for name in dir(nn.Module()) if not name.startswith("__")}
    assert known - MODULE_ATTRIBUTES == set(), "assigning one of these would break a module"
    assert MODULE_ATTRIBUTES - known == set(), "these can be used as names"


@pytest.mark.torch
@pytest.mark.parametrize("name", sorted(MODULE_ATTRIBUTES))
def test_every_one_of_them_is_an_attribute(name: str) -> None:
    from torch import nn

    assert hasattr(nn.Module(), name)
