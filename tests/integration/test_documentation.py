"""Python in the documentation runs as it stands, the blocks of a page one after another."""

import re
import shutil
from pathlib import Path

import pytest
from torch import Tensor

from triptych.formats.maps import save_picture

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCKS = {
    file.stem: blocks
    for file in sorted(DOCS.rglob("*.md"))
    if (blocks := re.findall(r"```python\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL))
}


def test_there_are_examples() -> None:
    assert {"start", "library", "evaluate"} <= set(BLOCKS)


@pytest.mark.filterwarnings("ignore:no intrinsics")  # start.md says nothing of the camera
@pytest.mark.parametrize("page", BLOCKS)
def test_the_examples_of_a_page_run(
    page: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    video: Path,
    frames: Tensor,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(video, "my_video.mp4")
    for name, frame in {"picture.jpg": frames[0], "first.png": frames[0], "second.png": frames[1]}.items():
        save_picture(name, frame)
    names: dict[str, object] = {}
    for block in BLOCKS[page]:
        exec(compile(block, page, "exec"), names)
    assert capsys.readouterr().out.strip()
