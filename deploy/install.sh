#!/bin/sh
# Install the packages of a lock file next to this script into /opt/venv: sh install.sh serve
set -eu
locks=$(dirname "$0")
python3 -m venv /tmp/uv
/tmp/uv/bin/pip install --no-cache-dir --no-compile --require-hashes -r "$locks/installer.lock"
python3 -m venv --without-pip /opt/venv
/tmp/uv/bin/uv pip install --python /opt/venv --no-cache --no-build --require-hashes -r "$locks/$1.lock"
rm -rf /tmp/uv /tmp/pycache
# What no program needs when it runs: tests, files for building against a library, and plugins of notebooks. It saves a
# fifth of the image.
cd /opt/venv/lib/python3*/site-packages
find . -type d -name tests -prune -exec rm -rf {} +
rm -rf onnx/backend/test pyarrow/include tensorflow/include pydeck/nbextension plotly/labextension
