set -u
narrows=@PROGRAM@
out=@OUT@
cd -- @DIRECTORY@ || exit 1

"$narrows" study merge "$out"; code=$?
if [ "$code" -eq 0 ]; then
  "$narrows" report "$out"
  exit
fi
{
  echo "narrows: the tables are not merged. What is done is kept; only what is missing is done again by:"
  printf '  %s\n' @AGAIN@
  echo "or, with the cells that failed tried again:"
  printf '  %s\n' @AGAIN_RETRY@
  echo "The cells that are there, without the others:"
  printf '  %s\n' @PARTIAL@
} >&2
exit "$code"
