#!/usr/bin/env bash
# The demo: a folder of real documents is indexed, searched, changed in one place and updated. Every count is checked: when
# one is not as promised, the demo fails. `./dev demo` builds the program first; COCOZVEC names another one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=${COCOZVEC:-$PWD/build/release/bin/cocozvec}
[[ -x $program ]] || { printf 'demo: no program at %s; run ./dev demo\n' "$program" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/cocozvec_demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
docs=$work/documents store=$work/store

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then bold=$'\e[1m' plain=$'\e[0m'; fi
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '$ cocozvec %s\n' "${*//$work\//}"; }
# value JSON KEY...: one value of a report, as in `value "$report" files processed`.
value() {
  python3 -c 'import functools, json, sys
print(functools.reduce(lambda v, k: v[int(k) if isinstance(v, list) else k], sys.argv[2:], json.loads(sys.argv[1])))' "$@"
}
# expect WHAT ACTUAL PROMISED
expect() {
  if [[ $2 == "$3" ]]; then
    printf '  ok   %-32s %s\n' "$1" "$2"
  else
    printf '  FAIL %-32s %s, promised %s\n' "$1" "$2" "$3"
    exit 1
  fi
}
index() {
  show index "$docs" --store "$store"
  report=$("$program" index "$docs" --store "$store" --json)
}
search() {
  show search "'$1'" --store "$store" --topk "${2:-3}"
  "$program" search "$1" --store "$store" --topk "${2:-3}" | sed "s|$work/||"
}

title '1. A folder of documents: ours, and some that every Debian machine has'
mkdir -p "$docs"
cp -r docs "$docs/cocozvec"
cp ./*.md "$docs/cocozvec/"
for source in /usr/share/common-licenses /usr/share/doc/{apt,bash,coreutils,dpkg,git,perl,tar,util-linux}; do
  [[ -d $source ]] || continue
  mkdir -p "$docs/$(basename "$source")"
  # Plain files only: links and compressed ones are no documents.
  find "$source" -maxdepth 1 -type f ! -name '*.gz' -exec cp {} "$docs/$(basename "$source")/" \;
done
# A hundred short notes of ours, those of the quality report.
mkdir -p "$docs/notes"
while IFS=$'\t' read -r name text; do printf '%s\n' "$text" >"$docs/notes/$name.txt"; done <bench/quality/meaning/passages.tsv
files=$(find "$docs" -type f | wc -l)
printf '%s files, %s of text\n' "$files" "$(du -sh --apparent-size "$docs" | cut -f1)"

title '2. First run: everything is read, split, embedded and written'
index
expect 'files processed' "$(value "$report" files processed)" "$((files - $(value "$report" files skipped)))"
expect 'errors' "$(value "$report" errors)" '[]'
total=$(value "$report" documents total)
expect 'documents in the collection' "$("$program" export --store "$store" --jsonl | wc -l)" "$total"
printf '  %s documents in %.2f s\n' "$total" "$(value "$report" seconds)"

title '3. Search by meaning: these questions share no word with what they find (the embedder is in the program; nothing was downloaded)'
for question in 'vehicle makes a screeching noise while braking=p07.txt' 'recover erased photographs=p13.txt' 'physician for sick children=p35.txt'; do
  search "${question%=*}" 1
  found=$("$program" search "${question%=*}" --store "$store" --topk 3 --json)
  expect 'among the first three' "$(value "$found" hits | grep -o "notes/${question#*=}" | head -n 1)" "notes/${question#*=}"
done
search 'how is a torn log record handled after a power cut' 2

title '4. One file is edited'
edited=$docs/notes/d01.txt
printf 'The purple rhinoceros plays the trombone on Thursdays.\n' >"$edited"
printf "\$ echo 'The purple rhinoceros plays the trombone on Thursdays.' > %s\n" "${edited#"$work"/}"
index
expect 'files processed' "$(value "$report" files processed)" 1
expect 'files left alone' "$(value "$report" files unchanged)" "$((files - 1 - $(value "$report" files skipped)))"
printf '  %s documents written, %s deleted, in %.3f s\n' "$(value "$report" documents upserted)" \
  "$(value "$report" documents deleted)" "$(value "$report" seconds)"
search 'purple rhinoceros trombone' 1
hit=$("$program" search 'purple rhinoceros trombone' --store "$store" --topk 1 --json)
expect 'the edit is found in' "$(basename "$(value "$hit" hits 0 file)")" d01.txt

title '5. Nothing has changed: nothing is done, and the collection is not even opened'
# Meanwhile somebody else holds the collection's lock: a run that wanted to open it would fail.
show index "$docs" --store "$store" '   # while another process holds the lock of the collection'
report=$(python3 - "$store/data/chunks/LOCK" "$program" index "$docs" --store "$store" --json <<'PYTHON'
import fcntl, os, struct, subprocess, sys
lock = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(lock, 37, struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))  # F_OFD_SETLK
sys.exit(subprocess.run(sys.argv[2:], check=False).returncode)
PYTHON
)
expect 'components executed' "$(value "$report" components_executed)" 0
expect 'documents written' "$(value "$report" documents upserted)" 0
expect 'documents deleted' "$(value "$report" documents deleted)" 0
printf '  %.3f s\n' "$(value "$report" seconds)"

title '6. The store now equals a fresh index of the same folder'
"$program" index "$docs" --store "$work/fresh" --json >"$work/fresh.json"
"$program" export --store "$store" --jsonl --vectors >"$work/ours.jsonl"
"$program" export --store "$work/fresh" --jsonl --vectors >"$work/fresh.jsonl"
if ! cmp -s "$work/ours.jsonl" "$work/fresh.jsonl"; then
  printf '  FAIL the exports differ\n'
  exit 1
fi
printf '  ok   %s documents are equal, vectors included\n' "$(wc -l <"$work/ours.jsonl")"
title 'Done. Try it: build/release/bin/cocozvec index DIR --store STORE; docs/cli.md is the guide.'
