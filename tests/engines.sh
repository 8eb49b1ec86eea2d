#!/usr/bin/env bash
# The Telegram tests with the oldest version of each library that pyproject.toml admits, then with the newest there is.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest() { sed -En "s/^ +\"($1)>=([0-9.]+)\",$/\1==\2/p" pyproject.toml; }

with() {
  local name=$1 environment beneath
  shift
  environment=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$environment'" EXIT
  # A thin environment over .venv: nothing differs but these and what they need.
  .venv/bin/python -m venv "$environment"
  beneath=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  echo "$beneath" >"$(echo "$environment"/lib/python3*/site-packages)/beneath.pth"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --ignore-installed --no-warn-conflicts "$@"
  echo "== $name: $("$environment/bin/python" -c '
from importlib.metadata import version
print(*(f"{name} {version(name)}" for name in ("aiogram", "python-telegram-bot", "aiohttp", "httpx", "pydantic")), sep=", ")')"
  "$environment/bin/python" -m pytest -n auto --dist worksteal \
    tests/test_telegram.py tests/test_telegram_service.py tests/test_conformance.py \
    -k "not postgresql and not terminal and not (test_conformance and web and not webhook)"
  rm -rf "$environment"
}

floor=$(oldest aiohttp)
with oldest "$(oldest aiogram)" "$(oldest python-telegram-bot)" "${floor/==/>=}"
with newest aiogram python-telegram-bot "${floor/==/>=}"
