resource "x" "kube-proxy" {
  text = "kind: Pod"
}
