#!/bin/bash
# Runs before each job on the Mac runner. A second lock beside the runner group: only pushes (of main, of version tags) get in.
case "$GITHUB_EVENT_NAME:$GITHUB_REF" in
  push:refs/heads/main | push:refs/tags/v*) ;;
  *) echo "refused: this machine takes no job for $GITHUB_EVENT_NAME of $GITHUB_REF" >&2; exit 1 ;;
esac
