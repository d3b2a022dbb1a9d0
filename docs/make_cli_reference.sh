#!/usr/bin/env bash
# Prints docs/reference/cli.md from the --help texts of a built `dagan` and all its subcommands:
#   docs/make_cli_reference.sh build/bin/dagan > docs/reference/cli.md
# The output depends only on the texts, not on the program's path, the folder, the terminal or the
# machine. tests/e2e/cli_reference_test.cpp compares the committed page with it.
set -euo pipefail
export LC_ALL=C
dagan=${1:?usage: docs/make_cli_reference.sh build/bin/dagan > docs/reference/cli.md}

# Prints one command's help as records "KIND<tab>NAME<tab>TEXT". CLI11 prints a description, a line
# "Usage: ...", then sections such as "Options:", whose entries are indented by two spaces. The
# description of an entry begins in column 31, or on the next line if the entry is too long.
parse() {
    awk '
        function flush() {
            if (name != "") print kind "\t" name "\t" text
            name = text = ""
        }
        function split_at(first, last) {
            text = substr(name, last + 1)
            name = substr(name, 1, first - 1)
        }
        /^Usage:/ { usage = 1; sub(/^Usage: *[^ ]*/, "dagan"); print "usage\t\t" $0; next }
        !usage { if ($0 != "") print "about\t\t" $0; next }
        /^[A-Za-z][A-Za-z ]*:$/ { flush(); kind = tolower($0); sub(/:$/, "", kind); next }
        /^  [^ ]/ {
            flush()
            name = substr($0, 3)
            if (match(name, /   */)) split_at(RSTART, RSTART + RLENGTH - 1)
            else if (name !~ / REQUIRED$/ && match(name, /[]}](=[^ ]+)?( REQUIRED)? /)) {
                end = RSTART + RLENGTH - 1
                split_at(end, end)
            }
            else if (substr(name, 28, 1) == " ") split_at(28, 28)
            next
        }
        /^ +[^ ]/ { line = $0; sub(/^ +/, "", line); text = text (text == "" ? "" : " ") line }
        END { flush() }'
}

# "INT:INT in [1 - 9]=3" -> "INT in [1 - 9], default 3"; "TEXT:{a,b}" -> "{a,b}"
type_of() {
    sed -E 's/(INT|UINT|FLOAT):(INT|UINT|FLOAT) in /\1 in /; s/FLOAT:POSITIVE/FLOAT > 0/
            s/TEXT:\{/{/; s/=([^ ]+)$/, default \1/; s/^(.*) REQUIRED(.*)$/\1\2, required/'
}
cell() { sed 's/\\/\\\\/g; s/|/\\|/g; s/\*/\\*/g'; }
records() { awk -F'\t' -v kind="$1" '$1 == kind' <<<"$2"; }
without_examples() { sed -E 's/ *Examples?:.*$//'; }

# The description: prose, wrapped; then the examples, in a code block.
print_about() { # RECORDS
    local text prose examples
    text=$(records about "$1" | cut -f3)
    prose=$(awk '/^(Examples?|Start here):/ { exit } { print }' <<<"$text")
    examples=$(awk '/^(Examples?|Start here):/ { found = 1; sub(/^[^:]*: */, "") }
                    found { sub(/^ +/, ""); print }' <<<"$text")
    if [ -n "$prose" ]; then
        echo
        # Each line of the description is a sentence or more; a command starts in lower case there.
        awk '{ print toupper(substr($0, 1, 1)) substr($0, 2) (/[.:]$/ ? "" : ".") }' <<<"$prose" |
            tr '\n' ' ' | cell | fold -s -w 100 | sed 's/ *$//'
        echo
    fi
    printf '\n```sh\n%s\n```\n' "${examples:-$(records usage "$1" | cut -f3)}"
}

print_table() { # KIND HEADING RECORDS
    local rows kind name text
    rows=$(records "$1" "$3" | awk -F'\t' '$2 !~ /^-h,--help/')
    [ -n "$rows" ] || return 0
    printf '\n| %s | Meaning |\n| --- | --- |\n' "$2"
    while IFS=$'\t' read -r kind name text; do
        printf '| `%s` | %s |\n' "$(type_of <<<"$name" | sed 's/|/\\|/g')" "$(cell <<<"$text")"
    done <<<"$rows"
}

# A command and, recursively, its subcommands.
print_command() { # WORDS...
    local help records words="dagan${*:+ $*}" level='##' name
    [ $# -lt 2 ] || level='###'
    help=$("$dagan" "$@" --help)
    records=$(parse <<<"$help")
    [ $# -eq 0 ] || printf '\n%s %s\n' "$level" "$words"
    print_about "$records"
    print_table positionals Argument "$records"
    print_table options Option "$records"
    local rows
    rows=$(records subcommands "$records")
    [ -n "$rows" ] || return 0
    printf '\n| Command | Purpose |\n| --- | --- |\n'
    local kind text
    while IFS=$'\t' read -r kind name text; do
        printf '| [`%s %s`](#%s-%s) | %s |\n' "$words" "$name" "${words// /-}" "$name" \
            "$(without_examples <<<"$text" | cell)"
    done <<<"$rows"
    while read -r name; do print_command "$@" "$name" </dev/null; done < <(cut -f2 <<<"$rows")
}

cat <<'PAGE'
# Commands

Every command prints its options with `--help`. This page is made from those texts by
`docs/make_cli_reference.sh build/bin/dagan > docs/reference/cli.md`; do not edit it. The exit codes
are in [exit-codes.md](exit-codes.md).
PAGE
print_command
