"""Arithmetic on arrays, recorded once and repeated: the same calls of NumPy in the same order, without what led to them.

The physics is written for people: many small functions on frozen values, each a few operations on arrays. Of a million
points asked for in chunks it would be gone through once a chunk, and what does not depend on the points be computed anew
each time. Here it is gone through once, with a `Traced` in the place of every array, and what that meets is noted down: a
line for each different operation, none for what nobody asks for. A chunk is then answered by running the lines over a few
buffers that stay in the processor's cache. The results are those of the functions themselves: the operations are the same.

What depends on the points other than by arithmetic (a branch, a search) cannot be recorded, and says so: `UnrecordedError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

AnyArray = npt.NDArray[Any]


class UnrecordedError(TypeError):
    """What is asked cannot be recorded."""


@dataclass(frozen=True)
class _Line:
    """One operation: a function of NumPy, and its operands by place on the tape or as they are."""

    operation: Callable[..., Any]
    operands: tuple[tuple[bool, Any], ...]  # (whether on the tape, place or value)
    dtype: np.dtype[Any]


@dataclass
class _Tape:
    """The arrays given, then a line for each different operation; `known` finds the lines that are there already."""

    shape: tuple[int, ...]
    given: int = 0
    lines: list[_Line | None] = field(default_factory=list)
    known: dict[Any, Traced] = field(default_factory=dict)

    def leaf(self, sample: AnyArray) -> Traced:
        """One of the arrays given; all of them come before the first operation."""
        self.given += 1
        self.lines.append(None)
        return Traced(self, len(self.lines) - 1, sample)

    def line(self, place: int) -> _Line:
        """The operation that makes what stands at a place."""
        found = self.lines[place]
        if found is None:
            raise IndexError(f"{place} was given")
        return found

    def dtype_of(self, place: int) -> np.dtype[Any]:
        """The type of what stands at a place."""
        return np.dtype(float) if place < self.given else self.line(place).dtype

    def note(self, operation: Callable[..., Any], *operands: Any) -> Any:
        """The result of an operation: noted down, or found to be one that was before."""
        same = _unchanged(operation, operands)
        if same is not None:
            return same
        key = (operation, *map(_key, operands))
        found = self.known.get(key)
        if found is None:
            sample = np.asarray(operation(*(each.sample if isinstance(each, Traced) else each for each in operands)))
            self.lines.append(_Line(operation, tuple(map(_operand, operands)), sample.dtype))
            found = self.known[key] = Traced(self, len(self.lines) - 1, sample)
        return found


def _key(operand: Any) -> Any:
    return operand.place if isinstance(operand, Traced) else (type(operand), np.asarray(operand).tobytes())


def _operand(value: Any) -> tuple[bool, Any]:
    if isinstance(value, Traced):
        return True, value.place
    if np.ndim(value):
        raise UnrecordedError("an array that was not given")
    return False, value


def _unchanged(operation: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """The operand that an operation leaves as it is (x * 1, x / 1, x + 0, x - 0), None of any other."""
    if operation in _TRUTH:
        return _truth(operation, *operands)
    neutral = _NEUTRAL.get(operation)
    if neutral is None:
        return None
    first, second = operands
    for one, other in ((first, second), (second, first)) if operation in {np.multiply, np.add} else ((first, second),):
        alone = isinstance(one, Traced) and one.dtype == np.float64 and not isinstance(other, Traced)
        if alone and np.ndim(other) == 0 and other == neutral:
            return one
    return None


def _truth(operation: Callable[..., Any], first: Any, second: Any) -> Any:
    """What `and` and `or` of a truth value and one that is known come to, None where neither is known."""
    for known, other in ((first, second), (second, first)):
        if isinstance(known, bool | np.bool_) and isinstance(other, Traced) and other.dtype == bool:
            return other if bool(known) == _TRUTH[operation] else np.bool_(known)
    return None


# With what truth value an operation leaves the other as it is.
_TRUTH: Mapping[Any, bool] = {
    np.logical_and: True,
    np.bitwise_and: True,
    np.logical_or: False,
    np.bitwise_or: False,
}
_NEUTRAL: Mapping[Any, float] = {np.multiply: 1.0, np.divide: 1.0, np.add: 0.0, np.subtract: 0.0}


class Traced(NDArrayOperatorsMixin):
    """Stands for an array while what is done with it is noted down; `sample` is its first element."""

    __hash__ = object.__hash__

    def __init__(self, tape: _Tape, place: int, sample: AnyArray) -> None:
        self.tape, self.place, self.sample = tape, place, sample

    shape = property(lambda self: self.tape.shape)
    ndim = property(lambda self: len(self.tape.shape))
    dtype = property(lambda self: self.sample.dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
        """Any of NumPy's and SciPy's functions of single elements."""
        if method != "__call__" or options or ufunc.nout != 1:
            raise UnrecordedError(f"{ufunc.__name__} in another form than a plain call")
        return self.tape.note(ufunc, *operands)

    def __array_function__(self, function: Any, _types: Any, given: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """What else the physics asks of an array."""
        if function not in _FUNCTIONS or options:
            raise UnrecordedError(f"{function.__name__} of arrays")
        return _FUNCTIONS[function](*given)

    def __getitem__(self, key: Any) -> Traced:
        """Only what makes a number of an array without axes."""
        if key != ():
            raise UnrecordedError("single elements")
        return self

    def _no_value(self, *_given: Any, **_options: Any) -> Any:
        raise UnrecordedError("the values themselves, where only arithmetic is recorded")

    __bool__ = __float__ = __int__ = __index__ = __len__ = __iter__ = __array__ = _no_value


def _where(condition: Any, yes: Any, no: Any) -> Any:
    """`numpy.where`; where nothing depends on the points but the choice, that is noted, else the branch taken for all."""
    if not isinstance(condition, Traced):
        if np.ndim(condition):
            raise UnrecordedError("a choice by an array that was not given")
        return yes if condition else no
    return condition.tape.note(np.where, condition, yes, no)


def _clip(value: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(value, low), high)


_FUNCTIONS: Mapping[Any, Callable[..., Any]] = {
    np.where: _where,
    np.clip: _clip,
    np.shape: lambda value: value.shape,
    np.ndim: lambda value: value.ndim,
    np.isposinf: lambda value: np.equal(value, np.inf),
    # whether known to be equal: asked only where an answer that is known already need not be found again
    np.array_equal: lambda one, other: one is other,
}


@dataclass(frozen=True)
class _Step:
    """A line with slots in the place of the tape's: the arrays given, then the results, then buffers."""

    operation: Callable[..., Any]
    operands: tuple[tuple[bool, Any], ...]  # (whether in a slot, slot or value)
    out: int


