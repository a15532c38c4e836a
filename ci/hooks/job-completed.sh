#!/bin/bash
# Runs after each job on the Mac runner: the next one finds nothing of this one. The runner empties its own temporary folder;
# what macOS keeps of a driver stays (README.md).
set -eu
find "$GITHUB_WORKSPACE" -mindepth 1 -delete
