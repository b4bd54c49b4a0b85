# shellcheck shell=bash disable=SC2034 # read by dev/programs/build
c_source=pause.c
