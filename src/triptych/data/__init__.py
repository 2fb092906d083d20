"""Frames in: video, folders, data sets, and worlds with exact truth."""
