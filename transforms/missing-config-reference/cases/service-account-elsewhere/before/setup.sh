#!/bin/sh
kubectl create serviceaccount -n shop scripted
