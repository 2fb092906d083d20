"""The equations of the method, as pure functions of tensors."""
