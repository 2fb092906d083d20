"""Cameras, motion and matching, as pure functions of tensors."""
