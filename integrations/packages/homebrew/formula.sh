#!/usr/bin/env bash
# Prints the Homebrew formula of a release: formula.sh FOLDER, which holds kubewright-TARGET.tar.gz.sha256 of each
# target. The tap keeps what is printed as Formula/kubewright.rb.
set -euo pipefail
top=$(cd "$(dirname "$0")/../../.." && pwd)
[ $# = 1 ] || { echo "formula.sh FOLDER" >&2; exit 2; }
folder=$1
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$top/Cargo.toml" | head -n 1)

archive() {
  local name=kubewright-$1.tar.gz digest
  digest=$(cut -d ' ' -f 1 < "$folder/$name.sha256")
  [ ${#digest} = 64 ] || { echo "formula.sh: $folder/$name.sha256 holds no digest" >&2; exit 2; }
  echo "      url \"https://github.com/kubewright/kubewright/releases/download/v#{version}/$name\""
  echo "      sha256 \"$digest\""
}
mac_arm=$(archive aarch64-apple-darwin)
mac_intel=$(archive x86_64-apple-darwin)
linux_arm=$(archive aarch64-unknown-linux-musl)
linux_intel=$(archive x86_64-unknown-linux-musl)

cat << EOF
class Kubewright < Formula
  desc "Find and fix configuration hazards in Kubernetes manifests"
  homepage "https://github.com/kubewright/kubewright"
  version "$version"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
$mac_arm
    end
    on_intel do
$mac_intel
    end
  end

  on_linux do
    on_arm do
$linux_arm
    end
    on_intel do
$linux_intel
    end
  end

  def install
    bin.install "kubewright"
    # kubectl finds its plugins in PATH by these names.
    bin.install_symlink bin/"kubewright" => "kubectl-wright"
    bin.install_symlink bin/"kubewright" => "kubectl_complete-wright"
    generate_completions_from_executable(bin/"kubewright", "completions")
  end

  test do
    (testpath/"pod.yaml").write <<~YAML
      apiVersion: v1
      kind: Pod
      metadata: {name: web}
      spec:
        containers:
          - {name: web, image: registry.example.com/web:1.0}
    YAML
    assert_match "kubewright #{version}", shell_output("#{bin}/kubewright --version")
    system bin/"kubewright", "fix", "--check", testpath/"pod.yaml"
  end
end
EOF
