set -eu
metadata=$1 message=$2
shift 2
"$@" &
child=$!
trap 'kill "$child"' TERM INT
wait "$child"
sed -n 's/.*"containerimage.digest": *"\([^"]*\)".*/\1/p' "$metadata" | head -n 1 > "$message"
