"""Serving techniques that change the work: Plan -> Plan, one a file."""

from collections.abc import Mapping
from typing import ClassVar, Protocol

from fleetline.physics.stages import Plan


class Rewrite(Protocol):
    """A technique that changes what is run; the schedule that runs it does not know of it.

    `RANGES` holds the ends of what each field is tried at; the lower changes nothing, the upper may name another field.
    """

    RANGES: ClassVar[Mapping[str, tuple[float, float | str]]]

    def apply(self, plan: Plan) -> Plan:
        """The plan with this technique."""
