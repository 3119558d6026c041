"""Serving techniques that change the work: Plan -> Plan, one a file."""

from typing import Protocol

from fleetline.physics.stages import Plan


class Rewrite(Protocol):
    """A technique that changes what is run; the schedule that runs it does not know of it."""

    def apply(self, plan: Plan) -> Plan:
        """The plan with this technique."""
