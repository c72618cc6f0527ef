data "template_file" "worker" {
  template = <<EOF
#cloud-config
write_files:
- path: /etc/kubernetes/manifests/kube-proxy.yaml
  content: |
    apiVersion: v1
    kind: Pod
    metadata:
      name: kube-proxy
      namespace: kube-system
    spec:
      hostNetwork: true
      containers:
      - name: kube-proxy
        image: registry.example.com/kube-proxy:${version}
        command:
        - kube-proxy
        - --kubeconfig=/etc/kubernetes/proxy.conf
        - --hostname-override=${name}
runcmd:
- systemctl start kubelet
EOF
}
