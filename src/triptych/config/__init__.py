"""Settings: the only folder that sees them."""
