"""What is done when the app's process ends: temporary folders are removed.

A server that is ended by a signal ends without running what `atexit` holds, so that the server's own end runs it too.
"""

import atexit
from contextlib import ExitStack
from typing import Final

CLOSING: Final = ExitStack()
atexit.register(CLOSING.close)
