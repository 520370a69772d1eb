#!/bin/sh
# wheel.sh WHEEL LOCK: installs the wheel with what it is locked to into an empty environment, and uses
# it there: nothing of the checkout, and nothing that only development needs.
set -eu
wheel=$(realpath "$1") lock=$(realpath "$2")
folder=$(mktemp -d)
serving=
trap '[ -z "$serving" ] || kill "$serving" 2>/dev/null || :; rm -rf "$folder"' EXIT
cd "$folder"
for name in $(env | sed -n 's/^\(NEWSLETTER_[A-Z_]*\)=.*/\1/p') PYTHONPATH; do unset "$name"; done

"${PYTHON:-python3}" -m venv venv
PATH=$folder/venv/bin:$PATH
pip="pip install --quiet --disable-pip-version-check --no-compile"
$pip --require-hashes --requirement "$lock"
$pip --no-deps --no-index "$wheel"
pip --disable-pip-version-check check

newsletter --version
newsletter init letter
cd letter
newsletter lint
newsletter subscribers import subscribers/example.csv --list readers
newsletter send "$(basename issues/*.md .md)" --list readers --yes
[ "$(find outbox -name '*.eml' | wc -l)" -eq 3 ]
newsletter worker --once
newsletter completion bash | bash -n

mkfifo ../said
newsletter serve --port 0 --json > ../said &
serving=$!
python - ../said <<'END'
import json, sys, urllib.request
with open(sys.argv[1], encoding="utf-8") as said:
    url = json.loads(said.readline())["url"]
with urllib.request.urlopen(f"{url}/healthz") as answer:
    assert json.load(answer) == {"status": "ok"}
END
kill "$serving"
wait "$serving"
serving=

newsletter db backup ../backup.db
newsletter db verify
echo "The wheel works."
