#!/bin/sh
set -eu
kubectl -n jobs create configmap job-env \
  --from-env-file=job.env --dry-run=client -o yaml | kubectl apply -f -
# kubectl create configmap for twin-env is done by hand
kubectl delete configmap twin-env
