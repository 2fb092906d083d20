"""Every setting, with its unit and default; nothing here needs torch.

The defaults of losses and networks are the paper's where it states one; a preset
names what differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

PACKAGED = "packaged"
"""The value of `initial`, and of a model, that means the weights in the package."""


@dataclass(frozen=True)
class FrameSettings:
    """Which frames are used, and how they come to the processing size.

    Attributes:
        bottom_crop: share of the rows cut off at the bottom, for a car bonnet.
        start: first frame of the source that is used.
        limit: how many frames are read at most; all by default.
        stride: every n-th frame is used.
        rate: frames per second that are used instead of a stride.
        camera: which camera of a KITTI folder (0 to 3); by default the first color one.
        assumed_fov_deg: horizontal field of view, where nothing tells the intrinsics.
        minimum_motion: frames that move less than this share of the width since the
            last one kept are left out of the training; 0 keeps all.
    """

    bottom_crop: float = 0.0
    start: int = 0
    limit: int | None = None
    stride: int = 1
    rate: float | None = None
    camera: str | None = None
    assumed_fov_deg: float = 80.0
    minimum_motion: float = 0.001


@dataclass(frozen=True)
class AugmentationSettings:
    """Changes of a snippet from epoch to epoch; K follows each of them.

    Attributes:
        crop: largest enlargement before the crop back to size; 1 switches it off.
        flip: chance of a horizontal flip.
        jitter: chance of a color jitter of what the networks see.
        brightness: largest relative change by the jitter.
        contrast: largest relative change by the jitter.
        saturation: largest relative change by the jitter.
        hue: largest shift by the jitter (turns).
    """

    crop: float = 1.15
    flip: float = 0.5
    jitter: float = 0.5
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.1


@dataclass(frozen=True)
class DepthSettings:
    """The depth network.

    Attributes:
        encoder: name of a timm feature backbone.
        encoder_options: passed to timm's constructor of it.
        pretrained: `imagenet` for timm's default weights, a file of weights, or null.
        width: factor on the channels of the decoder.
        norm: normalization in the decoder.
        initial_depth: what an untrained network says everywhere.
        min_depth: nearest depth that can be said.
        max_depth: farthest depth that can be said.
    """

    encoder: str = "resnet18"
    encoder_options: dict[str, Any] = field(default_factory=dict)
    pretrained: str | None = None
    width: float = 1.0
    norm: Literal["batch", "none"] = "batch"
    initial_depth: float = 1.0
    min_depth: float = 0.1
    max_depth: float = 100.0


@dataclass(frozen=True)
class PoseSettings:
    """The pose network.

    Attributes:
        encoder: name of a timm feature backbone.
        encoder_options: passed to timm's constructor of it.
        pretrained: `imagenet` for timm's default weights, a file of weights, or null.
        channels: of the layers behind the backbone.
        norm: normalization in those layers.
        sees_flow: show it the optical flow beside the images.
        motion_scale: factor on what it regresses; the paper's networks use 0.01.
    """

    encoder: str = "resnet18"
    encoder_options: dict[str, Any] = field(default_factory=dict)
    pretrained: str | None = None
    channels: int = 256
    norm: Literal["batch", "none"] = "batch"
    sees_flow: bool = False
    motion_scale: float = 0.01


@dataclass(frozen=True)
class FlowSettings:
    """The flow network, MaskFlowNet.

    Attributes:
        matching: how source features are compared: warped, by deformable convolution,
            or by that with the learned visibility mask.
        cascade: False is MaskFlowNet-S, True the full one with its second stage.
        width: factor on the number of channels; 1 is the published network.
        decoder_width: another factor for the decoders alone, which do nine tenths of the arithmetic.
        normalized_costs: normalize features before each cost volume; not in the published
            network, but it learns from hundreds of steps instead of hundreds of thousands.
    """

    matching: Literal["warp", "deformable", "masked"] = "masked"
    cascade: bool = False
    width: float = 1.0
    decoder_width: float | None = None
    normalized_costs: bool = False


@dataclass(frozen=True)
class LossSettings:
    """Eqs. 1 to 8; the defaults are the paper's values where it states one.

    Attributes:
        photometric: `ssim` with L1 (the paper's), or `census`.
        alpha: share of SSIM in the photometric error.
        temporal_weights: form of w_b and w_f in eq. 3.
        visibility_for_flow: what masks L_op and L_o; eq. 2 uses the range map.
        visibility_for_depth: what masks L_d and L_Eo.
        photometric_rule: eq. 5 on photometric errors, or the per-pixel minimum of both
            sides, or no gate.
        tau_photometric: of the gates w_o and w_d.
        epipolar_rule: eqs. 5 to 7 on epipolar distances, or their minimum over the
            sources without gates, or no epipolar error at all.
        tau_epipolar: of the gates w_Eo and w_Ed.
        epipolar_kind: distance to the line, or Sampson's.
        fundamental: where the F of L_Ed comes from; `pose`, the letter of the paper,
            makes it zero.
        minimum_motion_px: motion below which no epipolar gate closes.
        lambda_ed: factor of L_Ed (1 / px).
        lambda_eo: factor of L_Eo (1 / px).
        lambda_smooth: factor of the smoothness of disparity.
        mask_normalization: what the masked means of eqs. 2 and 7 divide by: `kept`, the sum of
            the applied masks, or `all`, what that would be if nothing were hidden: the number
            of pixels of all directions, sources and levels, but where one of several counts
            (a direction, a source, a side) of one. Masking everything is the minimum of the
            latter: it is there to be measured. Guidance, completion, smoothness, consistency,
            augmentation and imitation stay means over what they keep.
        source_rule: the depth side over all sources, or the best one at each pixel.
        automask: keep of the depth side only what the unmoved source explains worse.
        depth_levels: how many disparities, from the finest, take part.
        flow_guidance: factor of the pull of depth and pose toward the flow.
        flow_completion: factor of the pull of flow toward the static scene's, where the
            target is not seen in the source and no match can teach it.
        depth_consistency: factor of the difference between the target's depth, moved into the
            source, and the source's own, relative to their sum: the term `geometric_consistency`.
            The depth network then runs on the sources too.
        flow_augmentation: factor (1 / px) of the distance between flow of a random window of
            the frames, enlarged, and the window of their flow, where the match is seen in the
            whole. The flow network then runs twice.
        flow_pyramid_weight: factor of eq. 2 on the coarser flows.
        flow_smoothness: factor of the smoothness of flow (1 / px).
        flow_smoothness_order: differences that it penalizes.
    """

    photometric: Literal["ssim", "census"] = "ssim"
    alpha: float = 0.85
    temporal_weights: Literal["printed", "gaussian", "minimum", "uniform"] = "printed"
    visibility_for_flow: Literal["learned", "range_map", "both", "none"] = "range_map"
    visibility_for_depth: Literal["learned", "range_map", "both", "none"] = "learned"
    photometric_rule: Literal["cross_weighted", "minimum", "none"] = "cross_weighted"
    tau_photometric: float = 0.28
    epipolar_rule: Literal["cross_weighted", "minimum", "none"] = "cross_weighted"
    tau_epipolar: float = 0.28
    epipolar_kind: Literal["line", "sampson"] = "line"
    fundamental: Literal["pose", "inverse_pose", "flow"] = "pose"
    minimum_motion_px: float = 0.1
    lambda_ed: float = 0.002
    lambda_eo: float = 0.02
    lambda_smooth: float = 0.001
    mask_normalization: Literal["kept", "all"] = "kept"
    source_rule: Literal["mean", "minimum"] = "mean"
    automask: bool = False
    depth_levels: int = 1
    flow_guidance: float = 0.0
    flow_completion: float = 0.0
    depth_consistency: float = 0.0
    flow_augmentation: float = 0.0
    flow_pyramid_weight: float = 0.0
    flow_smoothness: float = 0.0
    flow_smoothness_order: Literal[1, 2] = 1


@dataclass(frozen=True)
class StageSettings:
    """One stage of the training.

    Attributes:
        share: its length relative to the other stages.
        learning_rate: at its start.
        imitation: share of the stage over which the networks also imitate classical answers
            (flow by OpenCV's DIS, motion and depth by the geometry of two and three views),
            with a weight that falls from 1 to 0.
        imitation_alone: share of the stage, at its beginning, over which they do nothing else; pose waits
            until then, but where it is the only one to learn.
        learns: the networks that are trained, the others are frozen; null for the stage's own.
        terms: names of the loss terms that count; null for all that apply.
    """

    share: float = 1.0
    learning_rate: float = 1e-4
    imitation: float = 0.0
    imitation_alone: float = 0.0
    learns: list[Literal["flow", "depth", "pose"]] | None = None
    terms: list[str] | None = None


@dataclass(frozen=True)
class TrainingSettings:
    """How the networks learn.

    Attributes:
        batch_size: snippets a step, of each process.
        schedule: `cosine` within each stage, or `halving` every 10 epochs as in the paper.
        flow: the stage that trains the optical flow alone.
        depth: the stage that trains depth and pose, guided by a frozen flow.
        joint: the stage that trains all of them.
        precision: of the networks: float32, or autocast to bfloat16 or float16 (GPU alone); geometry and
            losses stay in float32. On a CPU without bfloat16 arithmetic autocast is many times slower.
        accumulation: parts that a batch is worked through in, one after another, to save memory. Means over masks
            and batch statistics are those of a part, so gradients differ; `checkpointing` keeps them exact.
        gradient_clip: largest gradient norm.
        skip_limit: batches in a row without a finite loss or gradient that end it.
        workers: processes that load data; 0 loads in the training process. Each process works the
            classical answers out for itself, in every epoch: with stages that imitate, 0 is faster.
        checkpointing: work activations out again in the backward pass instead of keeping them: less memory,
            the more the larger the batch, for about a third more time.
        compile: have torch.compile translate the networks when they first run; meant for GPUs (on a CPU it needs
            a C++ compiler and minutes, and is not faster).
        channels_last: keep maps and weights with channels last; null where this machine is faster so.
        checkpoint_minutes: longest time between two checkpoints; one is written after each epoch anyway.
        epochs_before: of trainings that this one goes on from, for the halving of the learning rate.
        whole_plan: whether the length is that of all three stages, of which some may run, or of those
            that run; a length on the command line is the latter.
    """

    batch_size: int = 2
    schedule: Literal["cosine", "halving"] = "cosine"
    flow: StageSettings = field(default_factory=lambda: StageSettings(share=0.45, learning_rate=4e-4))
    depth: StageSettings = field(default_factory=lambda: StageSettings(share=0.35, learning_rate=4e-4))
    joint: StageSettings = field(default_factory=lambda: StageSettings(share=0.2, learning_rate=1e-4))
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    accumulation: int = 1
    gradient_clip: float = 10.0
    skip_limit: int = 20
    workers: int = 0
    checkpointing: bool = False
    compile: bool = False
    channels_last: bool | None = None
    checkpoint_minutes: float = 10.0
    epochs_before: int = 0
    whole_plan: bool = True


@dataclass(frozen=True)
class LearningSettings:
    """What a fit to one video and a training on data sets have in common.

    Attributes:
        seed: of weights, order and augmentation.
        size: of the frames as the networks see them, HEIGHTxWIDTH (px).
        minutes: length of the training in time; give one of minutes, steps, epochs.
        steps: length of the training in steps.
        epochs: length of the training in passes over the frames.
        stages: which stages run, in this order.
        initial: run folder or model file whose weights the networks start from, or `packaged` for those in the
            package; of the same networks.
        augmentation: changes of a snippet from epoch to epoch.
        depth: the depth network.
        pose: the pose network.
        flow: the flow network.
        losses: eqs. 1 to 8.
        training: how the networks learn.
    """

    seed: int = 0
    size: str = "128x384"
    minutes: float | None = None
    steps: int | None = None
    epochs: int | None = None
    stages: list[Literal["flow", "depth", "joint"]] = field(default_factory=lambda: ["flow", "depth", "joint"])
    initial: str | None = None
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    depth: DepthSettings = field(default_factory=DepthSettings)
    pose: PoseSettings = field(default_factory=PoseSettings)
    flow: FlowSettings = field(default_factory=FlowSettings)
    losses: LossSettings = field(default_factory=LossSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)


@dataclass(frozen=True)
class FitSettings(LearningSettings):
    """Everything about a fit to one video.

    Attributes:
        intrinsics: fx,fy,cx,cy of the source's own frames (px), or a calibration file
            (KITTI calib.txt, calib_cam_to_cam.txt, K.txt, or YAML).
        frames: which frames, and how they come to size.
        held_out: share of the frames, at the end of the video, that nothing is learned from, to tell how good
            the fit is; 0 learns from all.
        patience: judgments of the last stage in a row without a better one after which the fit ends early and
            the best networks are kept; 0 goes on to the end.
    """

    intrinsics: str | None = None
    held_out: float = 0.1
    patience: int = 10
    frames: FrameSettings = field(default_factory=FrameSettings)
