"""What server and page say to each other: every JSON message, typed once.

`studio/typescript.py` writes the same types for the page, and a test holds its copy to these. Names are those
of the library. Arrays are nested lists only where a person reads them; maps travel as bytes, see Atlas.
"""

from __future__ import annotations

from pellucid.studio.messages.arithmetic import Arithmetic, Curve, Partial, Proof, Term, Update, UpdateRow
from pellucid.studio.messages.export import Embedded
from pellucid.studio.messages.maps import Atlas, Class, MapRange, NodeMaps, Values, What
from pellucid.studio.messages.models import Axis, ImageInfo, Kind, ModelInfo, NodeInfo, ParameterInfo, State
from pellucid.studio.messages.notebook import Asking, Cell, Epoch, Run, Telling
from pellucid.studio.messages.questions import (
    Changed,
    Edit,
    FieldBox,
    Health,
    HealthFinding,
    Heat,
    Mistake,
    Mistakes,
    Problem,
    Sandbox,
    SandboxWish,
    TargetWish,
    TopPatch,
    WhatIf,
)
from pellucid.studio.messages.training import TrainState, TrainWish

__all__ = [
    "Arithmetic",
    "Asking",
    "Atlas",
    "Axis",
    "Cell",
    "Changed",
    "Class",
    "Curve",
    "Edit",
    "Embedded",
    "Epoch",
    "FieldBox",
    "Health",
    "HealthFinding",
    "Heat",
    "ImageInfo",
    "Kind",
    "MapRange",
    "Mistake",
    "Mistakes",
    "ModelInfo",
    "NodeInfo",
    "NodeMaps",
    "ParameterInfo",
    "Partial",
    "Problem",
    "Proof",
    "Run",
    "Sandbox",
    "SandboxWish",
    "State",
    "TargetWish",
    "Telling",
    "Term",
    "TopPatch",
    "TrainState",
    "TrainWish",
    "Update",
    "UpdateRow",
    "Values",
    "What",
    "WhatIf",
]
