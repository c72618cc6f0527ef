#!/bin/sh
set -e
kubectl -n shop get configmap shop-env -o yaml > backup.yaml
