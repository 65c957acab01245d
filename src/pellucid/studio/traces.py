"""Passes through a model: one for each image and set of edits, the latest of them kept in memory."""

from __future__ import annotations

import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from pellucid.engines.engine import Array
from pellucid.explain import Differentiation, WhatIf, differentiate
from pellucid.explain.evidence import Evidence
from pellucid.graph import Graph
from pellucid.studio.edits import computed_name, edit_key, edited, rebuilt
from pellucid.studio.messages import Edit, TargetWish
from pellucid.studio.refusals import NOT_FOUND, UNUSABLE, RefusedError
from pellucid.studio.workspace import OpenModel, Workspace

REMEMBERED = 4096
"""Passes that can be asked for again by their id: those not in memory are computed anew."""

ALL_GRADIENTS = 1 << 22
"""Numbers of parameters that are differentiated by all at once: 16 MB."""

TargetKey = tuple[int | None, bool]


@dataclass(eq=False)
class Pass:
    """What one image made of a model.

    Attributes:
        id: that the page names it by.
        owner: the model.
        image: id of the image.
        edits: that were made to it.
        evidence: activations and parameters, with the edits in place.
        milliseconds: that the engine took.
        changes: what the edits changed, where there are any.
        backward: passes back, by target.
        built: the network with the edits built in, once a pass back has needed it.
    """

    id: str
    owner: OpenModel
    image: str
    edits: tuple[Edit, ...]
    evidence: Evidence
    milliseconds: float
    changes: WhatIf | None = None
    backward: dict[TargetKey, Differentiation] = field(default_factory=dict)
    built: Evidence | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        gradients = sum(
            array.nbytes
            for passed in list(self.backward.values())
            for array in (*passed.gradients.nodes.values(), *passed.gradients.parameters.values())
        )
        held = [self.evidence.activations]
        if self.built is not None:
            held += [self.built.activations, self.built.parameters, self.built.parameters]
        return sum(array.nbytes for arrays in held for array in arrays.values()) + gradients

    def activation(self, node: str) -> Array:
        """A node's output without the batch."""
        array: Array = self.evidence.activation(node)[0]
        return array

    def differentiation(self, wish: TargetWish, parameter: str | None = None) -> Differentiation:
        """The pass back for a target, through the edits; kept for the latest target only.

        Args:
            wish: the target.
            parameter: whose gradient is wanted; of a large network no other parameter's is kept.
        """
        number, loss = wish.get("number"), wish.get("loss", False)
        with self.lock:
            found = self.backward.get((number, loss))
            if found is None or not (parameter is None or parameter in found.gradients.parameters):
                read = self._network()
                asked = None if _size(read.graph) <= ALL_GRADIENTS else [parameter] if parameter else []
                found = _differentiate(read, number, loss=loss, parameters=asked)
                self.backward = {(number, loss): found}
        return found

    def network(self) -> Evidence:
        """The network of which passes back are taken: the model, or one with the edits built in."""
        with self.lock:
            return self._network()

    def _network(self) -> Evidence:
        if not self.edits:
            return self.evidence
        if self.built is None:
            self.built = rebuilt(self.evidence, self.edits, self.owner.input(self.image))
        return self.built

    def parameter(self, name: str | None) -> str | None:
        """What a parameter is called in that network."""
        return None if name is None else computed_name(name, self.edits)


def _differentiate(
    evidence: Evidence, number: int | None, *, loss: bool, parameters: Sequence[str] | None
) -> Differentiation:
    if not loss:
        return differentiate(evidence.model, evidence, target=number, parameters=parameters)
    if number is None:
        raise RefusedError(UNUSABLE, "the loss needs the class that is right: give its number")
    return differentiate(evidence.model, evidence, np.array([number]), parameters=parameters)


def _size(graph: Graph) -> int:
    """Numbers in all its parameters."""
    return sum(math.prod(spec.shape) for spec in graph.parameters.values())


@dataclass(frozen=True, eq=False)
class _Wish:
    """All that a pass follows from, and the lock of whoever computes it."""

    id: str
    model: str
    revision: int
    image: str
    edits: tuple[Edit, ...]
    lock: threading.Lock = field(default_factory=threading.Lock)


class Passes:
    """The passes that were made, by id.

    Args:
        workspace: whose models and images they are of.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._held: OrderedDict[str, Pass] = OrderedDict()
        self._wishes: OrderedDict[str, _Wish] = OrderedDict()
        self._ids: dict[tuple[str, int, str, str], str] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def of(self, model: str, image: str, edits: Sequence[Edit] = ()) -> Pass:
        """The pass of an image through a model, with these edits."""
        owner = self._workspace.model(model)
        owner.picture(image)
        return self._computed(self._wish(owner, image, tuple(edits)))

    def get(self, identity: str) -> Pass:
        """The pass of this id; computed anew where it has left the memory."""
        with self._lock:
            wish = self._wishes.get(identity)
        if wish is None:
            raise RefusedError(NOT_FOUND, f"no pass {identity!r} is known here: ask for the overview first")
        return self._computed(wish)

    def trim(self) -> None:
        """Let those go that were not asked for longest, until the rest fits."""
        limits = self._workspace.limits
        with self._lock:
            sizes = {identity: held.nbytes for identity, held in self._held.items()}
            total = sum(sizes.values())
            while len(self._held) > 1 and (total > limits.trace_bytes or len(self._held) > limits.traces):
                identity, _ = self._held.popitem(last=False)
                total -= sizes[identity]

    def forget(self, model: str) -> None:
        """Let all passes of a model go."""
        with self._lock:
            for identity in [key for key, held in self._held.items() if held.owner.id == model]:
                del self._held[identity]

    def _wish(self, owner: OpenModel, image: str, edits: tuple[Edit, ...]) -> _Wish:
        key = owner.id, owner.revision, image, edit_key(edits)
        with self._lock:
            if key in self._ids:
                self._wishes.move_to_end(self._ids[key])
                return self._wishes[self._ids[key]]
            wish = _Wish(f"t{next(self._numbers)}", owner.id, owner.revision, image, edits)
            self._ids[key], self._wishes[wish.id] = wish.id, wish
            if len(self._wishes) > REMEMBERED:
                _, old = self._wishes.popitem(last=False)
                del self._ids[old.model, old.revision, old.image, edit_key(old.edits)]
            return wish

    def _computed(self, wish: _Wish) -> Pass:
        with wish.lock:  # two who ask for the same wait for one pass
            with self._lock:
                held = self._held.get(wish.id)
                if held is not None:
                    self._held.move_to_end(wish.id)
                    return held
            made = self._make(wish)
            with self._lock:
                self._held[wish.id] = made
        self.trim()
        return made

    def _make(self, wish: _Wish) -> Pass:
        owner = self._workspace.model(wish.model)
        if owner.revision != wish.revision:
            raise RefusedError(NOT_FOUND, f"{owner.model.name} has been trained since: ask again")
        started = perf_counter()
        if not wish.edits:
            evidence, changes = owner.evidence(wish.image), None
        else:
            evidence, changes = edited(self.of(wish.model, wish.image).evidence, wish.edits)
        spent = 1000 * (perf_counter() - started)
        return Pass(wish.id, owner, wish.image, wish.edits, evidence, spent, changes)
