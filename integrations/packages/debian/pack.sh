#!/usr/bin/env bash
# Packs a Debian package of a program that is built: pack.sh PROGRAM TARGET FOLDER. The program must run on this
# machine: it writes the completions.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../../..
fail() { echo "pack.sh: $1" >&2; exit 2; }
[ $# = 3 ] || fail "pack.sh PROGRAM TARGET FOLDER"
program=$1 target=$2 out=$3

case $target in
  x86_64-unknown-linux-*) architecture=amd64 ;;
  aarch64-unknown-linux-*) architecture=arm64 ;;
  *) fail "there is no Debian package for $target" ;;
esac
# A static program needs nothing; the others need the C library that they were built with, or a newer one.
depends=
case $target in
  *-gnu)
    newest=$(LC_ALL=C grep -aoE 'GLIBC_2\.[0-9]+' "$program" | sort -Vu | tail -n 1)
    depends="Depends: libc6 (>= ${newest#GLIBC_}), libgcc-s1"
    ;;
esac
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$top/Cargo.toml" | head -n 1)

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
umask 022
put() { install -D -m 644 /dev/stdin "$root/$1"; }
install -D -m 755 "$program" "$root/usr/bin/kubewright"
# kubectl finds its plugins in PATH by these names.
ln -s kubewright "$root/usr/bin/kubectl-wright"
ln -s kubewright "$root/usr/bin/kubectl_complete-wright"
"$program" completions bash | put usr/share/bash-completion/completions/kubewright
"$program" completions zsh | put usr/share/zsh/vendor-completions/_kubewright
"$program" completions fish | put usr/share/fish/vendor_completions.d/kubewright.fish
# The same program gives the same package.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2> /dev/null || echo 0)}
maintainer="The kubewright authors <kubewright@users.noreply.github.com>"
{
  printf 'kubewright (%s-1) unstable; urgency=medium\n\n' "$version"
  printf '  * What is new stands in changelog.gz.\n\n'
  printf ' -- %s  %s\n' "$maintainer" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9nc | put usr/share/doc/kubewright/changelog.Debian.gz
gzip -9nc "$top/CHANGELOG.md" | put usr/share/doc/kubewright/changelog.gz
{
  echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
  echo "Upstream-Name: kubewright"
  echo "Source: https://github.com/kubewright/kubewright"
  echo
  echo "Files: *"
  echo "Copyright: The kubewright authors"
  echo "License: MIT or Apache-2.0"
  echo
  echo "License: MIT"
  sed 's/^$/./; s/^/ /' "$top/LICENSE-MIT"
  echo
  echo "License: Apache-2.0"
  echo " On Debian systems the text is in /usr/share/common-licenses/Apache-2.0."
} | put usr/share/doc/kubewright/copyright

size=$(du -k -s "$root/usr" | cut -f 1)
{
  echo "Package: kubewright"
  echo "Version: $version-1"
  echo "Architecture: $architecture"
  echo "Maintainer: $maintainer"
  echo "Section: utils"
  echo "Priority: optional"
  echo "Installed-Size: $size"
  [ -z "$depends" ] || echo "$depends"
  echo "Homepage: https://github.com/kubewright/kubewright"
  echo "Description: finds and fixes configuration hazards in Kubernetes manifests"
  echo " Finds what bites in manifests (ConfigMaps whose change restarts no pod, names"
  echo " that collide, files that are mounted through subPath) and rewrites them in"
  echo " place, showing every change as a diff."
} | put DEBIAN/control
(cd "$root" && find usr -type f -exec md5sum {} + | LC_ALL=C sort -k 2) | put DEBIAN/md5sums
find "$root" -type d -exec chmod 755 {} +
mkdir -p "$out"
dpkg-deb --root-owner-group -Zxz --build "$root" "$out/kubewright_$version-1_$architecture.deb" > /dev/null
echo "kubewright_$version-1_$architecture.deb"
