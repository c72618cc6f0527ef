{ lib, rustPlatform, installShellFiles, stdenv }:

let
  top = ../../..;
  manifest = lib.importTOML (top + "/Cargo.toml");
in
rustPlatform.buildRustPackage {
  pname = "kubewright";
  version = manifest.workspace.package.version;

  # What the build reads; a change elsewhere builds nothing again.
  src = lib.fileset.toSource {
    root = top;
    fileset = lib.fileset.unions [
      (top + "/Cargo.toml")
      (top + "/Cargo.lock")
      (top + "/README.md")
      (top + "/benches")
      (top + "/docs")
      (top + "/model")
      (top + "/src")
      (top + "/tests")
      (top + "/transforms")
    ];
  };
  cargoLock.lockFile = top + "/Cargo.lock";

  nativeBuildInputs = [ installShellFiles ];
  # They run clients that a sandbox does not have.
  doCheck = false;

  postInstall = ''
    ln -s kubewright $out/bin/kubectl-wright
    ln -s kubewright $out/bin/kubectl_complete-wright
  '' + lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    installShellCompletion --cmd kubewright \
      --bash <($out/bin/kubewright completions bash) \
      --zsh <($out/bin/kubewright completions zsh) \
      --fish <($out/bin/kubewright completions fish)
  '';

  meta = {
    inherit (manifest.package) description;
    homepage = manifest.workspace.package.repository;
    license = with lib.licenses; [ mit asl20 ];
    mainProgram = "kubewright";
  };
}
