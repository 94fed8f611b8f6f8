# Sourced by the commands of this folder: options that a command does not have are refused before it does anything.

# refuse <command> <argument> <known options...>: say so, with the known one that was probably meant, and stop with 2
refuse() {
    command=$1 argument=$2
    shift 2
    known=$(printf ', %s' "$@")
    meant=$(nearest "${argument%%=*}" "$@")
    case "$argument" in -*) kind=option ;; *) kind=argument ;; esac
    printf '%s\n' "$command: unknown $kind $argument${meant:+; did you mean $meant?} (known: ${known#, })" >&2
    exit 2
}

# nearest <word> <words...>: which of them becomes the word by changing at most a third of its letters, if any
nearest() {
    printf '%s\n' "$@" | awk '
        function distance(a, b,    i, j, row, above, left) {
            for (j = 0; j <= length(b); j++) row[j] = j
            for (i = 1; i <= length(a); i++) {
                above = row[0]; row[0] = i
                for (j = 1; j <= length(b); j++) {
                    left = above + (substr(a, i, 1) != substr(b, j, 1))
                    if (row[j] + 1 < left) left = row[j] + 1
                    if (row[j - 1] + 1 < left) left = row[j - 1] + 1
                    above = row[j]; row[j] = left
                }
            }
            return row[length(b)]
        }
        NR == 1 { word = $0; next }
        { d = distance(word, $0); if (d * 3 <= length($0) && (best == "" || d < least)) { best = $0; least = d } }
        END { print best }'
}
