"""The logs in a run's folder, read by tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def lines(file: Path) -> list[dict[str, Any]]:
    """The records of a log, such as metrics.jsonl or validation.jsonl."""
    return [json.loads(line) for line in file.read_text().splitlines()]
