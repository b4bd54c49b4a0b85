# shellcheck shell=bash disable=SC2034
# The images: image_NAME sets the layers, lowest first, and the OCI config (JSON). All are named localhost/podvisor/NAME:dev.

# Made by default; guest_debian takes minutes and is made only when it is asked for.
IMAGE_NAMES=(launcher control-plane agent kube-scheduler guest-tiny plain)
LAZY_IMAGE_NAMES=(guest-debian)
IMAGE_PATH='"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"'

image_launcher() {
  layers=(launcher launcher-programs)
  config='{"User":"107:107","Env":['$IMAGE_PATH'],"Entrypoint":["/usr/bin/podvisor-launch"],"Cmd":["disk"]}'
}

image_control_plane() {
  layers=(node app-control-plane)
  config='{"User":"65532:65532","Env":['$IMAGE_PATH'],"Entrypoint":["/usr/local/bin/node"],"Cmd":["/app/webhook.js"]}'
}

image_agent() {
  layers=(launcher launcher-programs node agent-tools app-agent)
  config='{"User":"0:0","Env":['$IMAGE_PATH'],"Entrypoint":["/usr/local/bin/node"],"Cmd":["/app/agent.js"]}'
}

image_kube_scheduler() {
  layers=(kube-scheduler)
  config='{"User":"65532:65532","Env":['$IMAGE_PATH'],"Entrypoint":["/usr/local/bin/kube-scheduler"]}'
}

image_guest_tiny() {
  layers=(guest-tiny)
  config='{}'
}

image_guest_debian() {
  layers=(guest-debian)
  config='{}'
}

image_plain() {
  layers=(plain)
  config='{"User":"65534:65534","Env":["PATH=/bin"],"Cmd":["sleep","infinity"]}'
}
