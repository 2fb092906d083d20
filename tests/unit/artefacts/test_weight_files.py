"""Weights come back bit by bit, and foreign files are refused."""

from pathlib import Path

import pytest
import safetensors.torch
import torch

from triptych.artefacts.checkpoints import load_weights, save_weights
from triptych.errors import InputError


def test_weights_and_texts_come_back(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    metadata = {"settings": '{"size": "128x416", "name": "Straße ☃"}', "empty": ""}
    save_weights(tmp_path / "w.safetensors", net.state_dict(), metadata)
    tensors, texts = load_weights(tmp_path / "w.safetensors")
    assert texts == metadata
    assert tensors.keys() == net.state_dict().keys()
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype


def test_views_that_are_not_contiguous_are_written_by_value(tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3).T
    save_weights(tmp_path / "w", {"weight": weight}, {})
    assert torch.equal(load_weights(tmp_path / "w")[0]["weight"], weight)


def test_loaded_weights_outlive_the_file(tmp_path: Path) -> None:
    save_weights(tmp_path / "w", {"weight": torch.ones(1000)}, {})
    tensors, _ = load_weights(tmp_path / "w")
    save_weights(tmp_path / "w", {"weight": torch.zeros(1000)}, {})
    assert tensors["weight"].sum() == 1000


def test_our_own_key_cannot_be_taken(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="triptych"):
        save_weights(tmp_path / "w", {}, {"triptych": "mine"})


def test_a_safetensors_file_of_others_is_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"weight": torch.ones(2)}, tmp_path / "w")
    with pytest.raises(InputError, match="not of triptych"):
        load_weights(tmp_path / "w")


def test_a_file_of_a_later_format_is_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"weight": torch.ones(2)}, tmp_path / "w", {"triptych": "2"})
    with pytest.raises(InputError, match="format 2"):
        load_weights(tmp_path / "w")


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    save_weights(tmp_path / "whole", {"weight": torch.ones(100)}, {})
    whole = (tmp_path / "whole").read_bytes()
    torch.save({"weight": torch.ones(2)}, tmp_path / "w.ckpt")
    pickled = (tmp_path / "w.ckpt").read_bytes()
    for content in (b"", b"hello", whole[:-1], whole[:20], pickled):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(InputError, match=r"bad is not a file of weights"):
            load_weights(tmp_path / "bad")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(InputError, match="no file of weights"):
            load_weights(path)
