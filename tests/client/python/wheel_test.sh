#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the wheel without network, installs it into a clean environment and uses it there.
#   usage: wheel_test.sh SOURCE      SOURCE: the root of the tree
set -euo pipefail
source_tree=$1
python=/usr/bin/python3
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
fail() { echo "wheel_test: $*" >&2; exit 1; }
unset PYTHONPATH

# In a copy: setuptools leaves its files where it builds.
cp -R "$source_tree/client/python" "$directory/source"
find "$directory/source" -name __pycache__ -prune -exec rm -rf {} +
"$python" -m pip --disable-pip-version-check wheel -q --no-index --no-build-isolation --no-deps \
  --wheel-dir "$directory" "$directory/source"
wheels=("$directory"/*.whl)
[[ ${#wheels[@]} == 1 && ${wheels[0]} == *-py3-none-any.whl ]] || fail "expected one pure wheel, got ${wheels[*]}"

"$python" -m venv "$directory/venv"
"$directory/venv/bin/python" -m pip --disable-pip-version-check install -q --no-index "${wheels[0]}"
cd "$directory"
"$directory/venv/bin/python" - <<'EOF'
import importlib.metadata as metadata
import os
import pathlib
import rhumb, rhumb.export, rhumb.ingest, rhumb.noise_scale

package = pathlib.Path(rhumb.__file__).parent
assert "site-packages" in str(package), package
assert (package / "py.typed").is_file(), "no py.typed"
assert metadata.version("rhumb") == rhumb.__version__
required = [each for each in metadata.requires("rhumb") or [] if "extra ==" not in each]
assert not required, required
with rhumb.start(environment={"RHUMB_HTTP_ADDR": "/nonexistent/socket", "RHUMB_SPOOL_DIR": os.getcwd() + "/spool"}) as run:
    run.log(step=1, tokens=1, loss=2.0)
assert run.stats["spooled_count"] == 1, run.stats
EOF
RHUMB_SPOOL_DIR=$directory/spool "$directory/venv/bin/python" -m rhumb sync --addr /nonexistent/socket && fail "synced without a daemon"
"$directory/venv/bin/python" -m rhumb --version | grep -qx "rhumb [0-9.]*" || fail "no version"
echo "wheel_test: ${wheels[0]##*/} built, installed and used"
