"""Names of frames of KITTI, and the files that belong to each.

The name of a frame is that of the predictions made of it: in KITTI raw and odometry the path
below the data set's folder without suffix, as in
`2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069`, in KITTI 2015 `000000_10`.
Images end in .png, or in .jpg where someone re-encoded them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

TRAINING_PARTS: Final = ("image_2", "flow_occ", "obj_map", "disp_occ_0", "calib_cam_to_cam")
"""Folders of KITTI 2015, by which its folder `training` is known whatever its name."""
IMAGE_SUFFIXES: Final = (".png", ".jpg")
GRAY_OF_COLOR: Final = {2: 0, 3: 1}  # the gray camera beside each color camera, 6 cm away


@dataclass(frozen=True, order=True)
class KittiFrame:
    """A frame of KITTI raw.

    Attributes:
        date: such as "2011_09_26", the folder that holds the drives and their calibration.
        drive: the drive's whole folder name, such as "2011_09_26_drive_0002_sync".
        camera: 0 and 1 are gray, 2 and 3 color.
        frame: its number in the drive, from 0.
    """

    date: str
    drive: str
    camera: int
    frame: int

    @property
    def name(self) -> str:
        """Its name, under which predictions are found."""
        return f"{self.date}/{self.drive}/image_{self.camera:02d}/data/{self.frame:010d}"

    @property
    def scan_name(self) -> str:
        """The path of the velodyne scan taken with it, below the data set's folder."""
        return f"{self.date}/{self.drive}/velodyne_points/data/{self.frame:010d}.bin"

    @property
    def annotation_names(self) -> tuple[str, ...]:
        """Where its annotated depth map may lie, below the data set's folder.

        The archive has it in `train` or `val`; unpacked into the drive it lies below the drive.
        """
        map_of_drive = f"{self.drive}/proj_depth/groundtruth/image_{self.camera:02d}/{self.frame:010d}.png"
        return tuple(f"{folder}/{map_of_drive}" for folder in ("train", "val", self.date))

    def image(self, root: Path) -> Path:
        """Its image; the .png where there is none."""
        return _image(root, self.name)

    def scan(self, root: Path) -> Path:
        """The velodyne scan taken with it."""
        return root / self.scan_name

    def annotated_depth(self, root: Path) -> Path:
        """Its map of the depth benchmark (LiDAR of 11 frames); the one in `train` where there is none."""
        return _first([root / name for name in self.annotation_names])


@dataclass(frozen=True, order=True)
class OdometryFrame:
    """A frame of KITTI odometry.

    Attributes:
        sequence: 0 to 10 have true poses.
        camera: 2 or 3, color; the gray camera beside it stands in where the color archive is absent.
        frame: its number in the sequence, from 0.
    """

    sequence: int
    camera: int
    frame: int

    @property
    def name(self) -> str:
        """Its name, under which predictions are found."""
        return f"sequences/{self.sequence:02d}/image_{self.camera}/{self.frame:06d}"

    @property
    def gray_name(self) -> str:
        """The name of the gray frame taken with it."""
        gray = GRAY_OF_COLOR.get(self.camera, self.camera)
        return f"sequences/{self.sequence:02d}/image_{gray}/{self.frame:06d}"

    def image(self, root: Path) -> Path:
        """Its image, gray where there is none in color; the color .png where there is neither."""
        color = _image(root, self.name)
        gray = _image(root, self.gray_name)
        return gray if gray.is_file() and not color.is_file() else color

    def poses(self, root: Path) -> Path:
        """The true poses of its sequence, a line a frame."""
        return root / f"poses/{self.sequence:02d}.txt"


@dataclass(frozen=True)
class Kitti2015Pair:
    """A training pair of KITTI 2015, frames `_10` and `_11`.

    Its files lie in a folder `training`; the methods take that folder or the one that holds it.

    Attributes:
        number: 0 to 199.
        raw: the first frame in KITTI raw; None for the 58 pairs of which the development kit tells no place.
    """

    number: int
    raw: KittiFrame | None

    @property
    def name(self) -> str:
        """The name of its first frame, under which predictions are found."""
        return f"{self.number:06d}_10"

    def images(self, root: Path) -> tuple[Path, Path]:
        """Its first and second image."""
        folder = training_folder(root)
        return _image(folder, f"image_2/{self.name}"), _image(folder, f"image_2/{self.number:06d}_11")

    def flow(self, root: Path, *, occluded: bool = True) -> Path:
        """Its true flow: of all pixels, or without those that the second image does not show."""
        return training_folder(root) / f"{'flow_occ' if occluded else 'flow_noc'}/{self.name}.png"

    def object_map(self, root: Path) -> Path:
        """Its moving objects: 0 is background, any other value a moving car."""
        return training_folder(root) / f"obj_map/{self.name}.png"

    def calibration(self, root: Path) -> Path:
        """The calibration of its cameras."""
        return training_folder(root) / f"calib_cam_to_cam/{self.number:06d}.txt"


def training_folder(root: Path) -> Path:
    """The folder `training` of KITTI 2015, where the data set or that folder itself is named."""
    inside = root / "training"
    itself = "training" in (root.name, root.resolve().name) or any((root / part).is_dir() for part in TRAINING_PARTS)
    return root if itself and not inside.is_dir() else inside


def _image(root: Path, name: str) -> Path:
    return _first([root / f"{name}{suffix}" for suffix in IMAGE_SUFFIXES])


def _first(files: list[Path]) -> Path:
    """The first file that exists; the first of all where none does."""
    return next((file for file in files if file.is_file()), files[0])
