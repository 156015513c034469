"""A plan as JSON and back, exactly: files, ledger and bug reports carry plans in this form."""

from collections.abc import Mapping
from typing import Any

from reelkiln.errors import UsageError
from reelkiln.plan.form import read, write
from reelkiln.plan.plan import Plan

__all__ = ["FORMAT", "plan_from_json", "plan_to_json"]

FORMAT = 1
"""The version of this form. A field that changes its meaning raises it; a reader refuses others."""


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The plan's fields as values that JSON knows; fractions and sizes as text ("8", "512x512")."""
    return {"format": FORMAT, **write(plan)}


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """The plan that `plan_to_json` wrote, equal in every field.

    Raises:
        UsageError: the data is not a plan of this format; the message names the field.
    """
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, Mapping) else data
        raise UsageError(
            f"not a plan of format {FORMAT}, which this version reads: {found!r:.60}",
            hint="Render again from the prompt, which makes a new plan.",
        )
    plan: Plan = read(Plan, {key: data[key] for key in data if key != "format"}, "plan")
    return plan
