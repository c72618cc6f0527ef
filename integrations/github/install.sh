#!/usr/bin/env bash
# Puts kubewright into PATH for the steps that follow. Asks INSTALL (auto, release, source, none) and VERSION.
set -euo pipefail

root=${GITHUB_ACTION_PATH:?}
releases=${KUBEWRIGHT_RELEASES:-https://github.com/kubewright/kubewright/releases/download}
bin=${RUNNER_TEMP:?}/kubewright-bin

fail() {
  echo "::error title=kubewright::$1"
  exit 1
}

version=${VERSION:-}
[ -n "$version" ] || version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
version=${version#v}

target() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) echo x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-musl ;;
    Darwin-x86_64) echo x86_64-apple-darwin ;;
    Darwin-arm64) echo aarch64-apple-darwin ;;
    MINGW*-x86_64 | MSYS*-x86_64) echo x86_64-pc-windows-msvc ;;
    *) return 1 ;;
  esac
}

# kubewright-TARGET.tar.gz, with the program at its top, and kubewright-TARGET.tar.gz.sha256 beside it.
release() {
  local archive
  archive=kubewright-$(target).tar.gz || return 1
  mkdir -p "$bin"
  curl -fsSL --retry 3 -o "$bin/$archive" "$releases/v$version/$archive" || return 1
  curl -fsSL --retry 3 -o "$bin/$archive.sha256" "$releases/v$version/$archive.sha256" || return 1
  # What does not match its digest is never run, and never replaced by something else in silence.
  local wanted found
  wanted=$(cut -d ' ' -f 1 < "$bin/$archive.sha256")
  if command -v sha256sum > /dev/null; then found=$(sha256sum "$bin/$archive"); else found=$(shasum -a 256 "$bin/$archive"); fi
  [ "$wanted" = "${found%% *}" ] || fail "$archive of release v$version does not match its digest"
  tar -xzf "$bin/$archive" -C "$bin"
}

source_build() {
  command -v cargo > /dev/null || fail "there is no release v$version for this machine, and no cargo to build it: install Rust first, or set install: none with kubewright in PATH"
  cargo install --quiet --locked --path "$root" --root "$bin/built" --target-dir "$bin/target"
  cp "$bin/built/bin/"kubewright* "$bin/"
}

case ${INSTALL:-auto} in
  none) command -v kubewright > /dev/null || fail "install is none, and kubewright is not in PATH" ;;
  release) release || fail "release v$version cannot be fetched for $(uname -s) $(uname -m)" ;;
  source) source_build ;;
  auto) release || source_build ;;
  *) fail "install must be auto, release, source or none" ;;
esac
if [ -d "$bin" ]; then
  echo "$bin" >> "${GITHUB_PATH:?}"
  export PATH="$bin:$PATH"
fi
kubewright --version
