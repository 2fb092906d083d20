"""Every function of the package runs with its annotated shapes checked."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from jaxtyping import install_import_hook

install_import_hook("triptych", "beartype.beartype").__enter__()
