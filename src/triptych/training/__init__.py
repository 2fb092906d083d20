"""Stages, one step, and the engine that repeats it."""
