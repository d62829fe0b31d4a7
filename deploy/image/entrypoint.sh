#!/bin/sh
# What a container is started with: a configuration file, a command of `registry`, or any program.
set -e

case "$1" in
*.yml | *.yaml) exec registry serve "$@" ;;
serve | garbage-collect | help | -*) exec registry "$@" ;;
esac

exec "$@"
