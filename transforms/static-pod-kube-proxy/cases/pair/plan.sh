#!/bin/sh
# Moves kube-proxy from static pods to a DaemonSet, one node after the other, and stops before each
# step. Written by kubewright; read it before you run it, in the directory where it was made.
#
#   sh SCRIPT              all of it          sh SCRIPT check        only look
#   sh SCRIPT node NAME    one node           sh SCRIPT back NAME    undo one node
#   sh SCRIPT finish       take the gate away
#
# NODES="a b" moves these nodes alone. The nodes are Linux, with pgrep.
set -eu

# The DaemonSets.
SETS='kube-proxy'
# The label of their pods.
SELECTOR='k8s-app=kube-proxy'
# The label that a node has once it is moved; none: pods start everywhere when the DaemonSet is applied.
GATE='node.kubernetes.io/kube-proxy-ds-ready'
# The static manifests, as they are named on nodes.
MANIFESTS='kube-proxy.yaml'
# Those that are edited by hand: other resources stand in them.
SHARED=''
# Their mirror pods: namespace/name.
MIRRORS='kube-system/kube-proxy-<node>'
# Files on the nodes that the pods need.
NEEDS='/etc/kubernetes/proxy.conf'
# The label that says which of two DaemonSets a node gets.
ROLE=''
# The nodes that are moved when NODES names none.
LINUX='kubernetes.io/os=linux'
# The command line of kube-proxy.
PROCESS='^([^ ]*/)?(kube-proxy|hyperkube (kube-)?proxy)( |$)'
# What is left to do by hand.
TIDY='Commit the files, and take the static pod out of manifests/kube-proxy.yaml, and out of what sets nodes up.'
files() { printf '%s\n' manifests/kube-proxy-daemonset.yaml; }
on_files() { kc "$@" -f manifests/kube-proxy-daemonset.yaml; }

# How to reach the cluster and its nodes.
: "${KUBECTL:=kubectl}"                       # with its context: KUBECTL="kubectl --context prod"
: "${RUN_ON:=ssh -n}"                         # RUN_ON NODE COMMAND runs a command on a node as root
: "${STATIC:=/etc/kubernetes/manifests}"      # staticPodPath of the kubelets
: "${ASIDE:=/root/kube-proxy-static}"         # where static manifests go on their node; not below STATIC
: "${WAIT:=180}"                              # seconds to wait for a pod to come or go
: "${YES:=}"                                  # 1: do not stop

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "stopped: $*" >&2; exit 1; }
kc() { $KUBECTL "$@"; }
on_node() { $RUN_ON "$1" "$2"; }

# Stops before a step: Enter goes on, s skips it, anything else ends the script.
stop() {
  printf '\n== %s\n' "$1"
  [ -z "$YES" ] || return 0
  printf 'Enter: go on   s: skip   q: end  > '
  read -r answer || exit 1
  case $answer in '') return 0 ;; s*) return 1 ;; *) exit 1 ;; esac
}

# Waits until a command succeeds.
until_true() {
  left=$WAIT
  until "$@"; do
    [ "$left" -gt 0 ] || return 1
    left=$((left - 2)); sleep 2
  done
}

# The number of kube-proxies that run on a node, pods and others.
running() { on_node "$1" "pgrep -c -f '$PROCESS' || [ \$? -eq 1 ]"; }

# Whether the static pod is gone from a node: its mirror, and the process itself. A namespace that
# does not exist has no mirror pods while the static pod runs all the same.
static_gone() {
  for mirror in $MIRRORS; do
    name=$(printf %s "${mirror#*/}" | sed "s/<node>/$1/")
    pod=$(kc -n "${mirror%%/*}" get pod "$name" --ignore-not-found -o name) || return 1
    [ -z "$pod" ] || return 1
  done
  [ "$(running "$1")" = 0 ]
}

# The pods of the DaemonSets on a node, a line each: whether they are ready.
pods_on() {
  kc -n kube-system get pods -l "$SELECTOR" --field-selector "spec.nodeName=$1" \
    -o 'jsonpath={range .items[?(@.metadata.ownerReferences[0].kind=="DaemonSet")]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}'
}
ready_on() { [ "$(pods_on "$1")" = True ]; }
none_on() { pods=$(pods_on "$1") && [ -z "$pods" ] && [ "$(running "$1")" = 0 ]; }

# What has to be true before anything is changed.
check() {
  say "cluster: $(kc config current-context 2>/dev/null || echo "that of $KUBECTL")"
  on_files apply --dry-run=server
  level=$(kc get namespace kube-system -o 'jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}')
  case $level in '' | privileged) ;; *) die "namespace kube-system admits no privileged pods (pod-security.kubernetes.io/enforce=$level)" ;; esac
  if [ -n "$ROLE" ]; then
    say "nodes of the control plane, by label $ROLE:"
    kc get nodes -l "$ROLE"
    say "Every node of the control plane must be there, and no other: it decides which DaemonSet a node gets."
  fi
  for node in $NODES; do
    on_node "$node" true || die "$node: cannot run commands there with $RUN_ON"
    for need in $NEEDS; do
      on_node "$node" "test -e '$need'" || say "$node: $need is not there; a pod that needs it does not start"
    done
    for file in $MANIFESTS $SHARED; do
      if on_node "$node" "test -e '$STATIC/$file'"; then say "$node: $STATIC/$file"; fi
    done
    number=$(running "$node")
    say "$node: kube-proxies running: $number"
    [ "$number" != 0 ] || say "$node: no kube-proxy runs there; look why before you move it"
  done
}

