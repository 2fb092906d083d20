from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from triptych.errors import InputError
from triptych.networks.encoder import Encoder


@pytest.mark.parametrize(("name", "strides"), [("test_resnet", (2, 4, 8, 16, 32)), ("test_convnext", (4, 8, 16, 32))])
def test_channels_and_strides_are_those_of_the_features(name: str, strides: tuple[int, ...]) -> None:
    encoder = Encoder(name)
    features = encoder(torch.rand(2, 3, 64, 96))
    assert encoder.strides == strides
    assert [tuple(level.shape) for level in features] == [
        (2, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(encoder.channels, encoder.strides, strict=True)
    ]


def test_options_reach_the_backbone() -> None:
    encoder = Encoder("resnet18", options={"channels": (8, 16, 24, 32), "layers": (1, 1, 1, 1)})
    assert encoder.channels == (64, 8, 16, 24, 32)


def test_images_are_normalized_by_the_statistics_of_the_backbones_weights() -> None:
    encoder = Encoder("test_efficientnet", images=2).eval()  # ImageNet statistics
    seen = []
    encoder.backbone.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    encoder(torch.tensor([0.485, 0.456, 0.406, 0.485 + 0.229, 0.456, 0.406]).reshape(1, 6, 1, 1).expand(1, 6, 32, 32))
    expected = torch.tensor([0.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    torch.testing.assert_close(seen[0][0, :, 5, 7], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("images", [1, 2])
def test_local_weights_are_loaded_and_the_first_convolution_shared_among_images(
    tmp_path: Path, suffix: str, images: int
) -> None:
    path = tmp_path / f"weights{suffix}"
    state = timm.create_model("test_resnet").state_dict()
    if suffix == ".pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    loaded = Encoder("test_resnet", images=images, pretrained=str(path)).backbone.state_dict()
    first = "conv1.0.weight"
    torch.testing.assert_close(loaded[first], state[first].repeat(1, images, 1, 1) / images)
    rest = [name for name in loaded if name != first]
    assert len(rest) > 20
    for name in rest:
        torch.testing.assert_close(loaded[name], state[name])


def test_without_a_network_the_error_names_the_ways_out_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))  # no cache there, and conftest sets HF_HUB_OFFLINE
    with pytest.raises(InputError, match=r"local weights file.*cache.*without pretrained") as caught:
        Encoder("resnet18.a2_in1k", pretrained="imagenet")
    assert "\n" not in str(caught.value)


def test_an_unknown_encoder_is_an_input_error() -> None:
    with pytest.raises(InputError, match="'resnet19' is not a timm model"):
        Encoder("resnet19")


def test_an_unknown_option_of_the_encoder_is_an_input_error() -> None:
    with pytest.raises(InputError, match="colour"):
        Encoder("test_resnet", options={"colour": 1})


def test_a_missing_weights_file_is_an_input_error() -> None:
    with pytest.raises(InputError, match="not a file"):
        Encoder("test_resnet", pretrained="nowhere/weights.pth")


def test_a_damaged_weights_file_is_an_input_error(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pth"
    damaged.write_text("not weights")
    with pytest.raises(InputError, match=r"tensors alone.*check that .*damaged\.pth is for this encoder"):
        Encoder("test_resnet", pretrained=str(damaged))


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext"])
def test_weights_that_lack_a_parameter_are_refused(tmp_path: Path, name: str) -> None:
    state = timm.create_model(name).state_dict()
    path = tmp_path / "weights.safetensors"
    save_file(state, path)
    Encoder(name, pretrained=str(path))
    first = next(iter(state))
    save_file({key: value for key, value in state.items() if key != first}, path)
    with pytest.raises(InputError, match="no " + first.replace(".", "[._]")):
        Encoder(name, pretrained=str(path))


def test_none_by_word_asks_for_no_weights_like_none_itself() -> None:
    torch.manual_seed(0)
    word = Encoder("resnet18", pretrained="none")
    torch.manual_seed(0)
    itself = Encoder("resnet18", pretrained=None)
    for one, other in zip(word.parameters(), itself.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("option", ["pretrained", "pretrained_cfg_overlay", "checkpoint_path", "features_only"])
def test_options_cannot_name_other_files(option: str) -> None:
    with pytest.raises(InputError, match=f"encoder options {option}: are not the backbone's"):
        Encoder("resnet18", options={option: {"file": "elsewhere"}})


def test_a_backbone_with_channels_last_gives_them_first() -> None:
    options = {"embed_dim": 8, "depths": (1, 1, 1, 1), "num_heads": (1, 1, 1, 1), "strict_img_size": False}
    encoder = Encoder("swin_tiny_patch4_window7_224", options=options)
    levels = encoder(torch.rand(1, 3, 64, 96))
    assert [tuple(level.shape[1:]) for level in levels] == [
        (channels, 64 // stride, 96 // stride)
        for channels, stride in zip(encoder.channels, encoder.strides, strict=True)
    ]
