"""Answers are kept by identity: the same values are asked once, equal ones of another identity again."""

from __future__ import annotations

from dataclasses import dataclass

from fleetline.physics.remembered import remembered


@dataclass(frozen=True)
class Value:
    number: float


def test_the_same_values_are_asked_once_and_others_again() -> None:
    asked: list[tuple[float, float]] = []

    @remembered
    def product(one: Value, other: Value) -> float:
        asked.append((one.number, other.number))
        return one.number * other.number

    two, three = Value(2.0), Value(3.0)
    assert [product(two, three), product(two, three), product(three, two)] == [6.0, 6.0, 6.0]
    assert asked == [(2.0, 3.0), (3.0, 2.0)]
    assert product(Value(2.0), three) == 6.0
    assert len(asked) == 3


def test_a_value_that_is_gone_is_not_taken_for_its_successor() -> None:
    @remembered
    def number(value: Value) -> float:
        return value.number

    # a freed object's identity is given to the next one: only what is still held may be told apart by it
    assert [number(Value(float(each))) for each in range(1000)] == [float(each) for each in range(1000)]
