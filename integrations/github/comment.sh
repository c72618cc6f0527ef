#!/usr/bin/env bash
# Keeps one comment of a pull request up to date: the one of a bot that begins with the marker. Without findings a
# comment is updated, but none is made.
set -euo pipefail

marker='<!-- kubewright-report -->'
comments=repos/${GITHUB_REPOSITORY:?}/issues
own=".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$marker\"))) | .id"

# The token of a pull request from a fork may not write: the summary of the job has the same text.
skip() {
  echo "::warning title=kubewright::the comment cannot be written: does the job have pull-requests write? (pull requests from forks have not)"
  exit 0
}

ids=$(gh api --paginate "$comments/${PULL_REQUEST:?}/comments?per_page=100" --jq "$own") || skip
id=${ids%%$'\n'*}
if [ -n "$id" ]; then
  gh api --silent --method PATCH "$comments/comments/$id" --field "body=@${MARKDOWN:?}" || skip
elif [ "${FINDINGS:-0}" != 0 ]; then
  gh api --silent --method POST "$comments/$PULL_REQUEST/comments" --field "body=@${MARKDOWN:?}" || skip
fi
