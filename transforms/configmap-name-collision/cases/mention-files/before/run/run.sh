#!/bin/sh
kubectl get configmap settings
