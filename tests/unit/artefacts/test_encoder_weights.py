"""Weights that cannot be had are told in one line and at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import timm
import torch
from huggingface_hub.errors import HfHubHTTPError
from safetensors.torch import save_file

from triptych.artefacts.encoder_weights import check_hub_weights, check_weights_file
from triptych.config.build_model import build_model
from triptych.config.load import preset_settings
from triptych.errors import InputError

NAME = "resnet18.tv_in1k"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine without a network and with an empty cache; what it has asked for."""
    urls: list[str] = []

    def unreachable(url: str, **_: object) -> None:
        urls.append(url)
        raise ConnectionError("Name or\n service not known.")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", unreachable)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    return urls


def test_without_a_network_the_hub_is_asked_once_and_the_ways_out_are_told(asked: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        build_model(preset_settings("paper"))
    assert str(caught.value) == (
        f"--depth.pretrained imagenet: the weights of {NAME} cannot be fetched (Name or service not known); without a "
        "network give a file of them, or null for none, to --depth.pretrained and to --pose.pretrained"
    )
    assert asked == [f"https://huggingface.co/timm/{NAME}/resolve/main/model.safetensors"]


def test_weights_in_the_cache_need_no_network(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        huggingface_hub,
        "try_to_load_from_cache",
        lambda _, name: "/cache/pytorch_model.bin" if name == "pytorch_model.bin" else None,
    )
    check_hub_weights(NAME, option="depth.pretrained")
    assert asked == []


def test_an_answer_of_the_hub_is_left_to_timm(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(url: str, **_: object) -> None:
        asked.append(url)
        raise HfHubHTTPError("404", response=SimpleNamespace(headers={}, request=None))

    for answer in (lambda url, **_: asked.append(url), refusing):
        asked.clear()
        monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", answer)
        check_hub_weights(NAME, option="depth.pretrained")
        assert asked == [f"https://huggingface.co/timm/{NAME}/resolve/main/model.safetensors"]
        check_hub_weights("no_such_encoder", option="depth.pretrained")
        assert len(asked) == 1


def state_dict(path: Path) -> None:
    torch.save(timm.create_model("resnet18").state_dict(), path)


def checkpoint(path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": timm.create_model("test_resnet").state_dict()}, path)


def of_another_network(path: Path) -> None:
    torch.save({"stem.weight": torch.zeros(2), "head.weight": torch.zeros(2)}, path)


def as_safetensors_of_another_network(path: Path) -> None:
    save_file({"stem.weight": torch.zeros(2)}, path)


@pytest.mark.parametrize(
    ("name", "write", "told"),
    [
        ("text.pth", lambda path: path.write_text("hello world"), "it holds no tensors by name"),
        ("text.safetensors", lambda path: path.write_text("hello world"), "it holds no tensors by name"),
        ("empty.pth", lambda path: path.write_bytes(b""), "it holds no tensors by name"),
        ("one.pth", lambda path: torch.save(torch.zeros(3), path), "it holds no tensors by name"),
        ("last.ckpt", checkpoint, "it holds epoch, state_dict and not tensors alone"),
        ("other.pth", of_another_network, "it holds stem.weight, head.weight and no conv1.weight"),
        ("other.safetensors", as_safetensors_of_another_network, "it holds stem.weight and no conv1.weight"),
    ],
)
def test_a_file_of_another_kind_is_told_with_what_is_expected(
    tmp_path: Path, name: str, write: Callable[[Path], object], told: str
) -> None:
    file = tmp_path / name
    write(file)
    settings = preset_settings("paper", depth={"pretrained": str(file)}, pose={"pretrained": None})
    with pytest.raises(InputError) as caught:
        build_model(settings)
    assert str(caught.value) == (
        f"--depth.pretrained {file}: is no file of weights of {NAME} ({told}); give timm's weights of it, as "
        "safetensors or a torch state dict, or imagenet, or null"
    )


def test_an_encoder_s_own_weights_pass(tmp_path: Path) -> None:
    state_dict(tmp_path / "own.pth")
    check_weights_file(NAME, tmp_path / "own.pth", option="depth.pretrained")
