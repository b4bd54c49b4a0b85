# shellcheck shell=bash
# Progress for people: `step "Title" command…` runs a command (or a function) with its output in a log file.
#
#   . "$(dirname "$0")/../lib/steps.sh"
#   step "Building the launcher image" build_launcher --flag
#
# What is seen: one line when a step ends, with its time; for a step that takes longer than two seconds also a line when
# it begins (on a terminal: one line that counts). When it fails: what failed, why (the end of its output) and where the
# whole log is, and the calling script exits with the command's code.
#
# The command runs in a subshell with errexit on, so variables it sets are lost. Do not call `step` in a condition
# (`if step …`, `step … || …`): bash would then ignore errors inside the function.
# A step may run scripts with steps of their own: those lines go to the outer step's log.

# shellcheck source=paths.sh
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

STEP_SLOW_SECONDS=2
STEP_REPEAT_SECONDS=60
STEP_TAIL_LINES=15

# step TITLE COMMAND [ARG…]
step() {
  local title=$1
  shift
  local log began status=0 ticker errexit=+e
  log=$(step_log_path "$title")
  began=$EPOCHREALTIME
  [[ $- == *e* ]] && errexit=-e

  step_ticker "$title" "$began" "$BASHPID" &
  ticker=$!
  # Not `( … ) || status=$?`: in a condition errexit would not work inside the command.
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1
  status=$?
  set "$errexit"
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true

  if ((status == 0)); then
    step_say "ok    $title ($(step_elapsed "$began"))"
    return 0
  fi
  step_failed "$title" "$began" "$status" "$log"
  exit "$status"
}

# note TEXT…: a line for the person at the terminal, outside any step.
note() { printf '%s\n' "$*"; }

# fail TEXT…: says what is wrong and ends the script.
fail() {
  printf 'FAIL  %s\n' "$*" >&2
  exit 1
}

step_failed() {
  local title=$1 began=$2 status=$3 log=$4
  step_say "FAIL  $title: exit code $status after $(step_elapsed "$began"). The end of its output:" >&2
  if [[ -s $log ]]; then
    tail -n "$STEP_TAIL_LINES" "$log" | sed 's/^/        /' >&2
  else
    printf '        (it printed nothing)\n' >&2
  fi
  printf '      The whole log: %s\n' "$log" >&2
}

# "Building Kubernetes' programs" -> .cluster/logs/step-building-kubernetes-programs.log
step_log_path() {
  local slug=${1,,}
  slug=${slug//[^a-z0-9]/-}
  while [[ $slug == *--* ]]; do slug=${slug//--/-}; done
  mkdir -p "$LOG_DIR"
  printf '%s/step-%s.log' "$LOG_DIR" "${slug%-}"
}

# Seconds since BEGAN with one decimal below a minute, "3 min 20 s" above.
step_elapsed() {
  local tenths=$(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 100000))
  if ((tenths < 600)); then
    printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
  else
    printf '%d min %d s' $((tenths / 600)) $((tenths % 600 / 10))
  fi
}

# Replaces the counting line on a terminal, adds a line elsewhere.
step_say() {
  if [[ -t 1 ]]; then printf '\r\033[K'; fi
  printf '%s\n' "$1"
}

# Runs beside the command and ends with the script, however that ends. The command, not this, is in the foreground:
# Ctrl-C reaches it.
step_ticker() {
  local title=$1 began=$2 parent=$3 repeat=$STEP_REPEAT_SECONDS due=$STEP_SLOW_SECONDS second=0 pause
  if [[ -t 1 ]]; then repeat=1; fi
  trap 'kill "$pause" 2>/dev/null; exit 0' TERM
  while :; do
    sleep 1 >/dev/null 2>&1 &
    pause=$!
    wait "$pause"
    kill -0 "$parent" 2>/dev/null || return 0
    second=$((second + 1))
    ((second >= due)) || continue
    due=$((second + repeat))
    step_say_running "$title" "$began"
  done
}

step_say_running() {
  local line
  line="....  $1 ($(step_elapsed "$2"))"
  if [[ -t 1 ]]; then printf '\r\033[K%s' "$line"; else printf '%s\n' "$line"; fi
}
