"""A model and frames in; depth, flow, visibility, motion and trajectory out."""
