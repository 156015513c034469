"""The exact set of the make targets: what is declared, what is pinned, what is installed."""

import pin
import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version


def test_every_declared_range_admits_the_pinned_version():
    pins = pin.read_pins()
    for requirement in pin.declared("gpu", "text", "upscale", "fleet", "dev"):
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} does not admit {version}"


def test_the_pinned_torch_is_the_tested_one():
    assert pin.read_pins()["torch"] == Version("2.13.0")


def test_what_the_core_needs_is_installed_as_pinned():
    here, pins = pin.installed_closure(pin.declared()), pin.read_pins()
    assert here == {name: pins[name] for name in here}


@pytest.mark.torch
def test_the_pins_are_exactly_what_the_make_targets_install():
    assert (
        pin.installed_closure(pin.declared("gpu", "text", "upscale", "fleet", "dev"))
        == pin.read_pins()
    )
