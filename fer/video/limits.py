"""What a video may cost, and the options with which FFmpeg opens one."""

from typing import Final

from fer.text import MB

# By default FFmpeg follows playlists and lists of files to other files and addresses, whatever a file is called.
OPEN_OPTIONS: Final = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi",
    "protocol_whitelist": "file",
}
SUFFIXES: Final = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi")
# A square of 4,096 pixels: 4K, and the 5.7K of cameras that film all around.
MAX_PIXELS: Final = 4096 * 4096
MAX_SIDE: Final = 16_384
# What the child may take in addition to its libraries: 4K with 16 reference frames needs 500 MB.
MAX_MEMORY: Final = 1_500 * MB
# Seconds of FFmpeg's own for opening a file and for reading a packet.
OPEN_SECONDS: Final = 5.0
READ_SECONDS: Final = 5.0
# Seconds without a frame after which the child is stopped. A frame of 4K takes a tenth of a second.
SILENT_SECONDS: Final = 20.0
# Damaged packets in a row after which the rest isn't worth reading.
MAX_DAMAGED_IN_A_ROW: Final = 300
# Pixels that aren't square are stretched by at most this factor; more is a mistake in the file.
MAX_STRETCH: Final = 4.0
