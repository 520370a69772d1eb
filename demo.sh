# The demonstration of `make demo`: lint, render and send a sample issue to an example list.
set -eu
newsletter="${NEWSLETTER:-newsletter}"
issue=2026-11-20-quiet-machines
list=readers

step() { printf '\n\033[1m$ newsletter %s\033[0m\n' "$*"; "$newsletter" "$@"; }

step db upgrade
step lint "$issue"
step render "$issue" --out out
step subscribers import subscribers/example.csv --list "$list"
printf '\n\033[1m$ newsletter send %s --list %s --yes\033[0m\n' "$issue" "$list"
code=0
"$newsletter" send "$issue" --list "$list" --yes || code=$?
case $code in
  0) printf '\nSent. Open out/%s/email.html in a browser, and the mails in outbox/.\n' "$issue" ;;
  5) printf '\nNothing was sent twice. The mails of the first run are in outbox/.\n' ;;
  *) exit $code ;;
esac