class Program:
    """What leads from the arrays given to the results `wanted`, to be done again with others of whatever size."""

    def __init__(self, tape: _Tape, wanted: Sequence[int]) -> None:
        self._given, self.dtypes = tape.given, [tape.dtype_of(place) for place in wanted]
        self._slots = {place: place for place in range(tape.given)}
        self._copies: list[tuple[int, int]] = []
        for slot, place in enumerate(wanted, start=tape.given):
            if place in self._slots:
                self._copies.append((self._slots[place], slot))
            else:
                self._slots[place] = slot
        self._buffers: list[np.dtype[Any]] = []
        self._steps = self._assigned(tape, _needed(tape, wanted))

    def _assigned(self, tape: _Tape, needed: Sequence[int]) -> list[_Step]:
        """The lines in order, each to a slot that nothing later reads: as few buffers as are alive at once."""
        last = {place: line for line in needed for place in _places(tape, line)}
        first_buffer, free = tape.given + len(self.dtypes), list[int]()
        steps = []
        for line_number in needed:
            line = tape.line(line_number)
            operands = tuple((stored, self._slots[value] if stored else value) for stored, value in line.operands)
            done = {self._slots[place] for place in _places(tape, line_number) if last[place] == line_number}
            free += sorted(slot for slot in done if slot >= first_buffer)
            if line_number not in self._slots:
                self._slots[line_number] = self._free(free, line.dtype, first_buffer)
            steps.append(_Step(line.operation, operands, self._slots[line_number]))
        return steps

    def _free(self, free: list[int], dtype: np.dtype[Any], first_buffer: int) -> int:
        """A buffer of the type that is free, or a new one."""
        for place in range(len(free) - 1, -1, -1):
            if self._buffers[free[place] - first_buffer] == dtype:
                return free.pop(place)
        self._buffers.append(dtype)
        return first_buffer + len(self._buffers) - 1

    def run(self, given: Sequence[AnyArray], results: Sequence[AnyArray]) -> None:
        """Fill `results` from the arrays given, all of one shape."""
        size = np.shape(results[0] if results else given[0])
        slots: list[Any] = [*given, *results, *(np.empty(size, dtype) for dtype in self._buffers)]
        last_result = self._given + len(results)
        for step in self._steps:
            operands = [slots[value] if stored else value for stored, value in step.operands]
            if step.operation is not np.where:
                step.operation(*operands, out=slots[step.out])
            elif step.out < last_result:
                slots[step.out][...] = np.where(*operands)
            else:
                slots[step.out] = np.where(*operands)  # which takes no buffer
        for source, out in self._copies:
            slots[out][...] = slots[source]


def _places(tape: _Tape, line: int) -> list[int]:
    return [value for stored, value in tape.line(line).operands if stored]


def _needed(tape: _Tape, wanted: Sequence[int]) -> list[int]:
    """The lines that lead to what is wanted, in order."""
    needed, todo = set[int](), [place for place in wanted if place >= tape.given]
    while todo:
        line = todo.pop()
        if line not in needed:
            needed.add(line)
            todo += [place for place in _places(tape, line) if place >= tape.given]
    return sorted(needed)


