#!/usr/bin/env bash
# Looks for hazards, and leaves the reports where the next steps find them. Does not fail when something is found: the
# last step of the action does, when all have been told.
set -euo pipefail

out=${RUNNER_TEMP:?}/kubewright-report
mkdir -p "$out"
arguments=(--fail-on "${FAIL_ON:-warning}")

since=${SINCE:-}
if [ "$since" = auto ]; then
  since=
  if [ -n "${BASE:-}" ]; then
    # A checkout of depth 1 has no parents. Of the merge that GitHub makes of a pull request, the first one is the
    # branch that it goes to.
    if ! git merge-base "$BASE" HEAD > /dev/null 2>&1; then
      git fetch --quiet --no-tags --depth=2 origin "$(git rev-parse HEAD)" || true
    fi
    if git rev-parse --verify --quiet HEAD^2 > /dev/null; then
      since=HEAD^1
    else
      if ! git merge-base "$BASE" HEAD > /dev/null 2>&1; then
        git fetch --quiet --no-tags --unshallow origin || git fetch --quiet --no-tags origin "$BASE" || true
      fi
      since=$BASE
    fi
  fi
fi
[ -z "$since" ] || arguments+=("--since=$since")
[ -z "${BASELINE:-}" ] || arguments+=("--baseline=$BASELINE")
[ -z "${CONFIG:-}" ] || arguments+=("--config=$CONFIG")
case ${UNSAFE_FIXES:-} in
  '') ;;
  all) arguments+=(--unsafe-fixes) ;;
  *) arguments+=("--unsafe-fixes=$UNSAFE_FIXES") ;;
esac
for report in github=annotations.txt markdown=comment.md sarif=results.sarif json=report.json rdjson=diagnostics.json concise=findings.txt diff=fixes.patch; do
  arguments+=(--format "${report%%=*}=$out/${report#*=}")
done
paths=()
while IFS= read -r path; do
  [ -z "$path" ] || paths+=("$path")
done <<< "${PATHS:-.}"

# Text of manifests in the log must not be taken for workflow commands.
token=kubewright-$$-$RANDOM$RANDOM
echo "::stop-commands::$token"
status=0
kubewright fix "${arguments[@]}" --format text -- "${paths[@]}" || status=$?
echo "::$token::"
if [ "$status" -gt 1 ]; then
  echo "::error title=kubewright::kubewright ended with status $status; the log says why"
  exit "$status"
fi

[ "${ANNOTATIONS:-true}" != true ] || cat "$out/annotations.txt"
[ "${SUMMARY:-true}" != true ] || cat "$out/comment.md" >> "${GITHUB_STEP_SUMMARY:?}"
{
  echo "status=$status"
  echo "findings=$(grep -c '' "$out/findings.txt" || true)"
  echo "markdown=$out/comment.md"
  echo "sarif=$out/results.sarif"
  echo "json=$out/report.json"
  echo "rdjson=$out/diagnostics.json"
  echo "patch=$out/fixes.patch"
} >> "${GITHUB_OUTPUT:?}"
