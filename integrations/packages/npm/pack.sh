#!/usr/bin/env bash
# Packs the npm package of one platform: pack.sh PROGRAM TARGET FOLDER. Without a program, pack.sh FOLDER, the package
# that chooses among them. `npm publish` takes what is written into FOLDER, platforms first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../../..
fail() { echo "pack.sh: $1" >&2; exit 2; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp "$top"/LICENSE-* "$here/README.md" "$scratch"
case $# in
  1)
    out=$1
    cp "$here"/cli/* "$scratch"
    ;;
  3)
    program=$1 target=$2 out=$3
    file=kubewright
    case $target in
      x86_64-unknown-linux-*) os=linux cpu=x64 ;;
      aarch64-unknown-linux-*) os=linux cpu=arm64 ;;
      x86_64-apple-darwin) os=darwin cpu=x64 ;;
      aarch64-apple-darwin) os=darwin cpu=arm64 ;;
      x86_64-pc-windows-*) os=win32 cpu=x64 file=kubewright.exe ;;
      *) fail "there is no npm package for $target" ;;
    esac
    version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$here/cli/package.json")
    install -m 755 "$program" "$scratch/$file"
    cat > "$scratch/package.json" << EOF
{
  "name": "@kubewright/$os-$cpu",
  "version": "$version",
  "description": "kubewright for $os $cpu",
  "repository": {"type": "git", "url": "git+https://github.com/kubewright/kubewright.git"},
  "license": "MIT OR Apache-2.0",
  "os": ["$os"],
  "cpu": ["$cpu"],
  "files": ["$file"],
  "preferUnplugged": true
}
EOF
    ;;
  *) fail "pack.sh PROGRAM TARGET FOLDER, or pack.sh FOLDER" ;;
esac
mkdir -p "$out"
npm pack --silent --pack-destination "$out" "$scratch"
