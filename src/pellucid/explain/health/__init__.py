"""Health: dead and saturated units, vanishing and exploding signals, and what else keeps a network ill."""

from __future__ import annotations

from pellucid.explain.health.check import check_health
from pellucid.explain.health.report import Calibration, Finding, LayerHealth, Report, Thresholds

__all__ = ["Calibration", "Finding", "LayerHealth", "Report", "Thresholds", "check_health"]
