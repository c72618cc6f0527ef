#!/bin/sh
kubectl get configmap scripted
