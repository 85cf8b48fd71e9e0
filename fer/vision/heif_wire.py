"""What the process that opens a HEIC and its parent say to each other, in this order."""

import struct
from typing import Final

# From the parent, before the file itself: its length in bytes.
LENGTH: Final = struct.Struct("<Q")
# From the child: width and height.
SIZE: Final = struct.Struct("<QQ")
# From the parent, if it takes a picture of this size.
GO: Final = b"!"
# From the child: the bytes of the EXIF block that follows, 0 if there is none.
EXIF: Final = struct.Struct("<H")
MOST_EXIF: Final = 2**16 - 1
# From the child, before the pixels: the channels of each.
CHANNELS: Final = struct.Struct("<B")
