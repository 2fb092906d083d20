from triptych.errors import InputError as InputError
from triptych.library import ClipPrediction as ClipPrediction
from triptych.library import Model as Model
from triptych.library import PairFlow as PairFlow
from triptych.library import load as load

__version__: str
