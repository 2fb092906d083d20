"""Triptych: depth, camera motion and optical flow from plain video, learned without labels."""

__version__ = "0.1.0"
