"""Procedural worlds filmed with exact truth, and the same written as KITTI folders."""

from triptych.data.synthetic.render import synthetic_clip

__all__ = ["synthetic_clip"]
