#!/bin/sh
# Regenerates test/fakes/proto/gen from the .proto files beside this script. Needs nothing but node_modules.
set -eu
cd -- "$(dirname -- "$0")"
PATH="$(cd ../../../node_modules/.bin && pwd):$PATH"
export PATH
buf generate --template ../../../agent/proto/buf.gen.yaml .
