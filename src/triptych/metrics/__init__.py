"""Figures of merit, as pure functions of tensors."""
