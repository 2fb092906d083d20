"""How a result came about: source, calibration, settings and versions, as a part of a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from triptych import __version__
from triptych.errors import InputError
from triptych.formats.content import file_content
from triptych.inference.result import PredictionFolder
from triptych.viewing.page import Section, definitions, folded

SETTINGS_FILE = "settings.yaml"
ENVIRONMENT_FILE = "environment.json"
_LONG = ("source_indices", "names")  # lists of result.json with an entry a frame


def provenance_section(run: Path | None, prediction: PredictionFolder | None) -> Section:
    """Settings and provenance of a run, of a prediction, or of both.

    Args:
        run: folder of the training; None without.
        prediction: None without.

    Raises:
        InputError: a file of the run is not what it should be.
    """
    told = {} if prediction is None else _of_prediction(prediction)
    settings = "" if run is None else _text(run / SETTINGS_FILE)
    environment = {} if run is None else _environment(run / ENVIRONMENT_FILE)
    told |= {f"trained with {name}": value for name, value in environment.items()}
    told["page written by"] = f"triptych {__version__}"
    parts = [definitions(told), folded("All settings of the run (settings.yaml)", settings)]
    if prediction is not None:
        parts.append(folded("All facts of the prediction (result.json)", _facts(prediction.facts)))
    return Section("provenance", "Settings and provenance", "\n".join(part for part in parts if part))


def _of_prediction(prediction: PredictionFolder) -> dict[str, str]:
    facts = prediction.facts
    height, width = prediction.size
    matrix = prediction.intrinsics
    fx, fy, cx, cy = (float(matrix[i, j]) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    frames = _part(facts, "frames")
    span = float(prediction.timestamps[-1] - prediction.timestamps[0])
    learned = facts.get("frames_learned_from")
    told: dict[str, object] = {
        "source": prediction.name,
        "frames": f"{len(prediction):,} of {frames.get('in_source', '?')} in the source"
        + (f", {span:.2f} s" if span > 0 else ""),
        "size": f"{width}x{height} px",
        "intrinsics": f"fx {fx:.1f}, fy {fy:.1f}, cx {cx:.1f}, cy {cy:.1f} px",
        "intrinsics from": _part(facts, "intrinsics").get("origin"),
        "scale": facts.get("scale"),
        "refinement": facts.get("refinement"),
        "visibility": facts.get("visibility"),
        "learned from": f"{len(learned):,} of these frames" if isinstance(learned, list) else None,
        "camera at rest": f"{frames['camera_still_pairs']} pairs of frames"
        if frames.get("camera_still_pairs")
        else None,
    }
    told |= {f"predicted with {name}": value for name, value in _part(facts, "versions").items()}
    return {name: str(value) for name, value in told.items() if value is not None}


def _part(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = facts.get(name)
    return part if isinstance(part, dict) else {}


def _facts(facts: Mapping[str, Any]) -> str:
    frames = {name: value for name, value in _part(facts, "frames").items() if name not in _LONG}
    short = {name: value for name, value in facts.items() if name != "frames_learned_from"}
    return json.dumps(short | {"frames": frames}, indent=2)


def _environment(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(_text(path))
        return {str(name): str(value) for name, value in content.items() if value is not None}
    except (json.JSONDecodeError, AttributeError) as error:
        raise InputError(f"{path}: is not what a training of triptych writes ({error})") from error


def _text(path: Path) -> str:
    return file_content(path).decode("utf-8", errors="replace") if path.is_file() else ""
