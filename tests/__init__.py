"""What is imported and collected is no garbage: it is not looked through for any until all of it is there."""

import gc

gc.disable()
