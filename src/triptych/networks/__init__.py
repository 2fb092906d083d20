"""Modules with weights: depth, pose and flow."""
