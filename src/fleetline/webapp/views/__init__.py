"""What the page shows: each view one question, whose query is the page's state."""

from __future__ import annotations

from functools import lru_cache

from fleetline.webapp import schemas
from fleetline.webapp.questions import Question
from fleetline.webapp.views import accuracy, deployment, frontier, world
from fleetline.webapp.views.shapes import View
from fleetline.webapp.work import encode

_ALL: tuple[View, ...] = (deployment.VIEW, frontier.VIEW, world.VIEW, accuracy.VIEW)


def _question(view: View) -> Question:
    return Question(
        path=f"views/{view.name}",
        ask=view.ask,
        options=[control.option() for control in view.controls],
        summary=view.summary,
        description=view.ask.__doc__ or "",
        answer=schemas.ViewAnswer,
        costly=view.costly,
        tag="views",
    )


def views() -> list[Question]:
    """Every view as a question."""
    return [_question(view) for view in _ALL]


@lru_cache(maxsize=1)
def controls() -> bytes:
    """The controls of every view, as JSON."""
    return encode(
        [{"view": view.name, "label": view.label, "controls": [each.plain() for each in view.controls]} for view in _ALL]
    )


def warm() -> None:
    """Read what every question needs, before the first."""
    for view in _ALL:
        view.warm()
