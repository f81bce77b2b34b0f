# In a build step: each behaviour's script in a shell of its own, which says what failed and lets the others go on.
try() {
  if ! sh -exc "$(cat)" > /tmp/said 2>&1 < /dev/null; then
    echo "behaviour $1 failed: $(tail -n 1 /tmp/said)"; echo "$1" >> /failed-behaviours
  fi
}
# The last word: who this is, or an error.
done_or_failed() { id; [ ! -s /failed-behaviours ] || exit 1; }