class Recorded:
    """A function of frozen values with arrays in them, which is gone through the first time it is asked and then replayed.

    Asked again it must be of the same values but for what stands in their arrays, as the chunks of one question are. Its
    answer is a frozen value too; what of it no array leads to is a number.

    Raises:
        UnrecordedError: more than arithmetic is done with the arrays.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._known: tuple[Any, Program] | None = None

    def __call__(self, *given: Any) -> Any:
        """What the function answers."""
        arrays = arrays_of(given)
        answer, program = self.recorded(given)
        shape = np.broadcast_shapes(*(each.shape for each in arrays))
        results = [np.empty(shape, dtype) for dtype in program.dtypes]
        program.run(arrays, results)
        return filled(answer, results)

    def recorded(self, given: tuple[Any, ...]) -> tuple[Any, Program]:
        """The answer with a `Result` for each array in it, and the program that makes them."""
        if self._known is None:
            tape = _Tape(np.broadcast_shapes(*(each.shape for each in arrays_of(given))))
            with np.errstate(all="ignore"):  # of the samples; the program itself is as strict as ever
                answer = self._function(*mapped(lambda each: tape.leaf(each.ravel()[:1]), given))
            wanted: list[int] = []
            self._known = _collected(answer, wanted), Program(tape, wanted)
        return self._known


class Recorder:
    """Asks functions by recordings of them, or directly those that cannot be recorded.

    Each is asked of the same values every time but for what stands in their arrays, and for plain numbers: one recording is
    made for each of those.
    """

    def __init__(self) -> None:
        self._known: dict[Any, Callable[..., Any]] = {}

    def __call__(self, function: Callable[..., Any], *given: Any) -> Any:
        """What the function answers."""
        key = (function, *map(_sort, given))
        if key not in self._known:
            if not arrays_of(given) or _traced(given):  # within another recording it is part of that one
                return function(*given)
            recorded = Recorded(function)
            try:
                recorded.recorded(given)
            except UnrecordedError:
                self._known[key] = function
            else:
                self._known[key] = recorded
        return self._known[key](*given)


def _traced(value: Any) -> bool:
    """Whether a recording of something in it is going on."""
    found: list[Traced] = []

    def look(each: Any) -> Any:
        if isinstance(each, Traced):
            found.append(each)
        return rebuilt(each, look)

    look(value)
    return bool(found)


def _sort(value: Any) -> Any:
    """What one recording has to be of: the number itself, or the kind of value."""
    if isinstance(value, float | int):
        return value
    return type(value), value.ndim if isinstance(value, np.ndarray) else 0


def directly(function: Callable[..., Any], *given: Any) -> Any:
    """What the function answers: the same without a recording."""
    return function(*given)


@dataclass(frozen=True)
class Result:
    """Stands in an answer for one of a program's results."""

    number: int


def _one_of(value: AnyArray) -> Any:
    """The number that stands everywhere in an array which no given one leads to: it may be of any length.

    Raises:
        UnrecordedError: several do, so that it belongs to these points alone.
    """
    first = value.reshape(-1)[0]
    if not np.all(value == first):
        raise UnrecordedError("an array that was not given")
    return first


def _collected(value: Any, wanted: list[int]) -> Any:
    if isinstance(value, Traced):
        wanted.append(value.place)
        return Result(len(wanted) - 1)
    if isinstance(value, np.ndarray) and value.ndim:
        return _one_of(value)
    return rebuilt(value, lambda each: _collected(each, wanted))


def filled(answer: Any, results: Sequence[AnyArray]) -> Any:
    """The answer with arrays in the place of each `Result`."""
    if isinstance(answer, Result):
        return results[answer.number]
    return rebuilt(answer, lambda each: filled(each, results))


def arrays_of(value: Any) -> list[AnyArray]:
    """Every array in a value, in the order in which `mapped` meets them."""
    found: list[AnyArray] = []

    def seen(each: AnyArray) -> AnyArray:
        found.append(each)
        return each

    mapped(seen, value)
    return found


def mapped(change: Callable[[AnyArray], Any], value: Any) -> Any:
    """The same value with every array in it changed: in fields of frozen dataclasses, tuples and mappings, however deep."""
    if isinstance(value, np.ndarray):
        return change(value) if value.ndim else value
    return rebuilt(value, lambda each: mapped(change, each))


def rebuilt(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same value with everything in it changed: fields of frozen dataclasses, members of tuples and dictionaries."""
    if isinstance(value, tuple):
        return tuple(change(each) for each in value)
    if isinstance(value, dict):
        return {key: change(each) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        old = {item.name: getattr(value, item.name) for item in fields(value)}
        new = {name: changed for name, each in old.items() if (changed := change(each)) is not each}
        return replace(value, **new) if new else value
    return value
