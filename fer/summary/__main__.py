"""The child process of `fer.summary.making`: a packed request on standard input, a summary on standard output."""

import pickle
import sys

from fer.summary.making import make, unpack

if __name__ == "__main__":
    describe, subjects, groups, about, dark = unpack(sys.stdin.buffer.read())
    sys.stdout.buffer.write(pickle.dumps(make(describe, subjects, groups, about, dark=dark)))