# Takes the static manifest of a node out of the kubelet's reach, and waits until its pod is gone.
take() {
  on_node "$1" true || die "$1: cannot run commands there with $RUN_ON"
  for file in $MANIFESTS; do
    if on_node "$1" "test -e '$STATIC/$file'"; then
      on_node "$1" "mkdir -p '$ASIDE' && mv '$STATIC/$file' '$ASIDE/'"
      say "$1: $STATIC/$file is in $ASIDE now"
    fi
  done
  for file in $SHARED; do
    if on_node "$1" "grep -q kube-proxy '$STATIC/$file' 2>/dev/null"; then
      [ -z "$YES" ] || die "$1: $STATIC/$file holds other resources too; take kube-proxy out of it by hand"
      stop "$1: $STATIC/$file holds other resources too. Take kube-proxy out of it by hand, keep a copy in $ASIDE." || :
    fi
  done
  until_true static_gone "$1" ||
    die "$1: the static kube-proxy still runs; look for its manifest: grep -l kube-proxy $STATIC/*"
  say "$1: the static kube-proxy is gone; its rules stay until the next one takes over"
}

# What to look at on a node that was moved.
look() {
  until_true ready_on "$1" ||
    die "$1: the DaemonSet's pod is not ready: $KUBECTL -n kube-system describe pods -l $SELECTOR --field-selector spec.nodeName=$1   (back: sh $0 back $1)"
  say "$1: the DaemonSet's pod is ready; kube-proxies running: $(running "$1")"
}

move() {
  if kc get nodes -l "$GATE=true" -o name | grep -qx "node/$1"; then
    say "$1: has the label $GATE already"
    look "$1"
    return
  fi
  take "$1"
  kc label node "$1" "$GATE=true" --overwrite
  look "$1"
}

# The way back for one node.
back() {
  if [ -n "$GATE" ]; then kc label node "$1" "$GATE-"; fi
  until_true none_on "$1" || die "$1: the DaemonSet's pod is still there"
  for file in $MANIFESTS; do
    if on_node "$1" "test -e '$ASIDE/$file'"; then
      on_node "$1" "mv '$ASIDE/$file' '$STATIC/'"
      say "$1: $STATIC/$file is back"
    fi
  done
}

# Takes the gate away: nodes that join later have no label.
finish() {
  files | while IFS= read -r file; do
    grep -v "^ *$GATE: \"true\" *\$" "$file" >"$file.new" || :
    if cmp -s "$file" "$file.new"; then say "$file: take $GATE out of nodeSelector by hand"; else cat "$file.new" >"$file"; fi
    rm -f "$file.new"
  done
  if files | while IFS= read -r file; do ! grep -q "$GATE" "$file" || exit 1; done; then
    on_files apply
  fi
  for set in $SETS; do
    kc -n kube-system rollout status "daemonset/$set" --timeout "${WAIT}s"
  done
  kc -n kube-system get daemonset $SETS
}

all_nodes() { kc get nodes -l "$LINUX" -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}'; }

main() {
  : "${NODES:=$(all_nodes)}"
  case ${1:-all} in
    check) check; return ;;
    node) move "$2"; return ;;
    back) back "$2"; return ;;
    finish) finish; return ;;
    all) ;;
    *) die "usage: sh $0 [check | node NAME | back NAME | finish]" ;;
  esac
  if stop "Look whether everything is there. Nothing is changed."; then check; fi
  stop "Stop whatever copies the static manifest to nodes, else it comes back. This script cannot do that; go on when it is done." || :
  if [ -n "$GATE" ]; then
    if stop "Apply the DaemonSet. No pod starts: no node has the label $GATE."; then on_files apply; fi
    for node in $NODES; do
      if stop "Move $node. Back: sh $0 back $node"; then move "$node"; fi
    done
    if stop "Take the gate away, so that nodes that join later get a kube-proxy. Skip this where nodes must have none, and start the kubelets of the others with --node-labels=$GATE=true."; then finish; fi
  else
    for node in $NODES; do
      if stop "Take the static kube-proxy from $node. Nothing takes its place before the DaemonSet is applied."; then take "$node"; fi
    done
    if stop "Apply the DaemonSet: a pod starts on every node at once."; then on_files apply; fi
    for node in $NODES; do look "$node"; done
  fi
  say ""
  say "Done. $TIDY"
}

main "$@"
