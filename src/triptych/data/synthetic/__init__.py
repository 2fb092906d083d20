"""Procedural worlds filmed with exact truth, and the same written as KITTI folders."""

from triptych.data.synthetic.kitti_writer import write_kitti_flow2015, write_kitti_odometry, write_kitti_raw
from triptych.data.synthetic.random_world import random_world_clip, random_world_frames
from triptych.data.synthetic.render import synthetic_clip

__all__ = [
    "random_world_clip",
    "random_world_frames",
    "synthetic_clip",
    "write_kitti_flow2015",
    "write_kitti_odometry",
    "write_kitti_raw",
]
