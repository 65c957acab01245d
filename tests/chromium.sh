#!/bin/sh
# Chromium, and a font with Chinese, for the tests that need a browser: installed on Debian as root, else named.
set -eu
missing=""
command -v chromium > /dev/null || missing="chromium"
dpkg -s fonts-noto-cjk > /dev/null 2>&1 || missing="$missing fonts-noto-cjk"
if [ -z "$missing" ]; then
  exit 0
fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update --quiet
  # Word splitting is meant: a package each.
  apt-get install --quiet --yes --no-install-recommends $missing
else
  echo "for the tests in a browser: sudo apt install $missing"
fi
