#!/bin/sh
# Remove from an environment what no program needs when it runs: tests, files for building against a library, and plugins
# of notebooks. It saves a fifth of the image.
set -eu
packages=$(echo "$1"/lib/python3*/site-packages)
find "$packages" -type d -name tests -prune -exec rm -rf {} +
cd "$packages"
rm -rf onnx/backend/test pyarrow/include tensorflow/include pydeck/nbextension plotly/labextension
