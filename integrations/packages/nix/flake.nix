# nix run "github:kubewright/kubewright?dir=integrations/packages/nix" -- fix
{
  description = "Finds configuration hazards in Kubernetes manifests and rewrites them in place";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      each = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      packages = each (pkgs: rec {
        default = kubewright;
        kubewright = pkgs.callPackage ./package.nix { };
      });

      overlays.default = final: _: { kubewright = final.callPackage ./package.nix { }; };

      devShells = each (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.stdenv.hostPlatform.system}.kubewright ];
          packages = [ pkgs.clippy pkgs.rustfmt pkgs.kustomize pkgs.kubernetes-helm ];
        };
      });
    };
}
