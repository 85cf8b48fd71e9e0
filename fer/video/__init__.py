"""Analyse video files: every face in every frame with its time, and an annotated copy.

Files of strangers are opened in a child process only (`fer.video.child`), which has limits on memory, time, pixels and
open files.
"""
