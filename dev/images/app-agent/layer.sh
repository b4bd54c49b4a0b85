# shellcheck shell=bash disable=SC2034
# The agent's bundle. Small and on top, so that a change of code rebuilds nothing else.
inputs=("$here/app-agent" "$PODVISOR_ROOT/dist/agent.js")

build_layer() {
  mkdir -p "$1/app"
  add_bundles "$1/app" agent
}
